"""The city as a drawing of our own: cells, sources (as dots, or as density where there are many).

Pure: numbers in, SVG text out. All of it is made of numbers but the names of districts.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

WIDTH: Final = 1000
MOST_HEIGHT, LEAST_HEIGHT = 1000, 320
MOST_DOTS: Final = 3_000
MOST_POINTS: Final = 30_000
MOST_NAMES: Final = 40
BINS: Final = 110
MARGIN: Final = 14.0

Ring = NDArray[np.float64]
"""N x 2 degrees, longitude first."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One grid cell: its level, its rings, and a name to write into it."""

    level: str
    rings: Sequence[Ring]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Projection:
    """Degrees to the drawing; east-west is shortened as it is at the city's latitude."""

    west: float
    north: float
    scale_x: float
    scale_y: float
    width: int
    height: int

    def at(self, lat: float, lon: float) -> tuple[float, float]:
        """x, y of a place; a place outside is drawn at the edge."""
        x, y = self.xy(np.array([[lon, lat]]))[0].tolist()
        inside_x = min(max(x, MARGIN), self.width - MARGIN)
        return round(inside_x, 1), round(min(max(y, MARGIN), self.height - MARGIN), 1)

    def xy(self, places: Ring) -> Ring:
        """N x 2 of longitude and latitude to N x 2 of x and y."""
        scale = np.array([self.scale_x, -self.scale_y])
        drawn: Ring = (places - np.array([self.west, self.north])) * scale + MARGIN
        return drawn


@dataclass(frozen=True, slots=True)
class CityMap:
    """``base``: what does not change while the city runs, as SVG content."""

    projection: Projection
    base: Markup
    sources: int
    cells: int
    dense: bool
    cells_left_out: bool

    @property
    def width(self) -> int:
        return self.projection.width

    @property
    def height(self) -> int:
        return self.projection.height


def draw(shapes: Sequence[Shape], *, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> CityMap:
    """``lat`` and ``lon``: degrees of every source that has a place; NaN elsewhere."""
    known = np.isfinite(lat) & np.isfinite(lon)
    lat, lon = lat[known], lon[known]
    projection = _projection(shapes, lat, lon)
    drawn = _few_enough(shapes)
    dense = len(lat) > MOST_DOTS
    parts = [_cells(drawn, projection)]
    parts.append(_density(lat, lon, projection) if dense else _dots(lat, lon, projection))
    parts += _names(drawn, projection)
    return CityMap(
        projection=projection,
        base=Markup("".join(parts)),
        sources=len(known),
        cells=len(shapes),
        dense=dense,
        cells_left_out=len(drawn) < len(shapes),
    )


def _projection(
    shapes: Sequence[Shape], lat: NDArray[np.float64], lon: NDArray[np.float64]
) -> Projection:
    rings = [ring for shape in shapes for ring in shape.rings]
    if rings:
        points = np.concatenate(rings)
        west, south = points.min(axis=0)
        east, north = points.max(axis=0)
    elif len(lat):
        # One device with its coordinates swapped must not shrink the city to a dot.
        west, east = np.quantile(lon, [0.002, 0.998])
        south, north = np.quantile(lat, [0.002, 0.998])
    else:
        west, south, east, north = 0.0, 0.0, 1.0, 1.0
    least = 0.002
    west, east = float(west), float(max(east, west + least))
    south, north = float(south), float(max(north, south + least))
    shortened = max(0.05, math.cos(math.radians((south + north) / 2)))
    across, up = (east - west) * shortened, north - south
    inner = WIDTH - 2 * MARGIN
    height = min(MOST_HEIGHT, max(LEAST_HEIGHT, inner * up / across + 2 * MARGIN))
    scale = min(inner / across, (height - 2 * MARGIN) / up)
    spare = (inner - across * scale) / 2 / (scale * shortened)
    return Projection(
        west=west - spare,
        north=north,
        scale_x=scale * shortened,
        scale_y=scale,
        width=WIDTH,
        height=round(height),
    )


def _few_enough(shapes: Sequence[Shape]) -> list[Shape]:
    """All cells, or only the larger levels where all would be too much for a browser."""
    for levels in (("street", "district", "city"), ("district", "city"), ("city",)):
        kept = [shape for shape in shapes if shape.level in levels]
        if sum(len(ring) for shape in kept for ring in shape.rings) <= MOST_POINTS:
            return kept
    return []


def _cells(shapes: Iterable[Shape], projection: Projection) -> str:
    """Streets below, the outlines of districts and of the city above them."""
    order = {"street": 0, "district": 1, "city": 2}
    paths = []
    for shape in sorted(shapes, key=lambda shape: order.get(shape.level, 0)):
        css = "cell" if shape.level == "street" else "outline"
        path = "".join(_ring(ring, projection) for ring in shape.rings)
        paths.append(f'<path class="{css}" d="{path}"/>')
    return "".join(paths)


def _names(shapes: Sequence[Shape], projection: Projection) -> list[str]:
    """The names of districts in the middle of their largest ring, where they are not too many."""
    named = [shape for shape in shapes if shape.level == "district" and shape.name and shape.rings]
    if len(named) > MOST_NAMES:
        return []
    words = []
    for shape in named:
        points = projection.xy(max(shape.rings, key=len))
        x, y = (points.min(axis=0) + points.max(axis=0)) / 2
        words.append(f'<text class="district" x="{x:.0f}" y="{y:.0f}">{escape(shape.name)}</text>')
    return words


def _ring(ring: Ring, projection: Projection) -> str:
    points = projection.xy(ring).round(1)
    moves = np.ones(len(points), dtype=bool)
    moves[1:] = np.any(points[1:] != points[:-1], axis=1)
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points[moves].tolist()) + "Z"


def _xy(
    lat: NDArray[np.float64], lon: NDArray[np.float64], projection: Projection
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = projection.xy(np.column_stack([lon, lat])).T
    inside = (x >= 0) & (x <= projection.width) & (y >= 0) & (y <= projection.height)
    return x[inside], y[inside]


def _dots(lat: NDArray[np.float64], lon: NDArray[np.float64], projection: Projection) -> str:
    """One path: a line of no length with round ends is a dot."""
    x, y = _xy(lat, lon, projection)
    spots = sorted(set(zip(x.round(1).tolist(), y.round(1).tolist(), strict=True)))
    path = "".join(f"M{x:g} {y:g}h0" for x, y in spots)
    return f'<path class="sources dots" d="{path}"/>'


def _density(lat: NDArray[np.float64], lon: NDArray[np.float64], projection: Projection) -> str:
    """Squares in four strengths, one path each: quartiles of the squares that hold anything."""
    x, y = _xy(lat, lon, projection)
    side = projection.width / BINS
    column, row = (x / side).astype(np.int64), (y / side).astype(np.int64)
    spots, counts = np.unique(row * 10_000 + column, return_counts=True)
    strength = np.searchsorted(np.quantile(counts, [0.25, 0.5, 0.75]), counts)
    paths = []
    for level in range(4):
        squares = [divmod(int(spot), 10_000) for spot in spots[strength == level]]
        path = "".join(
            f"M{column * side:.1f} {row * side:.1f}h{side:.1f}v{side:.1f}h-{side:.1f}z"
            for row, column in squares
        )
        paths.append(f'<path class="density d{level + 1}" d="{path}"/>')
    return "".join(paths)
