"""Rows of the tables as values of the core, and back."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any, Final, TypeVar

from sqlalchemy import Row

from rules.incidents import decode_incident, encode_incident
from tickets.body import Picture
from tickets.folding import Seen
from tickets.ticket import Ticket, ticket_key

_CHUNK: Final = 500  # SQLite before 3.32 takes no more than 999 values in a statement
T = TypeVar("T")


def chunks(values: Iterable[T]) -> Iterator[Sequence[T]]:
    every = list(values)
    for start in range(0, len(every), _CHUNK):
        yield every[start : start + _CHUNK]


def ticket_of(row: Row[Any]) -> Ticket:
    return Ticket(**row._mapping)


def ticket_values(ticket: Ticket) -> dict[str, Any]:
    return asdict(ticket)


def seen_of(row: Row[Any]) -> Seen:
    incident = replace(
        decode_incident(row.body),
        cleared_at=row.cleared_at,
        evidence=row.evidence,
        after=row.after,
    )
    return Seen(incident, row.ticket, held_until=row.held_until, guest=row.guest)


def pictures_of(row: Row[Any]) -> Iterator[Picture]:
    """What an incident shows: before, and once it has cleared, after."""
    if row.evidence is not None:
        yield Picture(row.evidence, row.fired_at)
    if row.after is not None:
        yield Picture(row.after, row.cleared_at, shows="after")


def seen_values(seen: Seen) -> dict[str, Any]:
    incident = seen.incident
    return {
        "id": incident.id,
        "key": ticket_key(incident),
        "ticket": seen.ticket,
        "guest": seen.guest,
        "source": incident.source,
        "fired_at": incident.fired_at,
        "cleared_at": incident.cleared_at,
        "held_until": seen.held_until,
        "evidence": incident.evidence,
        "after": incident.after,
        "body": encode_incident(incident),
    }
