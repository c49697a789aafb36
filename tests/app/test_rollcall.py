from pathlib import Path

import pytest

from app.rollcall import Counts, Line, RollCall, Wanted
from citypatrol.registry import Registry
from citypatrol.samples import Batch, Sample
from tests.app.a_desk import NOW
from tests.app.a_roll import MINUTE, heard, roll_of


@pytest.fixture
def roll(tmp_path: Path) -> RollCall:
    return roll_of(heard(tmp_path))


def test_counts(roll: RollCall) -> None:
    assert roll.counts(now=NOW) == Counts(heard=4, silent=1, unregistered=1, never=1)
    assert roll.counts(now=NOW + 60 * MINUTE).silent == 4


def test_without_a_registry_nobody_is_registered(tmp_path: Path) -> None:
    roll = roll_of(heard(tmp_path), registry=Registry.empty())
    assert roll.counts(now=NOW) == Counts(heard=4, silent=1, unregistered=4, never=0)
    assert roll.list(Wanted(never=True), now=NOW).lines == []
    assert roll.nearest("pump-3") == ["pump-2", "pump-1"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), ["pump-1", "pump-2", "new-1", "cam-1/north"]),
        (Wanted(kind="underpass"), ["pump-1", "pump-2", "new-1"]),
        (Wanted(kind="topic"), []),
        (Wanted(kind="camera"), ["cam-1/north"]),
        (Wanted(district="jinshui"), ["pump-2"]),
        (Wanted(district="erqi"), ["pump-1", "new-1", "cam-1/north"]),
        (Wanted(kind="underpass", district="erqi"), ["pump-1", "new-1"]),
        (Wanted(silent_for=2 * MINUTE), ["pump-2"]),
        (Wanted(silent_for=20 * MINUTE), []),
        (Wanted(unregistered=True), ["new-1"]),
        (Wanted(unregistered=True, district="jinshui"), []),
        (Wanted(never=True), ["air-1"]),
        (Wanted(never=True, kind="air"), ["air-1"]),
        (Wanted(never=True, kind="camera"), []),
    ],
    ids=str,
)
def test_filters(roll: RollCall, wanted: Wanted, found: list[str]) -> None:
    assert [line.id for line in roll.list(wanted, now=NOW).lines] == found


def test_a_line_says_how_it_is(roll: RollCall) -> None:
    pump, _, new, _ = roll.list(Wanted(), now=NOW).lines
    assert pump.per_minute == pytest.approx(6.0, rel=0.01)
    assert (pump.registered, pump.arrival, pump.count, pump.late) == (True, NOW, 30, 0)
    assert pump.labels["name"] == "京广路隧道"
    assert (new.registered, new.series, new.count, new.late) == (False, 1, 3, 2)
    [never] = roll.list(Wanted(never=True), now=NOW).lines
    assert never == Line("air-1", True, {"kind": "air"}, None)


def test_pages(roll: RollCall) -> None:
    first = roll.list(Wanted(), now=NOW, limit=2)
    assert [line.id for line in first.lines] == ["pump-1", "pump-2"]
    assert first.cursor is not None
    rest = roll.list(Wanted(), now=NOW, after=first.cursor, limit=2)
    assert [line.id for line in rest.lines] == ["new-1", "cam-1/north"]
    assert rest.cursor is None


def test_a_source_with_all_that_is_known(roll: RollCall) -> None:
    known = roll.source("pump-2")
    assert known is not None
    assert known.labels == {"name": "River Street", "kind": "underpass", "district": "jinshui"}
    assert (known.times.lateness, known.times.stale) == (1_000, 10 * MINUTE)
    assert [one.metric for one in known.series] == ["online", "water_level"]
    never = roll.source("air-1")
    assert never is not None
    assert (never.registered, list(never.series)) == (True, [])
    region = roll.source("cam-1/north")
    assert region is not None
    assert region.labels["name"] == "Crossing north"
    assert roll.source("nobody") is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("pmup-1", "pump-1"),
        ("PUMP-2", "pump-2"),
        ("new1", "new-1"),
        ("cam-1/nroth", "cam-1/north"),
        ("air-l", "air-1"),
    ],
)
def test_the_nearest_known_ones(roll: RollCall, typed: str, meant: str) -> None:
    assert roll.nearest(typed)[0] == meant


def test_nothing_near(roll: RollCall) -> None:
    assert roll.nearest("zzzzzzzz") == []


def test_after_a_flood_numbers_mean_other_sources(tmp_path: Path) -> None:
    stage = heard(tmp_path, most=100)
    roll = roll_of(stage)
    assert roll.counts(now=NOW).unregistered == 1
    for n in range(10):
        rows = (Sample(f"x{n}-{k}", "m", NOW, 1.0) for k in range(30))
        stage.take([Batch.of(rows)], at=NOW + n)
    counts = roll.counts(now=NOW)
    lines = roll.list(Wanted(), now=NOW, limit=200).lines
    assert "pump-1" in [line.id for line in lines]
    strangers = {line.id for line in lines if line.id.startswith("x")} | {"new-1"}
    assert {line.id for line in lines if not line.registered} == strangers
    assert counts.unregistered == len(strangers)
