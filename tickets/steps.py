"""Steps of one ticket in one transaction: by a unit, by a person, or back to dispatch."""

from dataclasses import replace

from sqlalchemy import Connection, func, select

from citypatrol.clock import Ts
from tickets.errors import StepForbidden
from tickets.ledger import Ledger
from tickets.schema import OPEN, history, incidents, tickets
from tickets.states import Step, step
from tickets.ticket import Ticket
from tickets.units import Units


class Steps:
    """Takes steps and has them told. Raises StepForbidden before anything is written."""

    def __init__(self, connection: Connection, *, ledger: Ledger, units: Units, now: Ts) -> None:
        self._connection = connection
        self._ledger = ledger
        self._units = units
        self._now = now

    def take(self, ticket: Ticket, taken: Step, *, actor: str, note: str | None) -> Ticket:
        """The ticket after the step; a rejected one goes on to the next unit, if there is one."""
        changed = after(ticket, taken, now=self._now)
        if taken == "reopen":
            changed = self._recounted(changed)
        changed = self._ledger.change(changed, f"ticket.{changed.state}", actor=actor, note=note)
        return self.dispatch(changed, actor=actor) if taken == "reject" else changed

    def dispatch(self, ticket: Ticket, *, actor: str) -> Ticket:
        """To the first unit that handles the category and has not rejected the ticket; the ticket
        as it is where there is none."""
        rejected = select(history.c.unit).where(
            history.c.ticket == ticket.id, history.c.type == "ticket.rejected"
        )
        besides = set(self._connection.execute(rejected).scalars())
        if ticket.state == "rejected":  # just now, and not yet in the history
            besides.add(ticket.unit)
        unit = self._units.handling(ticket.category, besides=besides)
        if unit is None:
            return ticket
        sent = replace(ticket, unit=unit.id, state=step(ticket.state, "dispatch"))
        return self._ledger.change(sent, "ticket.dispatched", actor=actor)

    def _recounted(self, ticket: Ticket) -> Ticket:
        """What its incidents did while it was closed. StepForbidden where its key has a successor:
        one incident is one ticket."""
        successor = select(tickets.c.id).where(
            tickets.c.key == ticket.key, tickets.c.id != ticket.id, OPEN
        )
        other = self._connection.execute(successor).scalar_one_or_none()
        if other is not None:
            message = f"ticket {other} is open for the same thing; go on with that one"
            raise StepForbidden(message)
        firing, cleared_at = self._connection.execute(
            select(
                func.count().filter(incidents.c.cleared_at.is_(None)),
                func.max(incidents.c.cleared_at),
            ).where(incidents.c.ticket == ticket.id)
        ).one()
        return replace(ticket, firing=firing, cleared_at=None if firing else cleared_at)


def after(ticket: Ticket, taken: Step, *, now: Ts) -> Ticket:
    """The ticket in its next state, with the times that belong to it (pure)."""
    ticket = replace(ticket, state=step(ticket.state, taken))
    if taken in ("acknowledge", "start", "resolve") and ticket.acknowledged_at is None:
        ticket = replace(ticket, acknowledged_at=now)
    if taken == "resolve":
        return replace(ticket, resolved_at=now)
    if taken == "reject":
        return replace(ticket, acknowledged_at=None)
    if taken in ("close", "cancel"):
        return replace(ticket, closed_at=now, quiet_until=now + ticket.cooldown)
    if taken == "reopen":
        return replace(
            ticket,
            resolved_at=None,
            closed_at=None,
            quiet_until=None,
            reopened=ticket.reopened + 1,
        )
    return ticket
