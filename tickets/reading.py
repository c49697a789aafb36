"""What the page, the API and the command line see of tickets. Only reads."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select

from citypatrol.clock import Ts
from rules.incidents import Incident
from tickets.body import Picture
from tickets.errors import BadCursor, UnknownTicket
from tickets.first_load import HeldRule, held_rules
from tickets.rows import chunks, pictures_of, seen_of, ticket_of
from tickets.schema import OPEN, SHOWN, deliveries, history, incidents, tickets
from tickets.sources import WitnessPage, sources_of
from tickets.states import STATES, State
from tickets.store import Store
from tickets.ticket import Ticket

MOST: Final = 1_000
"""Rows of one page, at most."""


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first. ``cursor`` asks for the next page; None on the last."""

    tickets: Sequence[Ticket]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """Newest first; with the ticket that each one witnesses, None where there is none."""

    incidents: Sequence[tuple[Incident, str | None]]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Revision:
    """One change: ``event`` is its webhook-id; ``actor`` is ``rules``, ``desk`` or a unit's id."""

    revision: int
    event: str
    type: str
    at: Ts
    state: State
    unit: str | None
    actor: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Sent:
    """Where the event of a revision stands: ``state`` is pending, accepted or dead."""

    delivery: int
    event: str
    endpoint: str
    type: str
    state: str
    tries: int
    due_at: Ts
    settled_at: Ts | None


@dataclass(frozen=True, slots=True)
class Detail:
    """Everything about one ticket; ``witnesses`` and ``pictures`` newest first, at most 1,000."""

    ticket: Ticket
    history: Sequence[Revision]
    witnesses: Sequence[Incident]
    pictures: Sequence[Picture]
    deliveries: Sequence[Sent]


@dataclass(frozen=True, slots=True)
class OpenOfRule:
    """How many open tickets of a rule are shadows, and how many real ones are storms."""

    shadows: int
    storms: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A ticket of which a person has said whether it was real, and the ids of its incidents."""

    ticket: Ticket
    incidents: Sequence[str]


class Tickets:
    """Reads the tickets of an open store. Blocking; safe from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(
        self,
        *,
        state: State | Collection[State] | None = None,
        category: str | None = None,
        unit: str | None = None,
        shadow: bool = False,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        """Newest first; either real ones or shadows. Raises BadCursor."""
        limit = max(1, min(limit, MOST))
        query = select(tickets).order_by(tickets.c.opened_at.desc(), tickets.c.id.desc())
        query = query.where(tickets.c.shadow.is_(shadow))
        if state is not None:
            query = query.where(tickets.c.state.in_([state] if isinstance(state, str) else state))
        if category is not None:
            query = query.where(tickets.c.category == category)
        if unit is not None:
            query = query.where(tickets.c.unit == unit)
        rows, following = self._page(query, tickets.c.opened_at, tickets.c.id, limit, cursor)
        return Page([ticket_of(row) for row in rows], following)

    def incidents(
        self,
        *,
        source: str | None = None,
        firing: bool = False,
        limit: int = 100,
        cursor: str | None = None,
    ) -> IncidentPage:
        """Every incident that was handed in, with a ticket or without; ``firing``: those that have
        not cleared. Raises BadCursor."""
        limit = max(1, min(limit, MOST))
        query = select(incidents).order_by(incidents.c.fired_at.desc(), incidents.c.id.desc())
        if source is not None:
            query = query.where(incidents.c.source == source)
        if firing:
            query = query.where(incidents.c.cleared_at.is_(None))
        rows, following = self._page(query, incidents.c.fired_at, incidents.c.id, limit, cursor)
        return IncidentPage([(seen_of(row).incident, row.ticket) for row in rows], following)

    def get(self, ticket_id: str) -> Detail:
        """Raises UnknownTicket."""
        with self._store.read() as connection:
            row = connection.execute(select(tickets).where(tickets.c.id == ticket_id)).first()
            if row is None:
                message = f"there is no ticket {ticket_id}"
                raise UnknownTicket(message)
            return Detail(
                ticket=ticket_of(row),
                history=_history(connection, ticket_id),
                witnesses=_witnesses(connection, ticket_id),
                pictures=_pictures(connection, [ticket_id]).get(ticket_id, []),
                deliveries=_sent(connection, ticket_id),
            )

    def sources(
        self, ticket_id: str, *, limit: int = 100, cursor: str | None = None
    ) -> WitnessPage:
        """Which sources the ticket is about, by name. Raises UnknownTicket."""
        return sources_of(self._store, ticket_id, limit=limit, cursor=cursor)

    def pictures(self, ticket_ids: Iterable[str]) -> Mapping[str, Sequence[Picture]]:
        """The pictures of many tickets, newest first; tickets without any are left out."""
        with self._store.read() as connection:
            return _pictures(connection, ticket_ids)

    def counts(self) -> Mapping[State, int]:
        """How many tickets are in each state, zeros too; shadows are none."""
        query = select(tickets.c.state, func.count()).where(tickets.c.shadow.is_(False))
        with self._store.read() as connection:
            rows = connection.execute(query.group_by(tickets.c.state))
            found = {row[0]: row[1] for row in rows}
        return {state: found.get(state, 0) for state in STATES}

    def open_by_rule(self) -> Mapping[str, OpenOfRule]:
        """Of every rule that has an open shadow or storm."""
        special = tickets.c.shadow | tickets.c.storm
        query = (
            select(
                tickets.c.rule,
                func.count().filter(tickets.c.shadow).label("shadows"),
                func.count().filter(tickets.c.storm & ~tickets.c.shadow).label("storms"),
            )
            .where(special, OPEN)
            .group_by(tickets.c.rule)
        )
        with self._store.read() as connection:
            rows = connection.execute(query)
            return {row.rule: OpenOfRule(row.shadows, row.storms) for row in rows}

    def held_rules(self) -> Sequence[HeldRule]:
        """Rules that are held back, by name."""
        with self._store.read() as connection:
            return held_rules(connection)

    def judged(self, *, since: Ts, until: Ts) -> Sequence[Judged]:
        """Tickets that have a verdict and began in this time, both ends included, oldest first,
        shadows too; each with the ids of its incidents."""
        wanted = tickets.c.verdict.is_not(None) & tickets.c.first_at.between(since, until)
        query = select(tickets).where(wanted).order_by(tickets.c.first_at, tickets.c.id)
        with self._store.read() as connection:
            found = [ticket_of(row) for row in connection.execute(query)]
            ids: dict[str, list[str]] = {ticket.id: [] for ticket in found}
            for some in chunks(ids):
                witnesses = (
                    select(incidents.c.ticket, incidents.c.id)
                    .where(incidents.c.ticket.in_(some))
                    .order_by(incidents.c.fired_at, incidents.c.id)
                )
                for row in connection.execute(witnesses):
                    ids[row.ticket].append(row.id)
        return [Judged(ticket, ids[ticket.id]) for ticket in found]

    def _page(
        self,
        query: Select[Any],
        time: ColumnElement[int],
        number: ColumnElement[str],
        limit: int,
        cursor: str | None,
    ) -> tuple[Sequence[Row[Any]], str | None]:
        if cursor is not None:
            at, id_ = _position(cursor)
            query = query.where(or_(time < at, (time == at) & (number < id_)))
        with self._store.read() as connection:
            rows = connection.execute(query.limit(limit + 1)).all()
        if len(rows) <= limit:
            return rows, None
        last = rows[limit - 1]._mapping
        return rows[:limit], f"{last[time]}~{last[number]}"


def _position(cursor: str) -> tuple[Ts, str]:
    at, _, id_ = cursor.partition("~")
    if not (at.isascii() and at.isdecimal() and len(at) < 16 and id_):
        message = f"'{cursor[:40]}' is no cursor of ours; begin again without one"
        raise BadCursor(message)
    return int(at), id_


def _history(connection: Connection, ticket_id: str) -> Sequence[Revision]:
    query = select(history).where(history.c.ticket == ticket_id).order_by(history.c.revision)
    return [
        Revision(
            row.revision, row.event, row.type, row.at, row.state, row.unit, row.actor, row.note
        )
        for row in connection.execute(query)
    ]


def _witnesses(connection: Connection, ticket_id: str) -> Sequence[Incident]:
    query = (
        select(incidents)
        .where(incidents.c.ticket == ticket_id)
        .order_by(incidents.c.fired_at.desc(), incidents.c.id.desc())
        .limit(MOST)
    )
    return [seen_of(row).incident for row in connection.execute(query)]


def _pictures(connection: Connection, ticket_ids: Iterable[str]) -> Mapping[str, Sequence[Picture]]:
    found: dict[str, list[Picture]] = {}
    for some in chunks(ticket_ids):
        query = (
            select(incidents)
            .where(incidents.c.ticket.in_(some), SHOWN)
            .order_by(incidents.c.fired_at.desc(), incidents.c.id.desc())
            .limit(MOST)
        )
        for row in connection.execute(query):
            found.setdefault(row.ticket, []).extend(pictures_of(row))
    return found


def _sent(connection: Connection, ticket_id: str) -> Sequence[Sent]:
    query = select(deliveries).where(deliveries.c.ticket == ticket_id).order_by(deliveries.c.id)
    return [
        Sent(
            row.id,
            row.event,
            row.endpoint,
            row.type,
            row.state,
            row.tries,
            row.due_at,
            row.settled_at,
        )
        for row in connection.execute(query)
    ]
