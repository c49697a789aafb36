"""``citypatrol explain`` from the history: an instant of the past, as a person asks for it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.spoken import exactly
from citypatrol.clock import rfc3339
from citypatrol.samples import Batch, Sample
from tests.app.a_backtest import at, fill, flood
from tests.app.a_city import write_city
from tests.app.a_command import Done, Run
from tests.citypatrol.a_history import entries, write

Explain = Callable[..., Done]


@pytest.fixture
def explain(tmp_path: Path, run: Run) -> Explain:
    """Of the small city; its history lies in ``tmp_path/h``."""
    write_city(tmp_path / "city")

    def explain(*words: str) -> Done:
        return run("explain", *words, "--history", str(tmp_path / "h"), cwd=tmp_path / "city")

    return explain


def test_for_people(explain: Explain, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30), *flood("wl-2", 0, 1, until=30))
    done = explain("flooded", "wl-1", "--at", rfc3339(at(6) + 40_000))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "flooded at wl-1, 2026-05-13T07:06:40Z",
        "pending since 2026-05-13T07:05:00Z: 1m 40s of 2m",
        "next: fires at 2026-05-13T07:07:00Z, in 20s, if it stays so",
        "when for 2m",
        "  true    water_level above 12 (its flood_limit): 20 from wl-1, 40s ago",
        "clear for 5m",
        "  false   water_level below 10: 20 from wl-1, 40s ago",
        "ticket: none",
    ]


@pytest.mark.parametrize(
    ("minute", "says"),
    [
        (7, "firing since 2026-05-13T07:05:00Z, fired at 2026-05-13T07:07:00Z"),
        (7, "no next moment: the clear condition does not hold"),
        (7, "ticket: ZZ-260513-0001"),
        (12, "next: clears at 2026-05-13T07:15:00Z, in 3m, if it stays so"),
        (20, "no next moment: the condition does not hold; a sample must change that"),
        (500, "  unknown water_level above 12 (its flood_limit): 0 from wl-1, 7h 50m ago"
              " (the value is older than 2h)"),
    ],
)  # fmt: skip
def test_as_time_goes_on(explain: Explain, tmp_path: Path, minute: int, says: str) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    assert says in explain("flooded", "wl-1", "--at", rfc3339(at(minute))).stdout.splitlines()


def test_for_programs(explain: Explain, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    found = json.loads(explain("flooded", "wl-1", "--at", rfc3339(at(6)), "--json").stdout)
    assert found["judged_from"] == rfc3339(at(6) - 86_400_000)
    assert (found["state"], found["held_s"], found["for_s"]) == ("pending", 60, 120)
    assert found["fires_at"] == rfc3339(at(7))
    assert found["when"] == {
        "says": "water_level above 12 (its flood_limit)",
        "truth": True,
        "because": None,
        "seen": [
            {
                "source": "wl-1",
                "metric": "water_level",
                "ts": rfc3339(at(6)),
                "value": 20.0,
                "dies_at": rfc3339(at(126)),
            }
        ],
        "parts": [],
        "more": 0,
    }
    assert found["filed"]["makes_tickets"] is True


def test_a_cooldown_holds_it_back(explain: Explain, tmp_path: Path) -> None:
    """The ticket is closed a minute after its trouble cleared; the next one waits ten."""
    fill(tmp_path / "h", *[("wl-1", m, 20.0 if m in (2, 3, 4, 11, 12, 13, 14) else 0.0)
         for m in range(30)])  # fmt: skip
    words = ("flooded", "wl-1", "--close-after", "1m")
    waits = explain(*words, "--at", rfc3339(at(14)))
    assert "ticket: waits for the cool-down to end at 2026-05-13T07:21:00Z" in waits.stdout
    quiet = explain(*words, "--at", rfc3339(at(11)))
    assert "ticket: none; the cool-down lasts until 2026-05-13T07:21:00Z" in quiet.stdout


def test_rules_beside_no_city(run: Run, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("a", 5, 10, until=30))
    (tmp_path / "r.yaml").write_text(
        "rules: [{name: r, select: {metric: water_level}, when: {mean: 3m, above: 5}}]"
    )
    words = ("--rules", str(tmp_path / "r.yaml"), "--history", str(tmp_path / "h"))
    done = run("explain", "r", "a", *words, "--at", rfc3339(at(5)), cwd=tmp_path)
    assert (
        "  true    mean over 3m of water_level above 5: 6.666666667 from a, 0s ago" in done.stdout
    )
    assert "ticket: the rule makes incidents only" in done.stdout
    nowhere = run("explain", "r", "a", cwd=tmp_path)
    assert nowhere.returncode == 2
    assert "write --city FILE, or --rules and --history" in nowhere.stderr


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("floded", "wl-1"), 1, "there is no rule 'floded'; the nearest: flooded"),
        (("flooded", "wl-7"), 1, "there is no source wl-7; the nearest: wl-2, wl-1"),
        (("flooded", "cam-1"), 1, "rule 'flooded' does not select cam-1: it wants kind: underpass,"
                                  " and the source has 'camera'"),
        (("flooded", "wl-2"), 1, "wl-2 is in the registry and has sent nothing that the rule"),
        (("flooded", "wl-1", "--at", "noon"), 2, "--at: 'noon' is no day or time"),
        (("flooded", "wl-1", "--at", "2026-05-13", "--until", "2026-05-14"), 2, "say the same"),
    ],
)  # fmt: skip
def test_what_cannot_be_explained(
    explain: Explain, tmp_path: Path, words: tuple[str, ...], status: int, says: str
) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    done = explain(*words)
    assert (done.returncode, done.stdout) == (status, "")
    assert says in done.stderr


@pytest.mark.parametrize(
    ("metric", "source", "says"),
    [
        (
            "level",
            "a",
            "a has sent no level in this time, nor has anybody; the nearest: water_level",
        ),
        (
            "pm25",
            "a",
            "a has sent no pm25 in this time, nor has anybody; there is rain, water_level",
        ),
        ("rain", "a", "a has sent no rain in this time, so rule 'r' judges nothing there"),
        ("rain", "c", "there is no source c"),
    ],
)
def test_a_source_that_sends_other_things(
    run: Run, tmp_path: Path, metric: str, source: str, says: str
) -> None:
    write(tmp_path / "h", entries(Batch.of([
        *(Sample("a", "water_level", at(minute), 1.0) for minute in range(9)),
        Sample("b", "rain", at(1), 1.0),
    ])))  # fmt: skip
    (tmp_path / "r.yaml").write_text(
        f"rules: [{{name: r, select: {{metric: {metric}}}, when: {{above: 5}}}}]"
    )
    words = ("--rules", str(tmp_path / "r.yaml"), "--history", str(tmp_path / "h"))
    done = run("explain", "r", source, *words, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"citypatrol explain: {says}\n"


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0s"), (250, "250ms"), (100_000, "1m 40s"), (3_900_000, "1h 5m"), (90_061_000, "1d 1h")],
)
def test_durations_as_people_say_them(ms: int, text: str) -> None:
    assert exactly(ms) == text
