"""Counts of tickets for the walls: the `ticket` series of DOORS (InfluxDB), zero-filled."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, func, select, union

from citypatrol.clock import Ts
from tickets.schema import OPEN, history, tickets
from tickets.states import STATES, State
from tickets.store import Store

REMEMBERED_MS: Final = 86_400_000
"""How long a series that has emptied goes on saying zero."""
_OPENED: Final = ("ticket.opened",)
_CLOSED: Final = ("ticket.closed", "ticket.cancelled")

_Tags = tuple[str, str, str | None, str | None]
"""Category, severity, unit and district of a ticket."""


@dataclass(frozen=True, slots=True)
class Tally:
    """One point of the series with these tags.

    ``open`` counts the open tickets that are in ``state`` now (0 where the state is an end);
    ``opened`` and ``closed`` those that came to this state by being opened, or by being closed or
    cancelled, in the time asked for.
    """

    category: str
    severity: str
    unit: str | None
    district: str | None
    state: State
    open: int
    opened: int
    closed: int


def tallies(store: Store, *, since: Ts, until: Ts) -> Sequence[Tally]:
    """Every state of every series that had a ticket in the last day, for since < t <= until."""
    real = tickets.c.shadow.is_(False)
    with store.read() as connection:
        series = sorted(_series(connection, since=until - REMEMBERED_MS), key=repr)
        is_open = _counts(connection, select(*_TAGS, tickets.c.state).where(OPEN, real))
        window = (history.c.at > since) & (history.c.at <= until) & real
        window &= tickets.c.unconfirmed.is_(False)  # one that nobody confirmed was never opened
        changes = select(*_PAST_TAGS, history.c.state).join_from(history, tickets).where(window)
        opened = _counts(connection, changes.where(history.c.type.in_(_OPENED)))
        closed = _counts(connection, changes.where(history.c.type.in_(_CLOSED)))
    return [
        Tally(
            *tags,
            state=state,
            open=is_open.get((*tags, state), 0),
            opened=opened.get((*tags, state), 0),
            closed=closed.get((*tags, state), 0),
        )
        for tags in series
        for state in STATES
    ]


_TAGS: Final = (tickets.c.category, tickets.c.severity, tickets.c.unit, tickets.c.district)
_PAST_TAGS: Final = (
    tickets.c.category,
    history.c.severity,
    history.c.unit,
    tickets.c.district,
)
"""A ticket that went to another unit leaves a series behind that must say zero."""


def _series(connection: Connection, *, since: Ts) -> Iterator[_Tags]:
    real = tickets.c.shadow.is_(False)
    past = select(*_PAST_TAGS).join_from(history, tickets).where(history.c.at > since, real)
    for row in connection.execute(union(select(*_TAGS).where(OPEN, real), past)):
        category, severity, unit, district = row
        yield category, severity, unit, district


def _counts(connection: Connection, query: Select[Any]) -> dict[tuple[Any, ...], int]:
    columns = list(query.selected_columns)
    counted = query.add_columns(func.count()).group_by(*columns)
    return {tuple(row[:-1]): row[-1] for row in connection.execute(counted)}
