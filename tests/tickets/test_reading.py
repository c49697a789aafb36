"""What the page, the API and the command line see."""

from dataclasses import replace

import pytest

from tickets.errors import BadCursor, UnknownTicket
from tickets.states import STATES
from tickets.tallies import REMEMBERED_MS, tallies

NOW = 1_778_630_531_480
MINUTE = 60_000


def test_pages_go_back_in_time_and_end(city, fire):
    for n in range(7):
        city.apply(fire(f"s-{n}"), now=NOW + n // 2)
    seen, cursor = [], None
    for _ in range(4):
        page = city.tickets.list(limit=2, cursor=cursor)
        seen += [ticket.source for ticket in page.tickets]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == [f"s-{n}" for n in (6, 5, 4, 3, 2, 1, 0)]
    assert cursor is None


def test_a_page_that_is_just_full_is_the_last(city, fire):
    city.apply(fire("a"), fire("b"))
    assert city.tickets.list(limit=2).cursor is None
    assert len(city.tickets.list(limit=0).tickets) == 1
    assert len(city.tickets.list(limit=10**9).tickets) == 2


def test_filters(city, fire):
    city.apply(fire("a"), fire("b", category="road.flooding"), fire("c", category="x.y"))
    city.desk.act("ZZ-260513-0002", "acknowledge", now=NOW)

    def sources(**by: object) -> list[str]:
        return [ticket.source for ticket in city.tickets.list(**by).tickets]

    assert sources(state="open") == ["c"]
    assert sources(state=["open", "acknowledged"]) == ["c", "b"]
    assert sources(state=[]) == []
    assert sources(category="road.flooding") == ["b"]
    assert sources(unit="housing") == ["b", "a"]
    assert sources(unit="housing", state="dispatched") == ["a"]


@pytest.mark.parametrize("cursor", ["", "x", "1", "~a", "1~", "-1~a", "²~a", "1" * 20 + "~a"])
def test_cursors_that_are_not_ours(city, cursor):
    for ask in (city.tickets.list, city.tickets.incidents):
        with pytest.raises(BadCursor, match="is no cursor of ours"):
            ask(cursor=cursor)


def test_detail(city, fire):
    sha = "ab" * 32
    city.apply(fire(evidence=sha), fire(since=NOW - 60_000))
    city.desk.act(city.one().id, "acknowledge", note="seen", now=NOW + 1)
    detail = city.tickets.get(city.one().id)
    assert detail.ticket == city.one()
    assert [change.revision for change in detail.history] == [1, 2]
    opened, acknowledged = detail.history
    assert (opened.type, opened.actor, opened.state, opened.at) == (
        "ticket.opened",
        "rules",
        "dispatched",
        NOW,
    )
    assert (acknowledged.note, acknowledged.actor, acknowledged.at) == ("seen", "desk", NOW + 1)
    assert [witness.since for witness in detail.witnesses] == [NOW - 60_000, NOW - 70_000]
    assert [(picture.sha256, picture.at) for picture in detail.pictures] == [(sha, NOW - 10_000)]
    assert [(sent.event, sent.endpoint, sent.state) for sent in detail.deliveries] == [
        (opened.event, "housing", "pending"),
        (acknowledged.event, "housing", "pending"),
    ]
    assert city.tickets.pictures([city.one().id, "ZZ-1"]) == {city.one().id: detail.pictures}


def test_no_detail_of_nothing(city):
    with pytest.raises(UnknownTicket, match="there is no ticket ZZ-1"):
        city.tickets.get("ZZ-1")


def test_incidents_with_their_tickets(city, fire):
    city.apply(fire("a"), fire("b", category=None, since=NOW), fire("c", since=NOW + 1))
    page = city.tickets.incidents(limit=2)
    assert [(i.source, ticket) for i, ticket in page.incidents] == [
        ("c", "ZZ-260513-0002"),
        ("b", None),
    ]
    page = city.tickets.incidents(limit=2, cursor=page.cursor)
    ((incident, _),) = page.incidents
    assert (incident, page.cursor) == (fire("a"), None)


def test_counts_have_zeros(city, fire):
    assert city.tickets.counts() == dict.fromkeys(STATES, 0)
    city.apply(fire("a"), fire("b"), fire("c", category="x.y"))
    city.desk.act("ZZ-260513-0001", "close", now=NOW)
    assert city.tickets.counts() == dict.fromkeys(STATES, 0) | {
        "open": 1,
        "dispatched": 1,
        "closed": 1,
    }


def told(city, *, since: int, until: int) -> dict[tuple[object, ...], tuple[int, int, int]]:
    """The tallies that are not all zero."""
    return {
        (t.category, t.severity, t.unit, t.district, t.state): (t.open, t.opened, t.closed)
        for t in tallies(city.store, since=since, until=until)
        if (t.open, t.opened, t.closed) != (0, 0, 0)
    }


def test_tallies(city, fire):
    light = ("road.traffic_light", "major", "housing")
    city.apply(fire("a", labels={"district": "管城区"}), fire("b"), fire("c"))
    assert told(city, since=NOW - MINUTE, until=NOW) == {
        (*light, "管城区", "dispatched"): (1, 1, 0),
        (*light, None, "dispatched"): (2, 2, 0),
    }
    city.desk.act("ZZ-260513-0002", "close", now=NOW + 1)
    assert told(city, since=NOW, until=NOW + MINUTE) == {
        (*light, "管城区", "dispatched"): (1, 0, 0),
        (*light, None, "dispatched"): (1, 0, 0),
        (*light, None, "closed"): (0, 0, 1),
    }


def test_tallies_say_zero_of_what_has_emptied(city, fire):
    city.apply(fire(category="road.flooding"))
    number = city.one().id
    city.answer("housing", "rejected", number)
    city.apply(fire(category="road.flooding", since=NOW, severity="critical"), now=NOW + MINUTE)
    city.desk.act(number, "close", now=NOW + 2 * MINUTE)
    until = NOW + REMEMBERED_MS
    every = tallies(city.store, since=until - MINUTE, until=until)
    assert {tally.open for tally in every} == {0}
    assert {(tally.severity, tally.unit) for tally in every} == {
        ("major", "housing"),
        ("major", "water"),
        ("critical", "water"),
    }
    assert len(every) == 3 * len(STATES)
    until += 3 * MINUTE
    assert tallies(city.store, since=until - MINUTE, until=until) == []


def test_a_ticket_that_was_cancelled_counts_as_closed(city, fire):
    stray = fire(category="x.y")
    city.apply(stray)
    city.apply(replace(stray, cleared_at=NOW))
    assert told(city, since=NOW - 1, until=NOW) == {
        ("x.y", "major", None, None, "open"): (0, 1, 0),
        ("x.y", "major", None, None, "cancelled"): (0, 0, 1),
    }
