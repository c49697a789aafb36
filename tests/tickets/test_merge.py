"""Merging by place: one case, whoever sees it."""

from dataclasses import replace
from math import cos, radians

import pytest

from rules.incidents import Merge
from tickets.nearby import Kind, Nearby, box, metres

NOW = 1_778_630_531_480
LAT, LON = 34.7, 113.7
MINUTE = 60_000
METRE = 1 / 111_195.08


def seen(fire, source: str, *, north: float = 0.0, east: float = 0.0, at: int = NOW, **more):
    """An incident so many metres beside the place."""
    lat, lon = LAT + north * METRE, LON + east * METRE / cos(radians(LAT))
    labels = {"lat": f"{lat:.9f}", "lon": f"{lon:.9f}"}
    if more.pop("nowhere", False):
        labels = {}
    more.setdefault("merge", Merge(50, 30 * MINUTE))
    return fire(source, since=at, fired_at=at, labels=labels, **more)


@pytest.mark.parametrize(
    ("second", "tickets"),
    [
        ({}, 1),
        ({"rule": "flooded"}, 1),
        ({"north": 49.9}, 1),
        ({"north": 50.1}, 2),
        ({"east": -49.9}, 1),
        ({"east": -50.1}, 2),
        ({"north": 36, "east": 36}, 2),
        ({"at": NOW + 30 * MINUTE - 1}, 1),
        ({"at": NOW + 30 * MINUTE}, 2),
        ({"at": NOW - 30 * MINUTE + 1}, 1),
        ({"at": NOW - 30 * MINUTE}, 2),
        ({"category": "road.flooding"}, 2),
        ({"nowhere": True}, 2),
        ({"merge": None}, 2),
        ({"merge": Merge(10, MINUTE), "north": 11}, 2),
    ],
    ids=str,
)
def test_near_in_place_and_time(city, fire, second, tickets):
    city.apply(seen(fire, "cam-a"), seen(fire, "sensor-b", **second))
    assert len(city.every()) == tickets
    if tickets == 1:
        assert (city.one().witnesses, city.one().sources) == (2, 2)
        assert city.types(city.one().id) == ["opened"]


def test_the_place_stays_that_of_the_first_and_the_time_goes_on(city, fire):
    city.apply(seen(fire, "a"), seen(fire, "b", north=40, at=NOW + 20 * MINUTE))
    city.apply(seen(fire, "c", north=-40, at=NOW + 40 * MINUTE))
    city.apply(seen(fire, "d", north=80, at=NOW + 41 * MINUTE))
    assert [one.witnesses for one in city.every()] == [3, 1]


def test_the_oldest_wins(city, fire):
    city.apply(seen(fire, "a", north=40), seen(fire, "b", north=-40), seen(fire, "c"))
    assert [(one.source, one.witnesses) for one in city.every()] == [("a", 2), ("b", 1)]


def test_what_has_joined_stays_clears_and_comes_again_in_its_ticket(city, fire):
    one, other = seen(fire, "a"), seen(fire, "b", rule="flooded", at=NOW + MINUTE)
    city.apply(one)
    city.apply(other)
    city.apply(replace(one, cleared_at=NOW + 2 * MINUTE))
    assert city.one().firing == 1
    city.apply(replace(other, cleared_at=NOW + 3 * MINUTE), other)
    assert (city.one().firing, city.one().cleared_at) == (0, NOW + 3 * MINUTE)
    city.apply(seen(fire, "b", rule="flooded", at=NOW + 300 * MINUTE))
    assert (city.one().witnesses, city.one().firing) == (3, 1)


def test_a_guest_cools_down_with_its_host(city, fire):
    city.apply(seen(fire, "a"), seen(fire, "b", rule="flooded", at=NOW + MINUTE))
    city.apply(
        replace(seen(fire, "b", rule="flooded", at=NOW + MINUTE), cleared_at=NOW + 2 * MINUTE)
    )
    city.desk.act(city.one().id, "close", now=NOW + 5 * MINUTE)
    city.apply(seen(fire, "b", rule="flooded", at=NOW + 6 * MINUTE))
    assert len(city.every()) == 1
    city.desk.open_held(event_time=NOW + 15 * MINUTE, now=NOW + 15 * MINUTE)
    assert [one.source for one in city.every()] == ["a", "b"]


def test_an_ended_ticket_is_joined_by_nobody(city, fire):
    city.apply(seen(fire, "a"))
    city.desk.act(city.one().id, "close", now=NOW)
    city.apply(seen(fire, "b", at=NOW + MINUTE))
    assert [one.witnesses for one in city.every()] == [1, 1]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((0, 0), (0, 1), 111_195.08),
        ((90, 0), (90, 180), 0),
        ((0, 179.9999), (0, -179.9999), 22.24),
        ((34.7, 113.7), (34.7, 113.7), 0),
        ((0, 0), (0, 180), 20_015_114.44),
    ],
)
def test_haversine(one, other, expected):
    assert metres(*one, *other) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("at", [(0, 0), (34.7, 113.7), (0, 180), (-60, -179.9999), (89.9999, 7)])
def test_the_index_finds_what_is_near_anywhere(city, fire, at):
    city.apply(seen(fire, "a"))
    like, found, put = city.one(), Nearby(), set()
    ring = [(up, across) for up in (-49, 0, 49) for across in (-9, 0, 9)]
    for number, (up, across) in enumerate(ring):
        lon = at[1] + across * METRE / max(cos(radians(at[0])), 1e-9)
        lat, lon = at[0] + up * METRE, (lon + 180) % 360 - 180
        if metres(*at, lat, lon) <= 50:
            found.put(replace(like, key=str(number), lat=lat, lon=lon))
            put.add(str(number))
    assert len(put) >= 7
    kind = Kind(like.category, shadow=False)
    assert set(found.within(box(*at, 50), kind)) >= {
        str(n) for n, p in enumerate(ring) if p == (0, 0)
    }
    assert len(set(found.within(box(*at, 50), kind))) >= 7
    assert list(found.within(box(*at, 50), Kind(like.category, shadow=True))) == []
