"""The demo's play and its account: pure, so every seed can be looked at."""

import itertools
import json
from pathlib import Path

import pytest

from app.demo.cameras import camera_specs
from app.demo.city import DISTRICT_CODES, grid
from app.demo.devices import NONSENSE, make_devices
from app.demo.publisher import City, Play
from app.demo.scoreboard import Filed, account
from app.demo.script import CATEGORIES, Places, Script, Scripted, write_script
from citypatrol.geo import Grid

DEVICES = make_devices(2000)
PLACES = Places(["cam-1/north", "cam-1/south", "cam-3/east"], ["cam-2"], DEVICES)


@pytest.mark.parametrize("seed", range(50))
def test_every_play_keeps_its_promises(seed: int) -> None:
    script = write_script(seed, PLACES)
    by_cause = {incident.kind: incident for incident in script.incidents}
    assert set(by_cause) == set(CATEGORIES)
    assert by_cause["cover"].subject != by_cause["light"].subject.partition("/")[0]
    gateways = {device.id: device.gateway for device in DEVICES}
    spike = next(decoy for decoy in script.decoys if decoy.kind == "spike")
    for source in (by_cause["flood"].subject, *(decoy.subject for decoy in script.decoys)):
        assert gateways[source] != by_cause["gateway"].subject
    assert spike.subject != by_cause["flood"].subject
    assert spike.length_s == 5.0
    assert script.length_s > max(incident.end_s for incident in script.incidents)


def test_a_seed_is_one_play_and_another_seed_another() -> None:
    assert write_script(7, PLACES) == write_script(7, PLACES)
    assert write_script(7, PLACES) != write_script(8, PLACES)


def test_a_gateway_has_two_hundred_devices() -> None:
    gateways = [device.gateway for device in DEVICES]
    assert {gateways.count(gateway) for gateway in gateways} == {200}


def test_what_stands_in_a_district_lies_in_its_cells(tmp_path: Path) -> None:
    path = tmp_path / "grid.geojson"
    path.write_text(json.dumps(grid()), encoding="utf-8")
    cells, problems = Grid.read(path)
    assert problems == []
    for thing in (*camera_specs(1), *DEVICES):
        cell = cells.cell(thing.lat, thing.lon)
        assert cell is not None, thing
        codes = [above.code for above in cells.upward(cell)]
        assert codes[1:] == [DISTRICT_CODES[thing.district], "410100"], thing


def play(script: Script, *, until_s: float = 80.0) -> dict[str, list[tuple[float, str, bytes]]]:
    """Every report of the play, by device, in steps of a twentieth of a second."""
    city = City(DEVICES, seed=script.seed)
    said: dict[str, list[tuple[float, str, bytes]]] = {}
    for step in range(int((until_s + 11) * 20)):
        at_s = step / 20 - 11
        play = Play(script, 11.0)
        for report in city.reports(play, at_s=at_s + 11, now=int(at_s * 1000) + 10**12):
            said.setdefault(report.topic.split("/")[3], []).append(
                (at_s, report.topic, report.payload)
            )
    return said


def test_devices_follow_the_script() -> None:
    script = write_script(3, PLACES)
    said = play(script)
    by_cause = {incident.kind: incident for incident in script.incidents}
    flood, gateway = by_cause["flood"], by_cause["gateway"]
    wet = [at for at, _, payload in said[flood.subject] if float(payload) > 15]
    assert flood.start_s <= wet[0] < flood.start_s + 2
    assert flood.end_s - 2 < wet[-1] < flood.end_s
    assert max(b - a for a, b in itertools.pairwise(wet)) < 1.2
    for device in DEVICES:
        times = [at for at, *_ in said[device.id]]
        assert times[0] < 0, "every device has spoken before anything happens"
        silent = gateway.start_s <= times[0]
        quiet = any(gateway.start_s <= at < gateway.end_s for at in times)
        assert quiet != (device.gateway == gateway.subject) or silent
    spike = next(decoy for decoy in script.decoys if decoy.kind == "spike")
    high = [at for at, _, payload in said[spike.subject] if float(payload) > 15]
    assert high
    assert high[-1] - high[0] < 5.0
    nonsense = next(decoy for decoy in script.decoys if decoy.kind == "nonsense")
    payloads = [payload for *_, payload in said[nonsense.subject]]
    assert sum(payload in NONSENSE for payload in payloads) >= 10
    assert sum(payload not in NONSENSE for payload in payloads) >= 7


LIGHT = Scripted("light", "cam-1/north", 5.0, 30.0)
FLOOD = Scripted("flood", "underpass-00020", 8.0, 30.0)


def filed(incident: Scripted, *, at_s: float, id_: str = "ZZ-1") -> Filed:
    return Filed(id_, incident.category, frozenset({incident.subject}), at_s)


@pytest.mark.parametrize(
    ("tickets", "missed", "false", "doubled"),
    [
        pytest.param([filed(LIGHT, at_s=12), filed(FLOOD, at_s=17)], 0, 0, 0, id="as scripted"),
        pytest.param([filed(LIGHT, at_s=12)], 1, 0, 0, id="one missed"),
        pytest.param([], 2, 0, 0, id="all missed"),
        pytest.param(
            [filed(LIGHT, at_s=12), filed(FLOOD, at_s=17), filed(FLOOD, at_s=30, id_="ZZ-2")],
            0, 0, 1, id="one doubled",
        ),
        pytest.param(
            [filed(LIGHT, at_s=4), filed(FLOOD, at_s=17)], 1, 1, 0, id="one before its cause"
        ),
        pytest.param(
            [
                filed(LIGHT, at_s=12),
                filed(FLOOD, at_s=17),
                Filed("ZZ-9", FLOOD.category, frozenset({"underpass-00040"}), 20.0),
            ],
            0, 1, 0, id="one of another place",
        ),
        pytest.param(
            [
                filed(FLOOD, at_s=17),
                Filed("ZZ-9", LIGHT.category, frozenset({"cam-1/north", "cam-3/east"}), 20.0),
            ],
            1, 1, 0, id="one that joins what does not belong together",
        ),
    ],
)  # fmt: skip
def test_the_account(tickets: list[Filed], missed: int, false: int, doubled: int) -> None:
    board = account(1, [LIGHT, FLOOD], tickets)
    assert (board.missed, len(board.false), board.doubled) == (missed, false, doubled)
    assert board.tickets == len(tickets)
    assert board.passed == (missed == false == doubled == 0)


def test_seconds_run_from_cause_to_webhook() -> None:
    board = account(1, [LIGHT, FLOOD], [filed(LIGHT, at_s=12.5), filed(FLOOD, at_s=20)])
    figures = board.as_dict()
    assert (figures["p50_s"], figures["p99_s"]) == (9.75, 12.0)


def test_nothing_scripted_is_nothing_passed() -> None:
    assert not account(1, [], []).passed
