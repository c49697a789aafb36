"""``citypatrol backtest``: from Parquet to incidents and tickets, as RULES 27 says it."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.backtest.rulefiles import find_city
from app.cli import main
from citypatrol.clock import rfc3339
from citypatrol.records import SourceSeen, Tick
from rules.incidents import incident_id
from tests.app.a_city import change, write_city
from tests.citypatrol.a_history import SEVEN, batch, entries, write

MINUTE = 60_000
BARE = """\
city: {name: Bare, timezone: UTC}
journal: {type: sqlite}
inputs: []
"""


class Done(NamedTuple):
    status: int
    out: str
    err: str


Backtest = Callable[..., Done]


@pytest.fixture
def backtest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Backtest:
    """The command on the rules of a small city; its history lies in ``tmp_path/h``."""
    write_city(tmp_path / "city")

    def run(*words: str, rules: str = "city/rules/water.yaml", history: str = "h") -> Done:
        capsys.readouterr()
        where = ("--history", str(tmp_path / history))
        status = main(["backtest", str(tmp_path / rules), *where, *words])
        return Done(status, *capsys.readouterr())

    return run


def fill(folder: Path, *levels: tuple[str, int, float]) -> None:
    """Water levels as somebody else's Parquet: source, minute after seven, value."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.table(
            {
                "source": [source for source, _, _ in levels],
                "metric": ["water_level"] * len(levels),
                "ts": pa.array([at(minute) for _, minute, _ in levels], pa.timestamp("ms", "UTC")),
                "value": [value for _, _, value in levels],
                "evidence": pa.nulls(len(levels), pa.string()),
                "late": [False] * len(levels),
            }
        ),
        folder / "2026-05-13T07.parquet",
    )


def at(minute: float) -> int:
    return SEVEN + int(minute * MINUTE)


def flood(source: str, begin: int, end: int, *, until: int) -> list[tuple[str, int, float]]:
    """20 cm from ``begin`` to before ``end``, else nothing, every minute."""
    return [(source, m, 20.0 if begin <= m < end else 0.0) for m in range(until + 1)]


def incident(since: float, fired: float, cleared: float | None, **more: Any) -> dict[str, Any]:
    rule, source, metric = more.get("rule", "flooded"), more.get("source", "wl-1"), "water_level"
    return {
        "id": incident_id(rule, source, metric, at(since)),
        "rule": rule,
        "source": source,
        "metric": metric,
        "since": rfc3339(at(since)),
        "fired_at": rfc3339(at(fired)),
        "cleared_at": None if cleared is None else rfc3339(at(cleared)),
        "value": 20.0,
    }


def without_ticket(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in one.items() if name != "ticket"} for one in found]


def test_incidents_and_tickets_for_programs(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    done = backtest("--json")
    assert (done.status, done.err) == (0, "")
    found = json.loads(done.out)
    assert found["until"] == rfc3339(at(30))
    assert found["samples"] == 31
    assert without_ticket(found["incidents"]) == [incident(5, 7, 15)]
    (ticket,) = found["tickets"]
    assert ticket == {
        "id": "ZZ-260513-0001",
        "rule": "flooded",
        "source": "wl-1",
        "group": None,
        "state": "dispatched",
        "category": "road.flooding",
        "severity": "critical",
        "title": "Under water: 20 cm",
        "opened_at": rfc3339(at(7)),
        "acknowledge_by": rfc3339(at(12)),
        "resolve_by": rfc3339(at(247)),
        "cleared_at": rfc3339(at(15)),
        "closed_at": None,
        "place": {"lat": 34.75, "lon": 113.66, "site": "station", "grid": "ZZ"},
        "district": "erqi",
        "unit": {"id": "roads", "name": "Roads"},
        "witness_count": 1,
        "witnesses": [
            {
                "incident": found["incidents"][0]["id"],
                "rule": "flooded",
                "source": "wl-1",
                "since": rfc3339(at(5)),
                "value": 20.0,
            }
        ],
    }
    assert found["incidents"][0]["ticket"] == ticket["id"]
    assert found["by"] == [{"rule": "flooded", "incidents": 1, "tickets": 1, "sources": 1}]
    assert found["worst"] == [
        {"source": "wl-1", "rule": "flooded", "incidents": 1, "firing_ms": 8 * MINUTE}
    ]


def test_time_ends_at_the_newest_sample_of_all(backtest: Backtest, tmp_path: Path) -> None:
    level = flood("wl-1", 5, 99, until=6)
    fill(tmp_path / "h", *level, ("wl-2", 7, 0.0))
    assert without_ticket(json.loads(backtest("--json").out)["incidents"]) == [incident(5, 7, None)]
    fill(tmp_path / "h", *level)
    assert json.loads(backtest("--json").out)["incidents"] == []


def test_a_part_of_the_time(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    moments = {name: rfc3339(at(minute)) for name, minute in (("since", 6), ("until", 8))}
    found = json.loads(backtest("--json", *_options(moments)).out)
    assert found["until"] == moments["until"]
    assert without_ticket(found["incidents"]) == [incident(6, 8, None)]
    day = json.loads(backtest("--json", "--since", "2026-05-13", "--until", "2026-05-14").out)
    assert day["until"] == "2026-05-13T16:00:00.000Z"  # the city's midnight
    assert [one["rule"] for one in day["incidents"]] == ["flooded", "silent"]
    last = json.loads(backtest("--json", "--since", "20m").out)
    assert (last["incidents"], last["samples"]) == ([], 31)


def _options(values: dict[str, str]) -> list[str]:
    return [word for name, value in values.items() for word in (f"--{name}", value)]


def test_control_records_say_who_it_was_and_how_far_time_came(
    backtest: Backtest, tmp_path: Path
) -> None:
    rules = tmp_path / "kind.yaml"
    rules.write_text(
        "rules: [{name: flooded, select: {metric: water_level, where: {kind: pond}},"
        " when: {above: {label: limit}, for: 2m}}]"
    )
    (tmp_path / "city.yaml").write_text(BARE)
    said = SourceSeen(at(1), "p-1", {"kind": "pond", "limit": "15"}, 60_000, 7_200_000)
    records = [batch((at(0), 20.0), source="p-1"), said, Tick(at(1)), Tick(at(2))]
    write(tmp_path / "h", entries(*records))
    found = json.loads(backtest("--json", rules="kind.yaml").out)
    assert found["until"] == rfc3339(at(2))
    assert [one["fired_at"] for one in found["incidents"]] == [rfc3339(at(2))]
    assert found["tickets"] == []


def test_the_registry_of_today_wins(backtest: Backtest, tmp_path: Path) -> None:
    said = SourceSeen(at(0), "wl-1", {"kind": "underpass", "flood_limit": "99"}, 0, 7_200_000)
    level = batch(*[(at(minute), 14.0) for minute in range(4)], source="wl-1")
    write(tmp_path / "h", entries(said, level))
    found = json.loads(backtest("--json").out)  # flood_limit is 12 there
    assert [one["rule"] for one in found["incidents"]] == ["flooded"]
    (tmp_path / "city.yaml").write_text(BARE)
    alone = tmp_path / "alone.yaml"
    alone.write_text((tmp_path / "city/rules/water.yaml").read_text())
    assert json.loads(backtest("--json", rules="alone.yaml").out)["incidents"] == []


def test_when_tickets_count_as_closed(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 2, 5, until=59)[:20], *flood("wl-1", 22, 25, until=59)[20:])
    never = json.loads(backtest("--json").out)
    assert [one["witness_count"] for one in never["tickets"]] == [2]
    soon = json.loads(backtest("--json", "--close-after", "1m").out)
    assert [(one["state"], one["opened_at"]) for one in soon["tickets"]] == [
        ("closed", rfc3339(at(4))),
        ("closed", rfc3339(at(24))),
    ]


def test_for_people(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30), *flood("wl-2", 1, 4, until=30))
    done = backtest("--by", "unit,day,cell")
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines() == [
        "62 samples until 2026-05-13T07:30:00.000Z: 2 incidents, 2 tickets",
        "",
        "unit   day         cell  tickets  incidents  sources",
        "roads  2026-05-13  ZZ    2        2          2",
        "",
        "worst source  rule     incidents  fired for",
        "wl-1          flooded  1          8 min",
        "wl-2          flooded  1          6 min",
        "",
        "Nobody closed a ticket here, so what came again joined it; --close-after 4h counts it"
        " as closed 4h after its trouble cleared.",
    ]


def test_as_parquet(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    done = backtest("--parquet", str(tmp_path / "out"))
    assert done.out.splitlines()[-2:] == [
        f"wrote {tmp_path}/out/incidents.parquet",
        f"wrote {tmp_path}/out/tickets.parquet",
    ]
    (row,) = pq.read_table(tmp_path / "out" / "incidents.parquet").to_pylist()
    assert (row["rule"], row["ticket"], row["value"]) == ("flooded", "ZZ-260513-0001", 20.0)
    assert rfc3339(int(row["fired_at"].timestamp() * 1000)) == rfc3339(at(7))
    (ticket,) = pq.read_table(tmp_path / "out" / "tickets.parquet").to_pylist()
    assert (ticket["unit"], ticket["grid"], ticket["witnesses"]) == ("roads", "ZZ", 1)


def test_folders_and_cities_name_their_rules(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    (tmp_path / "city/tests").mkdir()
    (tmp_path / "city/tests/water.yaml").write_text("rules: [../rules/*.yaml]\ntests: []\n")
    for rules in ("city", "city/rules", "city/city.yaml"):
        done = backtest("--json", rules=rules)
        assert (done.status, done.err) == (0, "")
        assert len(json.loads(done.out)["incidents"]) == 1


def test_a_damaged_file_is_told(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    bad = tmp_path / "h" / "2026-05-13T08.parquet"
    bad.write_bytes(b"PAR1")
    done = backtest("--json")
    assert done.status == 0
    assert done.err.startswith(f"{bad}: cannot be read and is passed over: ")


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("--by", "rule,hour"), 2, "--by: 'hour' is none of unit, rule, day, cell"),
        (("--since", "yesterday"), 2, "--since: 'yesterday' is no duration"),
        (("--since", "13-05-2026"), 2, "--since: '13-05-2026' is no day or time"),
        (("--until", "7d"), 2, "--until: '7d' is no day or time"),
        (("--since", "2026-05-14", "--until", "2026-05-13"), 2, "is after --until"),
        (("--close-after", "soon"), 2, "--close-after: 'soon' is no duration"),
        (("--city", "/nowhere/city.yaml"), 2, "--city /nowhere/city.yaml: there is no such file"),
        (("--since", "2027-01-01"), 1, "/h: no sample in this time"),
        (("--history", "/nowhere"), 3, "/nowhere: no such folder; the city has not run yet"),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else None,
)
def test_what_is_wrong_is_said(
    backtest: Backtest, tmp_path: Path, words: tuple[str, ...], status: int, says: str
) -> None:
    fill(tmp_path / "h", ("wl-1", 0, 1.0))
    done = backtest(*words)
    assert (done.status, done.out) == (status, "")
    assert says in done.err


def test_wrong_rules_and_a_wrong_city_are_placed(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", ("wl-1", 0, 1.0))
    done = backtest(rules="nothing.yaml")
    assert (done.status, "nothing.yaml: there is no such file or folder" in done.err) == (2, True)
    (tmp_path / "bad.yaml").write_text("rules: [{name: r, select: {metric: x}, when: {abov: 1}}]")
    done = backtest(rules="bad.yaml")
    assert done.status == 1
    assert f"{tmp_path}/bad.yaml:1:" in done.err
    (tmp_path / "empty").mkdir()
    assert "there is no file with rules" in backtest(rules="empty").err
    write_city(tmp_path / "city", **change("city", "city: {name", "citty: {name"))
    done = backtest()
    assert done.status == 1
    assert "city.yaml:1:1: unknown key 'citty'" in done.err


def test_the_citys_own_history_is_the_default(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    city = write_city(tmp_path)
    fill(city / "data" / "history", *flood("wl-1", 5, 10, until=30))
    assert main(["backtest", str(city / "rules"), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["tickets"]) == 1
    lonely = tmp_path / "rules.yaml"
    lonely.write_text((city / "rules/water.yaml").read_text())
    (city / "city.yaml").unlink()
    if find_city(lonely) is not None:
        pytest.skip("somebody left a city.yaml above the folder of temporary files")
    assert main(["backtest", str(lonely)]) == 2
    assert "write --history DIR" in capsys.readouterr().err
