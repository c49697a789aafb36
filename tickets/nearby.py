"""Which open tickets are near a place (pure): the core of merging by place."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import asin, cos, floor, radians, sin, sqrt
from typing import Final, NamedTuple

from tickets.ticket import Ticket

_EARTH_M: Final = 6_371_008.8  # mean radius, IUGG
_METRES_A_DEGREE: Final = 111_195.0
_STEP: Final = 0.005
"""Degrees of a cell's side: 556 m from south to north."""
_COLUMNS: Final = round(360 / _STEP)


class Kind(NamedTuple):
    """Tickets of different kinds never are the same case."""

    category: str
    shadow: bool


class Box(NamedTuple):
    """Degrees; a place within the radius lies in it. ``west`` may be above ``east``: then it goes
    over the 180th meridian."""

    south: float
    north: float
    west: float
    east: float


def metres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """The great-circle distance (haversine)."""
    up, across = radians(other_lat - lat) / 2, radians(other_lon - lon) / 2
    root = sin(up) ** 2 + cos(radians(lat)) * cos(radians(other_lat)) * sin(across) ** 2
    return 2 * _EARTH_M * asin(min(1.0, sqrt(root)))


def box(lat: float, lon: float, radius_m: float) -> Box:
    """A little larger than it must be."""
    up = radius_m / _METRES_A_DEGREE * 1.01
    south, north = lat - up, lat + up
    narrowest = cos(radians(min(90.0, max(abs(south), abs(north)))))
    across = 180.0 if narrowest < 1e-3 else min(180.0, up / narrowest)
    if across >= 180.0:
        return Box(south, north, -180.0, 180.0)
    return Box(south, north, _wrapped(lon - across), _wrapped(lon + across))


def _wrapped(lon: float) -> float:
    return (lon + 180.0) % 360.0 - 180.0


@dataclass(slots=True)
class Nearby:
    """Keys of open tickets by their places."""

    _cells: dict[tuple[Kind, int], dict[int, dict[str, None]]] = field(default_factory=dict)

    def put(self, ticket: Ticket) -> None:
        """One without a place is nowhere; a storm is everywhere."""
        if ticket.lat is not None and ticket.lon is not None and not ticket.storm:
            row, column = floor(ticket.lat / _STEP), floor(ticket.lon / _STEP) % _COLUMNS
            band = self._cells.setdefault((kind_of(ticket), row), {})
            band.setdefault(column, {})[ticket.key] = None

    def remove(self, ticket: Ticket) -> None:
        if ticket.lat is not None and ticket.lon is not None and not ticket.storm:
            row, column = floor(ticket.lat / _STEP), floor(ticket.lon / _STEP) % _COLUMNS
            band = self._cells.get((kind_of(ticket), row), {})
            keys = band.get(column, {})
            keys.pop(ticket.key, None)
            if not keys:
                band.pop(column, None)

    def within(self, found: Box, kind: Kind) -> Iterator[str]:
        """The keys of all in the box, and perhaps of some beside it."""
        first, last = floor(found.west / _STEP), floor(found.east / _STEP)
        if last < first:
            last += _COLUMNS
        for row in range(floor(found.south / _STEP), floor(found.north / _STEP) + 1):
            band = self._cells.get((kind, row))
            if not band:
                continue
            if last - first >= len(band):
                for keys in band.values():
                    yield from keys
                continue
            for column in range(first, last + 1):
                yield from band.get(column % _COLUMNS, ())


def kind_of(ticket: Ticket) -> Kind:
    return Kind(ticket.category, ticket.shadow)
