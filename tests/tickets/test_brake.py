"""The storm brake: what is too much for one unit in one hour is one ticket."""

from dataclasses import replace

import pytest

from tickets.brake import HOUR_MS

NOW = 1_778_630_531_480
FIRED = NOW - 10_000


def places(fire, *numbers: int, at: int = FIRED, **more):
    return [fire(f"cam-{number}", since=at, fired_at=at, **more) for number in numbers]


def cleared(*incidents, at: int):
    return [replace(one, cleared_at=at) for one in incidents]


@pytest.fixture
def braked(city):
    city.desk = city.with_units(city.units, brake=2)
    return city


def titles(city) -> list[tuple[str, int, int]]:
    return [(one.title, one.witnesses, one.sources) for one in city.every()]


DARK = "Traffic light dark at 航海东路/紫辰路"


def test_the_surplus_is_one_ticket_with_all_its_places(braked, fire):
    many = places(fire, *range(1, 8))
    braked.apply(*many)
    assert titles(braked) == [
        (DARK, 1, 1),
        (DARK, 1, 1),
        ("Storm: rule traffic-light-dark, 5 places", 5, 5),
    ]
    storm = braked.every()[-1]
    assert (storm.storm, storm.state, storm.unit) == (True, "dispatched", "housing")
    assert (storm.category, storm.lat, storm.site) == ("road.traffic_light", None, None)
    assert [one.source for one in braked.tickets.sources(storm.id).sources] == [
        f"cam-{number}" for number in range(3, 8)
    ]
    assert [event["type"] for event in braked.sent("housing")] == ["ticket.opened"] * 3
    before = titles(braked), braked.sent()
    braked.apply(*many)
    assert (titles(braked), braked.sent()) == before


def test_a_storm_of_one_place_says_so(braked, fire):
    braked.apply(*places(fire, 1, 2, 3))
    assert titles(braked)[-1] == ("Storm: rule traffic-light-dark, 1 place", 1, 1)


def test_it_clears_with_its_last_incident_and_a_source_that_comes_again_joins_it(braked, fire):
    many = places(fire, 1, 2, 3, 4)
    braked.apply(*many)
    braked.apply(*cleared(*many[2:], at=NOW))
    storm = braked.every()[-1]
    assert (storm.firing, storm.cleared_at, storm.state) == (0, NOW, "dispatched")
    braked.apply(*places(fire, 4, at=NOW + 2 * HOUR_MS))
    storm = braked.every()[-1]
    assert (storm.firing, storm.cleared_at, storm.witnesses, storm.sources) == (1, None, 3, 2)
    braked.apply(*cleared(*places(fire, 4, at=NOW + 2 * HOUR_MS), at=NOW + 3 * HOUR_MS))
    assert braked.every()[-1].firing == 0


def test_without_a_unit_it_is_cancelled_once_all_is_over(braked, fire):
    many = places(fire, 1, 2, 3, 4, category="nobody.cares")
    braked.apply(*many)
    braked.apply(*cleared(*many, at=NOW))
    assert [one.state for one in braked.every()] == ["cancelled"] * 3


@pytest.mark.parametrize(
    ("later", "storms"),
    [(HOUR_MS - 1, 1), (HOUR_MS, 0)],
    ids=["within the hour", "an hour after the first"],
)
def test_the_hour_slides(braked, fire, later, storms):
    braked.apply(*places(fire, 1), *places(fire, 2, at=FIRED + 1000))
    braked.apply(*places(fire, 3, at=FIRED + later))
    assert sum(one.storm for one in braked.every()) == storms


@pytest.mark.parametrize(
    ("other", "storms"),
    [
        ({"rule": "other"}, 0),
        ({"category": "device.silent"}, 0),
        ({"rule": "traffic-light-dark"}, 1),
    ],
    ids=["another rule", "another unit", "the same"],
)
def test_each_rule_and_unit_is_counted_alone(braked, fire, other, storms):
    braked.apply(*places(fire, 1, 2))
    braked.apply(*places(fire, 3, **other))
    assert sum(one.storm for one in braked.every()) == storms


def test_a_storm_that_a_person_closed_begins_anew_and_its_sources_cool_down(braked, fire):
    many = places(fire, 1, 2, 3)
    braked.apply(*many)
    storm = braked.every()[-1]
    braked.apply(*cleared(many[2], at=NOW))
    braked.desk.act(storm.id, "close", now=NOW)
    braked.apply(*places(fire, 3, at=NOW + 1000), *places(fire, 4, at=NOW + 1000))
    assert titles(braked)[3:] == [("Storm: rule traffic-light-dark, 1 place", 1, 1)]
    assert [one.source for one in braked.tickets.sources(braked.every()[-1].id).sources] == [
        "cam-4"
    ]
    braked.desk.open_held(event_time=NOW + 600_000, now=NOW + 600_000)
    assert titles(braked)[3:] == [("Storm: rule traffic-light-dark, 2 places", 2, 2)]


def test_a_storm_of_gateways_counts_gateways(braked, fire):
    def behind(gateway: int):
        return [
            fire(f"s-{gateway}-{n}", group=f"g-{gateway}", title="Gateway {group}: {count}")
            for n in range(3)
        ]

    braked.apply(*(one for gateway in range(1, 5) for one in behind(gateway)))
    assert titles(braked) == [
        ("Gateway g-1: 3", 3, 3),
        ("Gateway g-2: 3", 3, 3),
        ("Storm: rule traffic-light-dark, 2 places", 6, 2),
    ]


def test_a_restart_in_the_storm_goes_on_with_it(braked, fire, url):
    braked.apply(*places(fire, 1, 2, 3))
    braked.store.close()
    braked.store.open()
    braked.apply(*places(fire, 3, 4))
    assert titles(braked)[-1] == ("Storm: rule traffic-light-dark, 2 places", 2, 2)
