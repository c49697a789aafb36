"""Any cut into calls, any replay, any crash: the same tickets, and no event twice."""

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from rules.incidents import Merge
from tickets.errors import StepForbidden
from tickets.store import Store
from tickets.ticket import Ticket

NOW = 1_778_630_531_480
SOURCES = {
    "cam-1/north": {"severity": "critical"},
    "cam-2": {},
    "stray": {"category": "nobody.cares"},
    "silent": {"category": None},
    "s-1": {"group": "gw-1", "rule": "g", "title": "{count} silent"},
    "s-2": {"group": "gw-1", "rule": "g", "title": "{count} silent", "severity": "info"},
    "s-3": {"group": "gw-1", "rule": "g", "title": "{count} silent"},
    "near-1": {"labels": {"lat": "34.7", "lon": "113.7"}, "merge": Merge(50, 60_000)},
    "near-2": {"labels": {"lat": "34.7001", "lon": "113.7"}, "merge": Merge(50, 60_000)},
    "near-3": {"labels": {"lat": "34.7", "lon": "113.7"}, "merge": Merge(50, 60_000), "rule": "g"},
    "looked": {"confirm": True, "labels": {"lat": "34.7", "lon": "113.7"}},
    "trial": {"shadow": True},
}
ACTIONS = ("acknowledge", "resolve", "close", "reopen", "reject")


class Crash(BaseException):
    """The process is gone."""


class Fuse:
    """Ends the world at a point of the store's, where one is set."""

    point: str | None = None

    def __call__(self, point: str) -> None:
        if point == self.point:
            raise Crash


@dataclass(frozen=True)
class Toggle:
    """The source's incident begins, or the one it has ends."""

    source: str


@dataclass(frozen=True)
class Wait:
    ms: int


@dataclass(frozen=True)
class Answer:
    """Somebody does something to the n-th ticket."""

    number: int
    action: str


@dataclass(frozen=True)
class Release:
    """The cool-downs that are over are looked at."""


steps = st.lists(
    st.one_of(
        st.builds(Toggle, st.sampled_from(sorted(SOURCES))),
        st.builds(
            Toggle, st.sampled_from(["cam-2", "s-1", "s-2", "s-3", "near-1", "near-2", "near-3"])
        ),
        st.builds(Wait, st.sampled_from([1, 30_000, 600_000])),
        st.builds(Answer, st.integers(1, 4), st.sampled_from(ACTIONS)),
        st.just(Release()),
    ),
    max_size=25,
)


def script(choices: Sequence[object], fire: Callable[..., object]) -> list[tuple[int, object]]:
    """Moments: an incident's event, or what else happens, with its time."""
    at, firing, moments = NOW, {}, []
    for choice in choices:
        at += choice.ms if isinstance(choice, Wait) else 1
        if isinstance(choice, Toggle):
            incident = firing.pop(choice.source, None)
            if incident is None:
                incident = fire(choice.source, since=at, fired_at=at, **SOURCES[choice.source])
                firing[choice.source] = incident
                moments.append((at, incident))
            else:
                moments.append((at, replace(incident, cleared_at=at)))
        elif not isinstance(choice, Wait):
            moments.append((at, choice))
    return moments


def calls(moments: list[tuple[int, object]], cuts: Iterator[bool]) -> list[tuple[int, object]]:
    """Incident events that no cut divides become one list, filed together."""
    joined: list[tuple[int, object]] = []
    for at, moment in moments:
        if isinstance(moment, Answer | Release):
            joined.append((at, moment))
        elif joined and isinstance(joined[-1][1], list) and not next(cuts):
            joined[-1] = (at, [*joined[-1][1], moment])
        else:
            joined.append((at, [moment]))
    return joined


def play(city, at: int, moment: object) -> None:
    if isinstance(moment, list):
        city.desk.apply(moment, now=NOW)
    elif isinstance(moment, Release):
        city.desk.open_held(event_time=at, now=NOW)
    else:
        with suppress(StepForbidden):
            number = f"ZZ-260513-{moment.number:04d}"
            if any(ticket.id == number for ticket in city.every()):
                city.desk.act(number, moment.action, now=at)


def outcome(city) -> list[Ticket]:
    """All but what counts the calls."""
    return [replace(ticket, revision=0, updated_at=0) for ticket in city.with_shadows()]


def witnesses(city) -> set[tuple[str, str | None, int | None]]:
    incidents = city.tickets.incidents(limit=1000).incidents
    return {(incident.id, ticket, incident.cleared_at) for incident, ticket in incidents}


def told(city) -> list[tuple[str, int, str, str]]:
    """Every change; each has a revision of its own and, where there is a unit, one delivery."""
    changes = []
    for ticket in city.with_shadows():
        detail = city.tickets.get(ticket.id)
        assert [one.revision for one in detail.history] == list(range(1, ticket.revision + 1))
        assert [one.event for one in detail.deliveries] == [
            one.event for one in detail.history if one.unit is not None and not ticket.secret
        ]
        assert detail.history[-1].state == ticket.state if detail.history else ticket.secret
        witnessing = {incident.id for incident in detail.witnesses}
        assert len(witnessing) == ticket.witnesses
        changes += [(ticket.id, one.revision, one.type, one.state) for one in detail.history]
    return changes


@pytest.fixture(scope="module")
def fresh(city_of) -> Iterator[Callable[..., object]]:
    """``with fresh() as (city, fuse)``, on a new SQLite file with its tables made."""
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.db"
        store = Store(f"sqlite:///{template}")
        store.open()
        store.close()

        @contextmanager
        def make() -> Iterator[object]:
            with tempfile.TemporaryDirectory(dir=folder) as own:
                path = Path(own) / "tickets.db"
                shutil.copy(template, path)
                fuse = Fuse()
                store = Store(f"sqlite:///{path}", crash=fuse)
                store.open()
                try:
                    city = city_of(store)
                    city.desk = city.with_units(city.units, brake=2)
                    yield city, fuse
                finally:
                    store.close()

        yield make


def cutter(data: st.DataObject) -> Iterator[bool]:
    while True:
        yield data.draw(st.booleans())


@given(choices=steps, data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_cut_into_calls_gives_the_same_tickets(fresh, fire, choices, data):
    moments = script(choices, fire)
    with fresh() as (one_by_one, _), fresh() as (together, _):
        for at, moment in moments:
            play(one_by_one, at, [moment] if not isinstance(moment, Answer | Release) else moment)
        for at, moment in calls(moments, cutter(data)):
            play(together, at, moment)
        assert outcome(together) == outcome(one_by_one)
        assert witnesses(together) == witnesses(one_by_one)
        told(together)
        told(one_by_one)


@contextmanager
def dying(fuse: Fuse, *, at_statement: int, at_point: str | None) -> Iterator[None]:
    """Ends the world at the n-th statement of the database, or beside its commit."""
    left = [at_statement]

    def before_statement(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0 and at_point is None:
            raise Crash

    event.listen(Engine, "before_cursor_execute", before_statement)
    fuse.point = at_point
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", before_statement)
        fuse.point = None


crashes = st.tuples(
    st.integers(1, 30), st.sampled_from([None, None, "before commit", "after commit"])
)


@given(choices=steps, data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_crash_anywhere_and_a_replay_change_nothing(fresh, fire, choices, data):
    moments = script(choices, fire)
    planned = calls(moments, cutter(data))
    with fresh() as (steady, _), fresh() as (shaken, fuse):
        for at, moment in planned:
            play(steady, at, moment)
        for index, (at, moment) in enumerate(planned):
            if not isinstance(moment, list):
                play(shaken, at, moment)
                continue
            statement, point = data.draw(crashes)
            with suppress(Crash), dying(fuse, at_statement=statement, at_point=point):
                play(shaken, at, moment)
            shaken.store.close()
            shaken.store.open()
            # The rules' snapshot is older than what was filed: they say it all again, and go on.
            since = data.draw(st.integers(0, index))
            said = [call for _, call in planned[since : index + 1] if isinstance(call, list)]
            play(shaken, at, list(itertools.chain.from_iterable(said)))
        assert outcome(shaken) == outcome(steady)
        assert witnesses(shaken) == witnesses(steady)
        assert told(shaken) == told(steady)
