"""How much a unit hears of one ticket: a dead gateway, one that comes and goes."""

from dataclasses import replace

import pytest

from tickets.pace import told_from

NOW = 1_778_630_531_480
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
GATEWAY = {
    "rule": "sensor-silent",
    "group": "gw-1",
    "category": "device.silent",
    "title": "Gateway {group} silent: {count} sources",
}


@pytest.mark.parametrize(
    ("told", "wait_s"),
    [
        pytest.param([], 0, id="nothing told yet"),
        pytest.param([0, 0, 0, 0], 0, id="the first five at once"),
        pytest.param([0, 0, 0, 0, 0], 5, id="the sixth waits"),
        pytest.param([2, 2, 2, 2, 2], 3, id="counted from the one before"),
        pytest.param([0] * 7, 20, id="each longer than the one before"),
        pytest.param([0] * 16, 600, id="but no longer than ten minutes"),
        pytest.param([3601, 3602, 3603, 3604, 3605, 3606], 0, id="an hour ago is forgotten"),
    ],
)
def test_told_from(told, wait_s):
    times = [NOW - at * SECOND for at in told]
    assert told_from(times, now=NOW) == NOW + wait_s * SECOND


def silent(fire, number, *, since):
    return fire(f"sensor-{number}", since=since, **GATEWAY)


def test_a_gateway_that_dies_source_by_source_is_one_ticket_and_few_events(city, fire):
    for second in range(20):
        now = NOW + second * SECOND
        nine = [silent(fire, 9 * second + n, since=now) for n in range(9)]
        city.apply(*nine, now=now)
        city.desk.tell_waiting(now=now)
    ticket = city.one()
    assert (ticket.sources, ticket.firing) == (180, 180)
    assert len(city.sent()) < 10
    for second in range(20, 200, 10):
        city.desk.tell_waiting(now=NOW + second * SECOND)
    last = city.sent()[-1]
    assert last["type"] == "ticket.updated"
    assert last["data"]["ticket"]["title"] == "Gateway gw-1 silent: 180 sources"
    assert last["data"]["ticket"]["witness_count"] == 180
    assert city.one().untold is None
    assert last["data"]["ticket"]["revision"] == len(city.sent()) == city.one().revision


def test_a_gateway_that_comes_and_goes_for_hours_is_one_ticket_of_bounded_events(city, fire):
    for minute in range(0, 120, 4):
        now = NOW + minute * MINUTE
        gone = [silent(fire, n, since=now) for n in range(2)]
        city.apply(*gone, now=now)
        city.desk.tell_waiting(now=now)
        back = now + 2 * MINUTE
        city.apply(*(replace(one, cleared_at=back) for one in gone), now=back)
        city.desk.tell_waiting(now=back)
    assert city.one().witnesses == 30 * 2
    assert len(city.sent()) < 2 * 19


def test_what_people_do_and_what_gets_worse_is_told_at_once(city, fire):
    for number in range(9):
        city.apply(silent(fire, number, since=NOW))
    assert city.one().untold == NOW
    before = len(city.sent())
    city.answer("devices", "acknowledged", city.one().id)
    assert [one["type"] for one in city.sent()[before:]] == ["ticket.acknowledged"]
    assert city.sent()[-1]["data"]["ticket"]["witness_count"] == 9
    assert city.one().untold is None
    worse = replace(silent(fire, 99, since=NOW), severity="critical")
    city.apply(worse)
    assert city.sent()[-1]["data"]["ticket"]["severity"] == "critical"
    city.desk.tell_waiting(now=NOW + HOUR)
    assert len(city.sent()) == before + 2


def test_what_waits_is_told_after_a_restart_too(city, city_of, fire):
    for number in range(9):
        city.apply(silent(fire, number, since=NOW))
    told = len(city.sent())
    again = city_of(city.store)
    again.ids = city.ids
    again.desk.tell_waiting(now=NOW + SECOND)
    assert len(city.sent()) == told
    again.desk.tell_waiting(now=NOW + HOUR)
    assert len(city.sent()) == told + 1
    again.desk.tell_waiting(now=NOW + HOUR)
    assert len(city.sent()) == told + 1


def test_the_gateways_own_will_and_its_silent_sensors_are_one_ticket(city, fire):
    spec = silent(fire, 0, since=NOW).ticket
    will = replace(
        fire("gw-1", **{**GATEWAY, "rule": "gateway-offline"}),
        ticket=replace(spec, joins="sensor-silent"),
    )
    city.apply(will)
    assert city.one().title == "Gateway gw-1 silent: 1 sources"
    city.apply(*(silent(fire, number, since=NOW) for number in range(200)))
    assert (city.one().sources, city.one().title) == (201, "Gateway gw-1 silent: 201 sources")
    city.apply(replace(will, cleared_at=NOW + 1))
    assert (city.one().firing, city.one().cleared_at) == (200, None)


def test_some_come_back_others_fall_silent_one_moves_to_another_gateway(city, fire):
    first = [silent(fire, number, since=NOW) for number in range(10)]
    city.apply(*first)
    city.apply(*(replace(one, cleared_at=NOW + MINUTE) for one in first[:3]))
    city.apply(silent(fire, 50, since=NOW + MINUTE))
    assert (city.one().sources, city.one().firing) == (11, 8)
    moved = replace(silent(fire, 1, since=NOW + HOUR), group="gw-2")
    still = replace(first[9], group="gw-2", cleared_at=NOW + HOUR)
    city.apply(moved, still, now=NOW + HOUR)
    old, new = city.every()
    assert (old.group, old.sources, old.firing) == ("gw-1", 11, 7)
    assert (new.group, new.sources, new.firing) == ("gw-2", 1, 1)
