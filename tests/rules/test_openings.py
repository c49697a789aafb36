"""The hours of many sources at once are those of each by itself."""

import numpy as np
import pytest

from citypatrol.records import SourceSeen
from rules.block import NEVER
from rules.during import During, Edge, Span
from rules.hours import Hours
from rules.openings import Openings
from rules.sources import Sources

HOUR = 3_600_000
NOON = 1_700_049_600_000  # Wednesday, 2023-11-15T12:00:00Z
NIGHT = Span(Edge("sunset"), Edge("sunrise"))
PLACES = [("34.74", "113.62"), ("34.74", "113.61"), ("51.5", "-0.1"), ("", ""), ("95", "0")]
OFFICE = During((Span(Edge("midnight", 9 * HOUR), Edge("midnight", 17 * HOUR)),), days=(0, 1, 2))


def city() -> Sources:
    sources = Sources(["lat", "lon"])
    for at, (lat, lon) in enumerate(PLACES):
        sources.seen(SourceSeen(0, f"lamp-{at}", {"lat": lat, "lon": lon}, 0, 1000))
    return sources


def place(at: int) -> tuple[float, float] | None:
    return [(34.7, 113.6), (34.7, 113.6), (51.5, -0.1), None, None][at]


DURING = [
    pytest.param(OFFICE, id="by the clock"),
    pytest.param(During((NIGHT,)), id="by the sun"),
    pytest.param(During((NIGHT,), place=(0.0, 0.0)), id="by the sun, with a place for all"),
]


@pytest.mark.parametrize("during", DURING)
@pytest.mark.parametrize("days", [1, 300], ids=["a day", "most of a year"])
def test_many_are_as_each_by_itself(during: During, days: int) -> None:
    openings = Openings(during, sources=city())
    openings.enrol(np.arange(len(PLACES)))
    source = np.arange(200) % len(PLACES)
    ts = NOON + np.arange(200) * (days * 24 * HOUR // 200)
    hold, following = openings.hold(source, ts), openings.next(source, ts)
    for at, (one, when) in enumerate(zip(source.tolist(), ts.tolist(), strict=True)):
        where = place(one) or during.place if during.by_the_sun else None
        hours = Hours(during, place=where)
        assert hold[at] == (hours.is_known and hours.holds(when))
        until, expected = int(following[at]), hours.next(when)
        assert when < until
        assert until <= expected or hours.holds(expected) == hours.holds(expected - 1)


def test_the_last_change_up_to_an_instant() -> None:
    openings = Openings(OFFICE, sources=city())
    openings.enrol(np.arange(2))
    source, since = np.array([0, 1, 0]), np.full(3, NOON)
    until = NOON + np.array([4, 5, 24 * 6 + 20]) * HOUR
    last, following = openings.passed(source, since, until)
    assert last.tolist() == [-NEVER, NOON + 5 * HOUR, NOON + (24 * 6 + 5) * HOUR]
    assert following.tolist()[:2] == [NOON + 5 * HOUR, NOON + (5 * 24 - 3) * HOUR]


def test_no_hours_never_change() -> None:
    openings = Openings(None, sources=city())
    every, ts = np.arange(2), np.full(2, NOON)
    assert openings.of(0) is None
    assert openings.hold(every, ts).all()
    assert openings.next(every, ts).tolist() == [NEVER, NEVER]
    last, following = openings.passed(every, ts, ts)
    assert (last.tolist(), following.tolist()) == ([-NEVER] * 2, [NEVER] * 2)


def test_a_source_that_moves_has_other_hours() -> None:
    sources = city()
    openings = Openings(During((NIGHT,)), sources=sources)
    openings.enrol(np.arange(3))
    before = openings.of(2)
    sources.seen(SourceSeen(1, "lamp-2", {"lat": "34.74", "lon": "113.62"}, 0, 1000))
    assert openings.of(2) is before
    openings.enrol(np.array([2]))
    assert openings.of(2) is openings.of(0)
