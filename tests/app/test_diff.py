"""``citypatrol diff``: what became of the tickets, and which change did it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from citypatrol.clock import rfc3339
from tests.app.a_backtest import BARE, at, fill, flood
from tests.app.a_city import FILES, write_city
from tests.app.a_command import Done, Run

RULE = {
    "select": "{metric: water_level}",
    "when": "{above: 15, for: 2m}",
    "clear": "{below: 10}",
    "ticket": "{category: road.flooding, title: Wet}",
}
Diff = Callable[..., Done]


def rule(name: str = "wet", **changed: str | None) -> str:
    words = {key: value for key, value in {**RULE, **changed}.items() if value is not None}
    return f"  - {{name: {name}, {', '.join(f'{k}: {v}' for k, v in words.items())}}}\n"


def rules(*some: str) -> str:
    return "rules:\n" + "".join(some)


@pytest.fixture
def diff(tmp_path: Path, run: Run) -> Diff:
    """Of two texts, over the history in ``tmp_path/h``, in a city without anybody."""
    (tmp_path / "city.yaml").write_text(BARE)

    def diff(old: str, new: str, *words: str) -> Done:
        (tmp_path / "old.yaml").write_text(old)
        (tmp_path / "new.yaml").write_text(new)
        paths = (str(tmp_path / "old.yaml"), str(tmp_path / "new.yaml"))
        return run("diff", *paths, "--history", str(tmp_path / "h"), *words)

    return diff


def told(done: Done) -> Any:
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def fates(found: Any) -> list[str]:
    """``fate source why``."""
    return [
        f"{fate} {one['source']} {one['reason']['text']}"
        for fate in ("gained", "lost", "earlier", "later", "changed")
        for one in found[fate]
    ]


LEVELS = (*flood("a", 5, 9, until=30), *[("b", m, 17.0 if 3 <= m < 20 else 0.0) for m in range(31)])
"""a stands at 20 from minute 5 to 9, b at 17 from 3 to 20: tickets at 7 and at 5."""


CHANGES: dict[str, tuple[dict[str, str | None], list[str]]] = {
    "higher": ({"when": "{above: 18, for: 2m}"}, ["lost b threshold"]),
    "the other way": (
        {"when": "{below: 18, for: 2m}", "clear": None},
        ["gained a threshold", "gained a threshold", "lost a threshold", "earlier b threshold"],
    ),
    "longer": ({"when": "{above: 15, for: 5m}"}, ["lost a timer", "later b timer"]),
    "shorter": ({"when": "{above: 15, for: 1m}"}, ["earlier b timer", "earlier a timer"]),
    "more samples": (
        {"when": "{above: 15, for: 2m, at_least: 9 samples}"},
        ["lost a at_least", "later b at_least"],
    ),
    "other words, same meaning": ({"when": "{above: 15.0, for: 120s}"}, []),
    "silence": (
        {"when": "{missing: 5m}", "clear": None},
        ["lost b condition", "lost a condition"],
    ),
    "others": (
        {"select": "{metric: water_level, where: {k: x}}"},
        ["lost b selection", "lost a selection"],
    ),
    "unless": ({"unless": "{metric: water_level, above: 18}"}, ["lost a unless"]),
    "clear": ({"clear": "{below: 10, for: 3m}"}, ["changed b clear", "changed a clear"]),
    "severity": ({"severity": "critical"}, ["changed b severity", "changed a severity"]),
    "title": (
        {"ticket": "{category: road.flooding, title: Damp}"},
        ["changed b ticket", "changed a ticket"],
    ),
    "no ticket": ({"ticket": None}, ["lost b ticket", "lost a ticket"]),
}


@pytest.mark.parametrize(("changed", "expected"), CHANGES.values(), ids=CHANGES)
def test_one_change_is_the_reason(
    diff: Diff, tmp_path: Path, changed: dict[str, str | None], expected: list[str]
) -> None:
    fill(tmp_path / "h", *LEVELS)
    found = told(diff(rules(rule()), rules(rule(**changed)), "--json"))
    assert fates(found) == expected
    assert sum(found["counts"].values()) == len(expected)


def test_of_several_changes_each_is_tried(diff: Diff, tmp_path: Path) -> None:
    fill(tmp_path / "h", *LEVELS)
    several = rule(when="{above: 16, for: 5m}", clear="{below: 9}", severity="minor")
    found = told(diff(rules(rule()), rules(several), "--json"))
    assert [part["part"] for part in found["rules"][0]["parts"]] == [
        "timer", "threshold", "clear", "severity",
    ]  # fmt: skip
    assert fates(found) == ["lost a timer", "later b timer"]


def test_changes_that_only_together_do_it(diff: Diff, tmp_path: Path) -> None:
    """16 for seven minutes and 20 for three of them: two minutes above 18 are there, and five
    above 15, but not five above 18."""
    wave = [("a", m, 20.0 if 3 <= m < 6 else 16.0 if 2 <= m < 9 else 0.0) for m in range(20)]
    fill(tmp_path / "h", *wave)
    old, new = (
        rule(when=f"{{above: {high}, for: {held}}}") for high, held in ((15, "2m"), (18, "5m"))
    )
    assert fates(told(diff(rules(old), rules(new), "--json"))) == [
        "lost a timer + threshold together"
    ]
    back = fates(told(diff(rules(new), rules(old), "--json")))
    assert back == ["gained a timer or threshold"]


def test_rules_that_come_go_and_are_renamed(diff: Diff, tmp_path: Path) -> None:
    fill(tmp_path / "h", *LEVELS)
    high = rule("high", when="{above: 18}")
    found = told(diff(rules(rule(), rule("old")), rules(rule(), rule("young"), high), "--json"))
    assert [(one["rule"], one["change"], one["before"]) for one in found["rules"]] == [
        ("high", "added", None),
        ("young", "renamed", "old"),
    ]
    assert fates(found) == ["gained a rule added"]
    back = told(diff(rules(rule(), high), rules(rule()), "--json"))
    assert fates(back) == ["lost a rule removed"]
    assert back["rules"][0]["old"] == {"incidents": 1, "tickets": 1, "shadows": 0}
    assert back["rules"][0]["new"] == {"incidents": 0, "tickets": 0, "shadows": 0}


def test_a_rule_that_joins_another_moves_its_tickets(diff: Diff, tmp_path: Path) -> None:
    fill(tmp_path / "h", *LEVELS)
    joins = rule("first", when="{above: 15}", ticket="{category: c, title: t, joins: wet}")
    alone = rule("first", when="{above: 15}", ticket=None)
    found = told(diff(rules(rule(), alone), rules(rule(), joins), "--json"))
    assert fates(found) == ["earlier b ticket", "earlier a ticket"]
    assert {one["reason"]["rule"] for one in found["earlier"]} == {"first"}


def test_for_people(diff: Diff, tmp_path: Path) -> None:
    fill(tmp_path / "h", *LEVELS)
    done = diff(rules(rule()), rules(rule(when="{above: 18, for: 1m}")))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "62 samples until 2026-05-13T07:30:00.000Z; 0 rules unchanged",
        "",
        "rule  change            incidents  tickets  gained  lost  earlier  later  changed",
        "wet   timer, threshold  2 → 1      2 → 1    -       1     1        -      -",
        "  wet: timer: 2m → 1m",
        "  wet: threshold: above 15 → above 18",
        "",
        "lost            rule  source  opened                why",
        "ZZ-260513-0001  wet   b       2026-05-13T07:05:00Z  threshold",
        "",
        "earlier         rule  source  opened                              why",
        "ZZ-260513-0001  wet   a       2026-05-13T07:06:00Z, 60 s earlier  timer",
        "",
        "Nobody closed a ticket here, so what came again joined it; --close-after 4h counts it as"
        " closed 4h after its trouble cleared.",
    ]


def test_nobody_is_sent_by_a_rule_on_trial(diff: Diff, tmp_path: Path) -> None:
    fill(tmp_path / "h", *LEVELS)
    sides = (rules(rule()), rules(rule(shadow="true")))
    lines = diff(*sides).stdout.splitlines()
    said = [line.split("  ")[1].strip() for line in lines if line.startswith("ZZ-")]
    assert said == ["wet (shadow)", "wet (shadow)", "wet", "wet"]
    shown = diff(*sides, "--markdown").stdout
    assert "| wet (shadow) | b |" in shown
    assert "### citypatrol: tickets 2 lost; shadow tickets 2 gained" in shown
    assert "| 2 \u2192 0, shadow 0 \u2192 2 | shadow 2 | 2 | - | - | - |" in shown
    counted = told(diff(*sides, "--json"))
    assert (counted["counts"]["gained"], counted["shadow_counts"]["gained"]) == (0, 2)
    assert (counted["rules"][0]["lost"], counted["rules"][0]["shadows"]["gained"]) == (2, 2)
    assert counted["rules"][0]["new"] == {"incidents": 2, "tickets": 0, "shadows": 2}


def test_a_changed_rule_that_judges_nothing_any_more_says_so(diff: Diff, tmp_path: Path) -> None:
    fill(tmp_path / "h", *LEVELS)
    sides = (rules(rule()), rules(rule(select="{metric: water_levl}"), rule("same")))
    why = "no sample of water_levl in this time; the nearest: water_level"
    assert f"Rule 'wet' judged nothing: {why}." in diff(*sides).stdout
    assert (
        "- **wet judged nothing**: no sample of water\\_levl" in diff(*sides, "--markdown").stdout
    )
    assert told(diff(*sides, "--json"))["judged_nothing"] == [{"rule": "wet", "why": why}]


def test_for_a_pull_request(diff: Diff, tmp_path: Path) -> None:
    fill(tmp_path / "h", *LEVELS)
    wild = rule(ticket='{category: c, title: "<b>|`x`_{source.name}"}')
    lines = diff("rules: []", rules(wild), "--markdown").stdout.splitlines()
    assert lines[0] == "<!-- citypatrol diff -->"
    assert lines[1] == "### citypatrol: tickets 2 gained"
    assert lines[5:8] == [
        "| rule | change | incidents | tickets | gained | lost | earlier | later | changed |",
        "|---|---|---|---|---|---|---|---|---|",
        "| wet | added | 0 → 2 | 0 → 2 | 2 | - | - | - | - |",
    ]
    assert "<details><summary>2 gained</summary>" in lines
    row = next(line for line in lines if line.startswith("| wet | b |"))
    assert row.endswith(r"| rule added | &lt;b&gt;\|\`x\`\_b |")
    same = diff(rules(rule()), rules(rule()), "--markdown").stdout
    assert "### citypatrol: no ticket differs" in same


def test_exit_status_and_what_cannot_be(diff: Diff, tmp_path: Path) -> None:
    fill(tmp_path / "h", *LEVELS)
    more = rules(rule(when="{above: 18}"))
    assert diff(rules(rule()), more).returncode == 0
    assert diff(rules(rule()), more, "--fail-on-change").returncode == 1
    assert diff(more, more, "--fail-on-change").returncode == 0
    done = diff(rules(rule()), "rules: [{name: x}]")
    assert done.returncode == 1
    assert f"{tmp_path}/new.yaml:1:" in done.stderr
    later = diff(rules(rule()), more, "--since", "2027-01-01")
    assert (later.returncode, "no sample from " in later.stderr) == (1, True)
    above = diff(rules(rule()), more, "--history", str(tmp_path))
    assert (above.returncode, "no Parquet file is in this folder" in above.stderr) == (1, True)


def test_the_hours_are_the_citys(diff: Diff, tmp_path: Path) -> None:
    """07:05 UTC is in the afternoon of Shanghai."""
    fill(tmp_path / "h", *LEVELS)
    (tmp_path / "city.yaml").write_text(BARE.replace("UTC", "Asia/Shanghai"))
    late = rule(during="{time: '15:06-16:00'}")
    assert fates(told(diff(rules(rule()), rules(late), "--json"))) == [
        "later a during",
        "later b during",
    ]


def test_the_past_of_a_repository(tmp_path: Path, run: Run) -> None:
    city = write_city(tmp_path / "repo")
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    _git(city, "init", "-q", "-b", "main")
    _git(city, "add", "rules")
    _git(city, "commit", "-q", "-m", "Begin")
    water = city / "rules/water.yaml"
    water.write_text(FILES["rules/water.yaml"].replace("for: 2m", "for: 1m"))
    words = ("--history", str(tmp_path / "h"), "--json")
    found = told(run("diff", "main:rules", "rules", *words, cwd=city))
    assert fates(found) == ["earlier wl-1 timer"]
    assert found["earlier"][0]["new"]["opened_at"] == rfc3339(at(6))
    assert found["earlier"][0]["by_s"] == -60
    assert fates(told(run("diff", "HEAD:rules/water.yaml", "HEAD:rules", *words, cwd=city))) == []
    for old, why in (
        ("never:rules", "git says: not a valid object name: never"),
        ("main:nowhere", "git says: pathspec 'nowhere' did not match"),
        ("main:../x", "write REVISION:PATH, with a path below this folder"),
        ("-x:rules", "write REVISION:PATH"),
        ("nowhere", "there is no such file or folder"),
    ):
        done = run("diff", *(("--", old) if old[0] == "-" else (old,)), "rules", cwd=city)
        assert (done.returncode, why in done.stderr) == (2, True), done.stderr


def _git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, timeout=30)
