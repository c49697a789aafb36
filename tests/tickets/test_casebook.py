"""Tickets without a database are the desk's: whatever happens, both file the same."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.incidents import Merge
from tickets.casebook import Casebook
from tickets.opening import Opener
from tickets.store import Store
from tickets.ticket import Ticket

NOW = 1_778_630_531_480
COOLDOWN = 600_000
NEAR = Merge(50, 60_000)
SOURCES = {
    "cam-1/north": {"severity": "critical"},
    "stray": {"category": "nobody.cares"},
    "stray-2": {"category": "nobody.cares", "group": "gw-1", "rule": "g", "title": "{count}"},
    "stray-3": {"category": "nobody.cares", "group": "gw-1", "rule": "g", "title": "{count}"},
    "silent": {"category": None},
    "s-1": {"group": "gw-1", "rule": "h", "title": "{count} silent"},
    "s-2": {"group": "gw-1", "rule": "h", "title": "{count} silent", "severity": "critical"},
    "near-1": {"labels": {"lat": "34.7", "lon": "113.7"}, "merge": NEAR},
    "near-2": {"labels": {"lat": "34.7001", "lon": "113.7"}, "merge": NEAR},
    "near-3": {
        "labels": {"lat": "34.7001", "lon": "113.7"},
        "category": "nobody.cares",
        "merge": NEAR,
    },
    "near-4": {
        "labels": {"lat": "34.7002", "lon": "113.7"},
        "category": "nobody.cares",
        "merge": NEAR,
        "rule": "g",
    },
    "looked-1": {"confirm": True, "labels": {"lat": "34.7", "lon": "113.7"}},
    "looked-2": {"confirm": True, "rule": "g"},
    "trial-1": {"shadow": True},
    "trial-2": {"shadow": True, "rule": "g"},
    "trial-3": {"shadow": True},
    "storm-1": {"rule": "w", "category": "nobody.cares"},
    "storm-2": {"rule": "w", "category": "nobody.cares"},
    "storm-3": {"rule": "w", "category": "nobody.cares"},
}
steps = st.lists(
    st.tuples(st.sampled_from(sorted(SOURCES)), st.sampled_from([1, 1, 30_000, 599_999, 600_000])),
    max_size=35,
)


@pytest.fixture(scope="module")
def fresh(
    city_of: Callable[..., object], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., object]:
    template = tmp_path_factory.mktemp("template") / "tickets.db"
    made = Store(f"sqlite:///{template}")
    made.open()
    made.close()

    @contextmanager
    def make() -> Iterator[object]:
        path = tmp_path_factory.mktemp("desk") / "tickets.db"
        shutil.copy(template, path)
        store = Store(f"sqlite:///{path}")
        store.open()
        try:
            city = city_of(store)
            city.desk = city.with_units(city.units, brake=2)
            yield city
        finally:
            store.close()

    return make


def opener(city) -> Opener:
    return Opener("ZZ", ZoneInfo("Asia/Shanghai"), city.units, *city.atlas, brake=2)


def plain(ticket: Ticket) -> Ticket:
    """Without what counts the telling, which only the desk does."""
    return replace(ticket, revision=0, updated_at=0, untold=None)


@given(choices=steps)
@settings(max_examples=15, deadline=None)
def test_it_files_what_the_desk_files(fresh, fire, choices):
    at, firing, cooled = NOW, {}, set()
    with fresh() as city:
        book = Casebook(opener(city))
        for source, wait in choices:
            at += wait
            incident = firing.pop(source, None)
            if incident is None:
                incident = fire(source, since=at, fired_at=at, **SOURCES[source])
                firing[source] = incident
            else:
                incident = replace(incident, cleared_at=at)
            for due in sorted(one for one in cooled if one < at):  # as upkeep does, to the instant
                city.desk.open_held(event_time=due, now=due)
                cooled.discard(due)
            city.desk.apply([incident], now=at)
            book.file(incident)
            cooled.add(at + COOLDOWN)
        for due in sorted(cooled):
            city.desk.open_held(event_time=due, now=due)
        book.advance(at + COOLDOWN)
        seen, ended = book.take()
        found = sorted([*ended, *book.open()], key=lambda ticket: ticket.id)
        assert [plain(t) for t in found] == sorted(
            (plain(t) for t in city.with_shadows()), key=lambda ticket: ticket.id
        )
        stored = city.tickets.incidents(limit=1000).incidents
        assert {(one.incident.id, one.ticket, one.incident.cleared_at) for one in seen} == {
            (incident.id, ticket, incident.cleared_at) for incident, ticket in stored
        }


def test_a_ticket_that_counts_as_closed_ends_and_cools_down(atlas, city_of, fire):
    from tests.tickets.conftest import UNITS

    book = Casebook(Opener("ZZ", ZoneInfo("UTC"), UNITS, *atlas), close_after=60_000)

    def happens(begin: int, end: int) -> None:
        incident = fire(since=NOW + begin, fired_at=NOW + begin)
        book.file(incident)
        book.file(replace(incident, cleared_at=NOW + end))

    happens(0, 10_000)
    happens(70_000, 80_000)  # at the instant of closing: still the same ticket
    happens(140_001, 150_000)  # in the cool-down, and over before its end
    happens(740_000, 750_000)  # when the cool-down ends
    book.advance(NOW + 10_000_000)
    _, ended = book.take()
    assert [(t.id[-4:], t.witnesses, t.closed_at - NOW) for t in ended] == [
        ("0001", 2, 140_000),
        ("0002", 1, 810_000),
    ]
    assert [t.state for t in ended] == ["closed", "closed"]
    assert book.open() == []
    assert book.take() == ([], [])


def test_numbers_begin_again_with_each_day(atlas, fire):
    from tests.tickets.conftest import UNITS

    book = Casebook(Opener("ZZ", ZoneInfo("Asia/Shanghai"), UNITS, *atlas))
    for number in range(3):
        since = NOW + number * 43_200_000
        book.file(fire(f"cam-{number}", since=since, fired_at=since))
    assert [ticket.id for ticket in book.open()] == [
        "ZZ-260513-0001", "ZZ-260513-0002", "ZZ-260514-0001",
    ]  # fmt: skip
