"""Which sources a ticket is about: a dead gateway names the four hundred behind it. Only reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select

from citypatrol.clock import Ts
from tickets.errors import UnknownTicket
from tickets.schema import incidents, tickets
from tickets.store import Store

MOST: Final = 1_000
"""Rows of one page, at most."""


@dataclass(frozen=True, slots=True)
class Witness:
    """One source of a ticket: how many incidents of it, how many of them have not cleared, when the
    first and the newest fired, and when the last one cleared (None while one fires)."""

    source: str
    incidents: int
    firing: int
    first_at: Ts
    last_at: Ts
    cleared_at: Ts | None


@dataclass(frozen=True, slots=True)
class WitnessPage:
    """By name. ``cursor`` asks for the next page; None on the last."""

    sources: Sequence[Witness]
    cursor: str | None


def sources_of(
    store: Store, ticket_id: str, *, limit: int = 100, cursor: str | None = None
) -> WitnessPage:
    """A page of the ticket's sources; ``cursor`` is the last name of the page before. Raises
    UnknownTicket."""
    limit = max(1, min(limit, MOST))
    query = (
        select(
            incidents.c.source,
            func.count().label("incidents"),
            func.count().filter(incidents.c.cleared_at.is_(None)).label("firing"),
            func.min(incidents.c.fired_at).label("first_at"),
            func.max(incidents.c.fired_at).label("last_at"),
            func.max(incidents.c.cleared_at).label("cleared_at"),
        )
        .where(incidents.c.ticket == ticket_id)
        .group_by(incidents.c.source)
        .order_by(incidents.c.source)
    )
    if cursor is not None:
        query = query.where(incidents.c.source > cursor)
    with store.read() as connection:
        known = select(tickets.c.id).where(tickets.c.id == ticket_id)
        if connection.execute(known).first() is None:
            message = f"there is no ticket {ticket_id}"
            raise UnknownTicket(message)
        rows = connection.execute(query.limit(limit + 1)).all()
    found = [
        Witness(
            row.source,
            row.incidents,
            row.firing,
            row.first_at,
            row.last_at,
            None if row.firing else row.cleared_at,
        )
        for row in rows[:limit]
    ]
    return WitnessPage(found, found[-1].source if len(rows) > limit else None)
