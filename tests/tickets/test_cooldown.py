"""After the end of a ticket: quiet for the rule's cool-down, by event time, and nothing lost."""

from dataclasses import replace

import pytest

NOW = 1_778_630_531_480
CLOSED = NOW + 100_000
QUIET = CLOSED + 600_000


@pytest.fixture
def closed(city, fire):
    """A city with one ticket, closed at CLOSED; its rule is quiet until QUIET."""
    city.apply(fire())
    city.desk.act(city.one().id, "close", now=CLOSED)
    return city


def states(city) -> list[str]:
    return [ticket.state for ticket in city.every()]


def test_a_blip_in_the_cooldown_is_no_ticket(closed, fire):
    blip = fire(since=CLOSED, cleared_at=QUIET)
    closed.apply(replace(blip, cleared_at=None))
    closed.apply(blip)
    closed.desk.open_held(event_time=QUIET + 1, now=QUIET + 1)
    assert states(closed) == ["closed"]
    closed.apply(replace(blip, cleared_at=None), blip)
    assert states(closed) == ["closed"]


def test_a_blip_in_one_call(closed, fire):
    closed.apply(fire(since=CLOSED, cleared_at=QUIET))
    assert states(closed) == ["closed"]


def test_after_the_cooldown_it_is_a_new_ticket(closed, fire):
    closed.apply(fire(since=QUIET - 60_000))
    assert states(closed) == ["closed", "dispatched"]


def test_just_before_its_end_it_waits(closed, fire):
    closed.apply(fire(since=QUIET - 60_001))
    assert states(closed) == ["closed"]


def test_what_still_fires_at_the_end_becomes_a_ticket(closed, fire):
    closed.apply(fire(since=CLOSED))
    closed.desk.open_held(event_time=QUIET - 1, now=QUIET - 1)
    assert states(closed) == ["closed"]
    closed.desk.open_held(event_time=QUIET, now=QUIET + 3)
    closed.desk.open_held(event_time=QUIET, now=QUIET + 4)
    assert states(closed) == ["closed", "dispatched"]
    assert closed.every()[1].opened_at == QUIET + 3
    assert closed.outbox.list()[0].caused_at == QUIET
    closed.apply(fire(since=CLOSED))
    assert closed.every()[1].witnesses == 1


def test_what_outlived_the_cooldown_before_it_cleared_becomes_a_ticket(closed, fire):
    closed.apply(fire(since=CLOSED))
    closed.apply(fire(since=CLOSED, cleared_at=QUIET + 1))
    assert states(closed) == ["closed", "dispatched"]
    assert closed.every()[1].cleared_at == QUIET + 1


def test_what_outlived_it_in_one_call(closed, fire):
    closed.apply(fire(since=CLOSED, cleared_at=QUIET + 1))
    assert states(closed) == ["closed", "dispatched"]


def test_those_that_waited_come_together(city, fire):
    def silent(n: int, **more: int):
        return fire(f"s-{n}", group="gw-1", title="{count}", **more)

    city.apply(silent(0))
    city.desk.act(city.one().id, "close", now=CLOSED)
    city.apply(*(silent(n, since=CLOSED) for n in range(1, 6)))
    city.apply(silent(5, since=CLOSED, cleared_at=QUIET - 5))
    city.desk.open_held(event_time=QUIET, now=QUIET)
    second = city.every()[1]
    assert (second.title, second.witnesses) == ("4", 4)
    assert city.types(second.id) == ["opened"]


def test_those_that_waited_join_a_ticket_that_opens(city, fire):
    def silent(n: int, **more: int):
        return fire(f"s-{n}", group="gw-1", title="{count}", **more)

    city.apply(silent(0))
    city.desk.act(city.one().id, "close", now=CLOSED)
    city.apply(silent(1, since=CLOSED), silent(2, since=CLOSED))
    city.apply(silent(3, since=QUIET - 60_000))
    assert (city.every()[1].title, city.every()[1].witnesses) == ("3", 3)
    city.desk.open_held(event_time=QUIET + 99, now=QUIET + 99)
    assert city.every()[1].revision == 1


def test_what_waits_joins_a_ticket_that_was_reopened(closed, fire):
    closed.apply(fire(since=CLOSED))
    closed.desk.act(closed.one().id, "reopen", now=CLOSED + 1)
    closed.desk.open_held(event_time=QUIET, now=QUIET)
    assert (closed.one().state, closed.one().witnesses) == ("reopened", 2)


def test_what_waits_waits_on_when_the_ticket_was_closed_again(closed, fire):
    closed.apply(fire(since=CLOSED))
    number = closed.one().id
    closed.desk.act(number, "reopen", now=CLOSED + 1)
    closed.desk.act(number, "close", now=CLOSED + 50_000)
    closed.desk.open_held(event_time=QUIET, now=QUIET)
    assert states(closed) == ["closed"]
    closed.desk.open_held(event_time=QUIET + 50_000, now=QUIET + 50_000)
    assert states(closed) == ["closed", "dispatched"]


def test_nothing_waits(city):
    city.desk.open_held(event_time=NOW, now=NOW)
    assert city.every() == []


def test_without_a_cooldown(city, fire):
    city.apply(fire(cooldown=0))
    city.desk.act(city.one().id, "close", now=CLOSED)
    city.apply(fire(cooldown=0, since=CLOSED - 60_000))
    assert states(city) == ["closed", "dispatched"]


def test_cancelled_counts_its_cooldown_from_when_it_cleared(city, fire):
    stray = fire(category="nobody.cares", cooldown=60_000)
    city.apply(stray)
    city.apply(replace(stray, cleared_at=NOW), now=NOW + 3_600_000)
    early, late = fire(since=NOW - 1, cleared_at=NOW + 59_999), fire(since=NOW)
    city.apply(replace(early, ticket=stray.ticket))
    assert states(city) == ["cancelled"]
    city.apply(replace(late, ticket=stray.ticket))
    assert states(city) == ["cancelled", "open"]
