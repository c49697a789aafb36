"""Writes what happened to tickets in one transaction: row, history, and the event in the outbox."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, insert, select, update

from citypatrol.clock import Ts
from rules.incidents import Incident
from tickets.body import LONGEST_NOTE, MOST_PICTURES, MOST_WITNESSES, Event, Picture, event_body
from tickets.errors import UnknownTicket
from tickets.rows import seen_of, ticket_of, ticket_values
from tickets.schema import deliveries, history, incidents, storable, tickets
from tickets.ticket import Ticket
from tickets.units import Units

RULES: Final = "rules"
"""The actor where an incident changed the ticket; else a unit's id or ``desk``."""


class Ledger:
    """One transaction's writing. ``told`` are the endpoints that have something new."""

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
        self.told: set[str] = set()

    def ticket(self, ticket_id: str) -> Ticket:
        """Raises UnknownTicket."""
        row = self._connection.execute(select(tickets).where(tickets.c.id == ticket_id)).first()
        if row is None:
            message = f"there is no ticket {ticket_id}"
            raise UnknownTicket(message)
        return ticket_of(row)

    def insert(self, ticket: Ticket) -> None:
        self._connection.execute(insert(tickets).values(ticket_values(ticket)))

    def update(self, ticket: Ticket) -> None:
        self._connection.execute(
            update(tickets).where(tickets.c.id == ticket.id).values(ticket_values(ticket))
        )

    def change(self, ticket: Ticket, kind: str, *, actor: str, note: str | None = None) -> Ticket:
        """The next revision of a ticket that is there, told to its unit."""
        ticket = self.revised(ticket)
        self.update(ticket)
        self.tell(ticket, kind, actor=actor, note=note)
        return ticket

    def revised(self, ticket: Ticket) -> Ticket:
        return replace(ticket, revision=ticket.revision + 1, updated_at=self._now)

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
        event_id = self._new_id()
        note = None if note is None else storable(note)[:LONGEST_NOTE]
        self._connection.execute(
            insert(history).values(
                ticket=ticket.id,
                revision=ticket.revision,
                event=event_id,
                type=kind,
                at=self._now,
                state=ticket.state,
                severity=ticket.severity,
                unit=ticket.unit,
                actor=actor,
                note=note,
            )
        )
        if ticket.unit is None:
            return
        event = Event(
            type=kind,
            at=self._now,
            ticket=ticket,
            unit_name=self._units.name(ticket.unit),
            witnesses=self._witnesses(ticket),
            pictures=self._pictures(ticket),
            note=note,
        )
        self._connection.execute(
            insert(deliveries).values(
                event=event_id,
                endpoint=ticket.unit,
                ticket=ticket.id,
                type=kind,
                body=event_body(
                    event, evidence_url=self._evidence_url, callback_url=self._callback_url
                ),
                state="pending",
                tries=0,
                due_at=self._now,
                caused_at=caused_at,
                created_at=self._now,
            )
        )
        self.told.add(ticket.unit)

    def _witnesses(self, ticket: Ticket) -> Sequence[Incident]:
        newest = (
            select(incidents)
            .where(incidents.c.ticket == ticket.id)
            .order_by(incidents.c.fired_at.desc(), incidents.c.id.desc())
            .limit(MOST_WITNESSES)
        )
        return [seen_of(row).incident for row in self._connection.execute(newest)][::-1]

    def _pictures(self, ticket: Ticket) -> Sequence[Picture]:
        newest = (
            select(incidents.c.evidence, incidents.c.fired_at)
            .where(incidents.c.ticket == ticket.id, incidents.c.evidence.is_not(None))
            .order_by(incidents.c.fired_at.desc(), incidents.c.id.desc())
            .limit(MOST_PICTURES)
        )
        return [Picture(row.evidence, row.fired_at) for row in self._connection.execute(newest)]
