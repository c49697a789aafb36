"""``citypatrol backtest``: from Parquet to incidents and tickets, as RULES 27 says it."""

import json
from pathlib import Path

from citypatrol.clock import rfc3339
from citypatrol.records import ModeSwitched, SourceSeen, Tick
from tests.app.a_backtest import (
    BARE,
    MINUTE,
    Backtest,
    at,
    fill,
    flood,
    incident,
    without_ticket,
)
from tests.app.a_city import FILES, write_city
from tests.app.a_command import Run
from tests.citypatrol.a_history import batch, entries, write


def test_incidents_and_tickets_for_programs(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    done = backtest("--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
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
        "shadow": False,
        "storm": False,
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
    assert found["by"] == [
        {"rule": "flooded", "incidents": 1, "tickets": 1, "shadows": 0, "sources": 1}
    ]
    assert found["worst"] == [
        {"source": "wl-1", "rule": "flooded", "incidents": 1, "firing_ms": 8 * MINUTE}
    ]


def test_time_ends_at_the_newest_sample_of_all(backtest: Backtest, tmp_path: Path) -> None:
    level = flood("wl-1", 5, 99, until=6)
    fill(tmp_path / "h", *level, ("wl-2", 7, 0.0))
    found = json.loads(backtest("--json").stdout)
    assert without_ticket(found["incidents"]) == [incident(5, 7, None)]
    fill(tmp_path / "h", *level)
    assert json.loads(backtest("--json").stdout)["incidents"] == []


def test_a_part_of_the_time(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    moments = {name: rfc3339(at(minute)) for name, minute in (("since", 6), ("until", 8))}
    found = json.loads(backtest("--json", *_options(moments)).stdout)
    assert found["until"] == moments["until"]
    assert without_ticket(found["incidents"]) == [incident(6, 8, None)]
    day = json.loads(backtest("--json", "--since", "2026-05-13", "--until", "2026-05-14").stdout)
    assert day["until"] == "2026-05-13T16:00:00.000Z"  # the city's midnight
    assert [one["rule"] for one in day["incidents"]] == ["flooded", "silent"]
    last = json.loads(backtest("--json", "--since", "20m").stdout)
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
    found = json.loads(backtest("--json", rules="kind.yaml").stdout)
    assert found["until"] == rfc3339(at(2))
    assert [one["fired_at"] for one in found["incidents"]] == [rfc3339(at(2))]
    assert found["tickets"] == []


def test_the_registry_of_today_wins(backtest: Backtest, tmp_path: Path) -> None:
    said = SourceSeen(at(0), "wl-1", {"kind": "underpass", "flood_limit": "99"}, 0, 7_200_000)
    level = batch(*[(at(minute), 14.0) for minute in range(4)], source="wl-1")
    write(tmp_path / "h", entries(said, level))
    found = json.loads(backtest("--json").stdout)  # flood_limit is 12 there
    assert [one["rule"] for one in found["incidents"]] == ["flooded"]
    (tmp_path / "city.yaml").write_text(BARE)
    alone = tmp_path / "alone.yaml"
    alone.write_text((tmp_path / "city/rules/water.yaml").read_text())
    assert json.loads(backtest("--json", rules="alone.yaml").stdout)["incidents"] == []


def test_when_tickets_count_as_closed(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 2, 5, until=59)[:20], *flood("wl-1", 22, 25, until=59)[20:])
    never = json.loads(backtest("--json").stdout)
    assert [one["witness_count"] for one in never["tickets"]] == [2]
    soon = json.loads(backtest("--json", "--close-after", "1m").stdout)
    assert [(one["state"], one["opened_at"]) for one in soon["tickets"]] == [
        ("closed", rfc3339(at(4))),
        ("closed", rfc3339(at(24))),
    ]


def test_it_begins_in_the_mode_of_the_city(backtest: Backtest, run: Run, tmp_path: Path) -> None:
    """Where no control record says another."""
    fill(tmp_path / "h", ("wl-1", 0, 12.0), ("wl-1", 1, 12.0))
    (tmp_path / "r.yaml").write_text(
        "rules: [{name: flooded, select: {metric: water_level}, when: {above: 15}, "
        "mode: {flood: {when: {above: 10}}}}]\n"
    )
    words = ("--city", str(tmp_path / "city" / "city.yaml"))
    assert json.loads(backtest("--json", *words, rules="r.yaml").stdout)["incidents"] == []
    write_city(tmp_path / "city", city=FILES["city.yaml"] + "mode: flood\n")
    found = json.loads(backtest("--json", *words, rules="r.yaml").stdout)["incidents"]
    assert [one["since"] for one in found] == [rfc3339(at(0))]
    past = ("--rules", str(tmp_path / "r.yaml"), "--history", str(tmp_path / "h"), *words)
    assert '"state": "firing"' in run("explain", "flooded", "wl-1", "--json", *past).stdout
    write(tmp_path / "h", entries(ModeSwitched(at(0.5), "normal"), Tick(at(2))))
    (found,) = json.loads(backtest("--json", *words, rules="r.yaml").stdout)["incidents"]
    assert found["cleared_at"] == rfc3339(at(0.5))
