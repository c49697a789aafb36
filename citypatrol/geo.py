"""The city's grid: polygons with a code, a parent and a level, and which of them holds a place."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from citypatrol.errors import Problem
from citypatrol.geo_cells import LEVELS, Cell, Level, Polygon
from citypatrol.geo_json import read_cells
from citypatrol.geo_rings import Ring, boxes

__all__ = ["LEVELS", "Cell", "Grid", "Level", "Polygon", "Ring"]


class Grid:
    """Cells by code, and by place through their bounding boxes. Holds no lock, changes nothing."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.cells: tuple[Cell, ...] = tuple(sorted(cells, key=lambda cell: cell.area))
        self._by_code: Mapping[str, Cell] = {cell.code: cell for cell in self.cells}
        parts = [(n, polygon) for n, cell in enumerate(self.cells) for polygon in cell.polygons]
        self._polygons = [polygon for _, polygon in parts]
        self._owner = np.array([n for n, _ in parts], dtype=np.int32)
        box = boxes([polygon[0] for polygon in self._polygons])
        self._west, self._south, self._east, self._north = np.ascontiguousarray(box.T)

    @classmethod
    def empty(cls) -> Self:
        return cls([])

    @classmethod
    def read(cls, path: Path) -> tuple[Self, list[Problem]]:
        """The cells of a GeoJSON file (RFC 7946), and every problem of it.

        Features with problems are left out.
        """
        cells, problems = read_cells(path)
        return cls(cells), problems

    def __len__(self) -> int:
        return len(self.cells)

    def get(self, code: str) -> Cell | None:
        return self._by_code.get(code)

    def cell(self, lat: float, lon: float) -> Cell | None:
        """The smallest cell that holds the place; None where none does.

        A place on the border of two cells lies in exactly one of them.
        """
        near = np.flatnonzero(
            (self._west <= lon) & (lon <= self._east) & (self._south <= lat) & (lat <= self._north)
        )
        for at in near:  # cells are sorted by area, and polygons with them
            if _holds(self._polygons[at], lat=lat, lon=lon):
                return self.cells[int(self._owner[at])]
        return None

    def upward(self, cell: Cell) -> Sequence[Cell]:
        """The cell, its parent, and so on to the largest."""
        chain = [cell]
        while (parent := self._by_code.get(chain[-1].parent or "")) and parent not in chain:
            chain.append(parent)
        return chain


def _holds(polygon: Polygon, *, lat: float, lon: float) -> bool:
    return _inside(polygon[0], lat=lat, lon=lon) and not any(
        _inside(hole, lat=lat, lon=lon) for hole in polygon[1:]
    )


def _inside(ring: Ring, *, lat: float, lon: float) -> bool:
    """Even-odd rule; an edge holds its lower end only, so that neighbours never share a place."""
    x, y = ring[:, 0], ring[:, 1]
    crosses = np.flatnonzero((y[:-1] <= lat) != (y[1:] <= lat))
    upward = y[crosses] < y[crosses + 1]
    low, high = np.where(upward, crosses, crosses + 1), np.where(upward, crosses + 1, crosses)
    rise = (lat - y[low]) / (y[high] - y[low])  # the same to the bit from either side of an edge
    east = x[low] + rise * (x[high] - x[low]) > lon
    return bool(np.count_nonzero(east) % 2)
