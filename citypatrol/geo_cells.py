"""What a cell of the grid is."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from citypatrol.geo_rings import Ring

Level = Literal["street", "district", "city"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
"""From the smallest to the largest."""

Polygon = tuple[Ring, ...]
"""The outer ring, then holes."""


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One feature. ``area`` in square degrees, the longitude shrunk by the cosine of latitude;
    ``name`` is '' where the file gives none."""

    code: str
    parent: str | None
    level: Level
    name: str
    polygons: tuple[Polygon, ...]
    area: float
