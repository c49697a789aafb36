"""Writes what happened to tickets in one transaction: row, history, and the event in the outbox."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, select, true, update

from citypatrol.clock import Ts
from tickets.body import LONGEST_NOTE, MOST_PICTURES, MOST_WITNESSES, Event, event_body
from tickets.errors import UnknownTicket
from tickets.pace import LOOK_BACK, told_from
from tickets.rows import chunks, pictures_of, seen_of, ticket_of, ticket_values
from tickets.schema import SHOWN, deliveries, history, incidents, storable, tickets
from tickets.ticket import Ticket
from tickets.units import Units

RULES: Final = "rules"
"""The actor where an incident changed the ticket; else a unit's id or ``desk``."""


@dataclass(frozen=True, slots=True)
class _Told:
    id: str
    kind: str
    ticket: Ticket
    actor: str
    note: str | None
    caused_at: Ts | None


class Ledger:
    """One transaction's writing; ``flush`` ends it."""

    def __init__(
        self,
        connection: Connection,
        *,
        units: Units,
        evidence_url: Callable[[str, Ts], str],
        callback_url: Callable[[str], str],
        new_id: Callable[[], str],
        now: Ts,
    ) -> None:
        self._connection = connection
        self._units = units
        self._evidence_url = evidence_url
        self._callback_url = callback_url
        self._new_id = new_id
        self._now = now
        self._told: list[_Told] = []

    @property
    def endpoints(self) -> Collection[str]:
        """Those that have something new."""
        return {told.ticket.unit for told in self._to_send() if told.ticket.unit is not None}

    def ticket(self, ticket_id: str) -> Ticket:
        """Raises UnknownTicket."""
        row = self._connection.execute(select(tickets).where(tickets.c.id == ticket_id)).first()
        if row is None:
            message = f"there is no ticket {ticket_id}"
            raise UnknownTicket(message)
        return ticket_of(row)

    def insert(self, *new: Ticket) -> None:
        if new:
            self._connection.execute(insert(tickets), [ticket_values(ticket) for ticket in new])

    def update(self, *changed: Ticket) -> None:
        if changed:
            self._connection.execute(
                update(tickets).where(tickets.c.id == bindparam("this")),
                [ticket_values(ticket) | {"this": ticket.id} for ticket in changed],
            )

    def change(self, ticket: Ticket, kind: str, *, actor: str, note: str | None = None) -> Ticket:
        """The next revision of a ticket that is there, told to its unit."""
        ticket = self.revised(ticket)
        self.update(ticket)
        self.tell(ticket, kind, actor=actor, note=note)
        return ticket

    def revised(self, ticket: Ticket) -> Ticket:
        revision = ticket.revision + 1
        return replace(ticket, revision=revision, updated_at=self._now, untold=None)

    def told_from(self, ticket: Ticket) -> Ts:
        """From when on the rules may tell of this ticket again."""
        newest = (
            select(history.c.at)
            .where(history.c.ticket == ticket.id, history.c.actor == RULES)
            .order_by(history.c.revision.desc())
            .limit(LOOK_BACK)
        )
        return told_from(self._connection.execute(newest).scalars().all(), now=self._now)

    def tell(
        self,
        ticket: Ticket,
        kind: str,
        *,
        actor: str,
        note: str | None = None,
        caused_at: Ts | None = None,
    ) -> None:
        """Exactly one event for this revision: in the history, and in its unit's queue.

        ``caused_at`` is the source's time of what caused it; None for what people do.
        """
        note = None if note is None else storable(note)[:LONGEST_NOTE]
        self._told.append(_Told(self._new_id(), kind, ticket, actor, note, caused_at))

    def flush(self) -> None:
        """Write the history and the outbox; the tickets and their incidents are written by now."""
        if not self._told:
            return
        self._connection.execute(insert(history), [self._history(told) for told in self._told])
        to_send = self._to_send()
        if not to_send:
            return
        ids = {told.ticket.id for told in to_send}
        witnesses = self._newest(ids, MOST_WITNESSES, among=true())
        pictures = self._newest(ids, MOST_PICTURES, among=SHOWN)
        self._connection.execute(
            insert(deliveries),
            [
                self._delivery(
                    told, witnesses.get(told.ticket.id, []), pictures.get(told.ticket.id, [])
                )
                for told in to_send
            ],
        )

    def _to_send(self) -> list[_Told]:
        return [
            told
            for told in self._told
            if not told.ticket.secret and self._units.has_webhook(told.ticket.unit)
        ]

    def _history(self, told: _Told) -> dict[str, Any]:
        ticket = told.ticket
        return {
            "ticket": ticket.id,
            "revision": ticket.revision,
            "event": told.id,
            "type": told.kind,
            "at": self._now,
            "state": ticket.state,
            "severity": ticket.severity,
            "unit": ticket.unit,
            "actor": told.actor,
            "note": told.note,
        }

    def _delivery(
        self, told: _Told, witnesses: Sequence[Any], pictures: Sequence[Any]
    ) -> dict[str, Any]:
        event = Event(
            type=told.kind,
            at=self._now,
            ticket=told.ticket,
            unit_name=self._units.name(told.ticket.unit or ""),
            witnesses=[seen_of(row).incident for row in witnesses[::-1]],
            pictures=[picture for row in pictures for picture in pictures_of(row)],
            note=told.note,
        )
        return {
            "event": told.id,
            "endpoint": told.ticket.unit,
            "ticket": told.ticket.id,
            "type": told.kind,
            "body": event_body(
                event, evidence_url=self._evidence_url, callback_url=self._callback_url
            ),
            "state": "pending",
            "tries": 0,
            "due_at": self._now,
            "caused_at": told.caused_at,
            "created_at": self._now,
        }

    def _newest(
        self, ticket_ids: Collection[str], limit: int, *, among: ColumnElement[bool]
    ) -> Mapping[str, list[Any]]:
        """Rows of the newest witnesses of each ticket, newest first."""
        newest_first = (incidents.c.fired_at.desc(), incidents.c.id.desc())
        place = func.row_number().over(partition_by=incidents.c.ticket, order_by=newest_first)
        found: dict[str, list[Any]] = {}
        for ids in chunks(ticket_ids):
            wanted = incidents.c.ticket.in_(ids) & among
            rows = select(incidents, place.label("place")).where(wanted).subquery()
            best = select(rows).where(rows.c.place <= limit).order_by(rows.c.ticket, rows.c.place)
            for row in self._connection.execute(best):
                found.setdefault(row.ticket, []).append(row)
        return found
