"""Tickets on the map: each at its place, or beside it where another stands there (pure)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from app.pages.city_map import MARGIN, WIDTH, Projection
from tickets.ticket import Ticket

_WIDE: Final = 104.0
_HIGH: Final = 46.0
"""What a ticket on the map takes, with its number."""
_MOST_MOVES: Final = 12


@dataclass(frozen=True, slots=True)
class Spot:
    """A ticket on the map."""

    id: str
    title: str
    severity: str
    href: str
    label: str
    x: float
    y: float
    text_x: float
    text_y: float
    anchor: str


def spot(ticket: Ticket, projection: Projection) -> Spot | None:
    """None where the ticket has no place."""
    if ticket.lat is None or ticket.lon is None:
        return None
    x, y = projection.at(ticket.lat, ticket.lon)
    left = x > WIDTH - 130
    return Spot(
        id=ticket.id,
        title=f"{ticket.id}: {ticket.title}",
        severity=ticket.severity,
        href=f"/tickets/{quote(ticket.id, safe='')}",
        label=ticket.id.rpartition("-")[2],
        x=x,
        y=y,
        text_x=x - 26 if left else x + 26,
        text_y=y + 7,
        anchor="end" if left else "start",
    )


def spread(spots: Iterable[Spot], *, height: float) -> list[Spot]:
    """Tickets close together stand one below the other, so that each can be seen and pressed."""
    placed: list[Spot] = []
    for one in spots:
        free = (
            here
            for here in _around(one)
            if MARGIN <= here.y <= height - MARGIN
            and not any(_touch(here, other) for other in placed)
        )
        placed.append(next(free, one))
    return placed


def _around(spot: Spot) -> Iterator[Spot]:
    """The spot, then below and above it, ever further away."""
    yield spot
    for move in range(1, _MOST_MOVES):
        for down in (move * _HIGH, -move * _HIGH):
            yield replace(spot, y=spot.y + down, text_y=spot.text_y + down)


def _touch(one: Spot, other: Spot) -> bool:
    return abs(one.x - other.x) < _WIDE and abs(one.y - other.y) < _HIGH
