"""When a source is blind: runs of one truth, looked at from any instant."""

import numpy as np
import pytest

from citypatrol.records import SourceSeen
from rules.comparison import Comparison, Limit
from rules.ruleset import Unless
from rules.sources import Sources
from rules.veto import Veto

DAY = 86_400_000
STALE = 100


def veto_of(*samples: tuple[str, int, float], each_by_itself: bool = False) -> tuple[Veto, Sources]:
    sources = Sources([])
    for name in ("cam", "cam/n", "b"):
        sources.seen(SourceSeen(0, name, {}, 0, STALE))
    unless = Unless("fault", Comparison("above", low=Limit(0.0)))
    veto = Veto(unless, sources=sources, stale=None)
    for part in [[one] for one in samples] if each_by_itself else [list(samples)]:
        rows = sorted((sources.number(name), ts, value) for name, ts, value in part)
        source, ts, value = (list(column) for column in zip(*rows, strict=True))
        veto.take(np.array(source), np.array(ts), np.array(value))
    return veto, sources


def at(veto: Veto, sources: Sources, source: str, *instants: int) -> list[bool | None]:
    return [veto.at(sources.number(source), ts) for ts in instants]


def test_runs_are_found_from_any_instant() -> None:
    samples = [("b", ts, 1.0 if 40 <= ts < 80 else 0.0) for ts in range(0, 120, 10)]
    for each in (True, False):
        veto, sources = veto_of(*samples, each_by_itself=each)
        found = at(veto, sources, "b", -1, 0, 39, 40, 79, 80, 209, 210)
        assert found == [None, False, False, True, True, False, False, None]
        changes = veto.changes(sources.number("b"), after=0, until=300)
        assert [one for one in changes if one in (40, 80, 210)] == [40, 80, 210]
        assert veto.first(sources.number("b"), after=0, until=300) == 40
        assert veto.first(sources.number("b"), after=40, until=300) is None


@pytest.mark.parametrize("each", [True, False])
def test_a_gap_longer_than_stale_is_no_run(each: bool) -> None:
    samples = (("b", 0, 1.0), ("b", 100, 1.0), ("b", 201, 1.0))
    veto, sources = veto_of(*samples, each_by_itself=each)
    assert at(veto, sources, "b", 99, 100, 199, 200, 201) == [True, True, True, None, True]


def test_the_source_then_its_parent() -> None:
    veto, sources = veto_of(("cam", 0, 1.0), ("cam/n", 50, 0.0), each_by_itself=True)
    assert at(veto, sources, "cam/n", 49, 50, 99, 100, 149) == [True, False, False, False, False]
    assert veto.first(sources.number("cam/n"), after=0, until=300) is None
    assert veto.first(sources.number("cam/n"), after=-5, until=300) == 0


def test_the_source_dies_before_its_parent() -> None:
    veto, sources = veto_of(("cam/n", 50, 0.0), ("cam", 140, 1.0))
    assert veto.first(sources.number("cam/n"), after=50, until=300) == 150
    assert veto.changes(sources.number("cam/n"), after=50, until=300) == [140, 150, 240]


def test_a_sample_older_than_its_effect_changes_nothing() -> None:
    veto, sources = veto_of(("b", 50, 0.0), ("b", 40, 1.0), ("b", 50, 1.0), each_by_itself=True)
    assert at(veto, sources, "b", 40, 50) == [None, False]


def test_old_runs_are_forgotten() -> None:
    """A camera that has flickered for ten days: a week of it is kept, and never too much."""
    veto, sources = veto_of(("b", 0, 1.0))
    source = np.array([sources.number("b")])
    for n in range(1, 1000):
        veto.take(source, np.array([n * DAY // 100]), np.array([float(n % 2)]))
    kept = veto.save()["earlier"][0][1]
    assert len(kept) == 500
    assert kept[0][0] >= 2 * DAY
    for n in range(1, 20):
        veto.take(source, np.array([(10 + n) * DAY]), np.array([float(n % 2)]))
    assert veto.save()["earlier"][0][1][0][1] >= 22 * DAY


def test_a_saved_veto_is_the_same() -> None:
    veto, sources = veto_of(("cam", 0, 1.0), ("cam", 30, 0.0), ("b", 5, 1.0))
    other = Veto(Unless("fault", Comparison("above", low=Limit(0.0))), sources=sources, stale=None)
    other.load(veto.save())
    for source in ("cam", "cam/n", "b"):
        instants = (-1, 0, 29, 30, 104, 105, 129, 130)
        assert at(other, sources, source, *instants) == at(veto, sources, source, *instants)
