"""What becomes of open shadows when their rule is on trial no more."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, delete, select

from citypatrol.clock import Ts
from rules.incidents import Incident, TicketSpec
from rules.ruleset import Rule
from tickets.ledger import RULES, Ledger
from tickets.rows import chunks, seen_of, ticket_of
from tickets.schema import OPEN, incidents, tickets
from tickets.steps import after
from tickets.ticket import Ticket

PROMOTED: Final = "its rule is in force now; what still fires has tickets of its own"
GONE: Final = "there is no such rule any more"


def end_shadows(
    connection: Connection, rules: Mapping[str, Rule], *, ledger: Ledger, now: Ts
) -> list[Incident]:
    """Close the open shadows of rules that are no shadows now. Returns what of theirs still fires,
    with what the rule says of tickets now: to be filed as if it had just fired."""
    again: list[Incident] = []
    shadows = select(tickets).where(tickets.c.shadow, OPEN).order_by(tickets.c.first_at)
    for ticket in [ticket_of(row) for row in connection.execute(shadows)]:
        rule = rules.get(ticket.rule)
        if rule is not None and rule.ticket is not None and rule.ticket.shadow:
            continue
        spec = None if rule is None else rule.ticket
        firing = list(_firing(connection, ticket)) if spec is not None else []
        _forget(connection, firing)
        left = replace(ticket, witnesses=ticket.witnesses - len(firing), firing=0)
        ended = after(left, "close", now=now)
        note = GONE if spec is None else PROMOTED
        ledger.change(ended, "ticket.closed", actor=RULES, note=note)
        again += [_under(one, spec) for one in firing]
    waiting = select(incidents).where(incidents.c.held_until.is_not(None))
    held = []
    for row in connection.execute(waiting):
        one = seen_of(row).incident
        rule = rules.get(one.rule)
        spec = None if rule is None else rule.ticket
        was = one.ticket is not None and one.ticket.shadow
        if was and spec is not None and not spec.shadow:
            held.append(one)
            again.append(_under(one, spec))
    _forget(connection, held)
    return sorted(again, key=lambda one: (one.fired_at, one.rule, one.source, one.id))


def _firing(connection: Connection, ticket: Ticket) -> Iterator[Incident]:
    query = select(incidents).where(
        incidents.c.ticket == ticket.id, incidents.c.cleared_at.is_(None)
    )
    return (seen_of(row).incident for row in connection.execute(query))


def _forget(connection: Connection, some: list[Incident]) -> None:
    for ids in chunks(one.id for one in some):
        connection.execute(delete(incidents).where(incidents.c.id.in_(ids)))


def _under(incident: Incident, spec: TicketSpec | None) -> Incident:
    return replace(incident, ticket=spec)
