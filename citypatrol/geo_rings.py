"""Rings of positions, checked and measured many at a time: a city has 62,000 of them."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.float64]
"""N x 2 degrees, longitude first as in GeoJSON; the last position is the first."""

NO_POSITIONS = "a ring must be a list of [longitude, latitude]"


def read_rings(given: Sequence[Any]) -> list[Ring | str]:
    """Each ring as an array, or in words what is wrong with it.

    The arrays are views of one: 62,000 small ones cost 6 s to make and judge one by one.
    """
    points, lengths = _points(given)
    starts = np.concatenate(([0], np.cumsum(lengths)))
    told = _judge(points, starts, lengths)
    return [told[n] if n in told else points[starts[n] : starts[n + 1]] for n in range(len(given))]


def boxes(rings: Sequence[Ring]) -> NDArray[np.float64]:
    """N x 4: west, south, east, north."""
    if not rings:
        return np.empty((0, 4))
    points, starts = _joined(rings)
    low, high = np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)
    return np.concatenate((low, high), axis=1)


def areas(rings: Sequence[Ring]) -> NDArray[np.float64]:
    """Square degrees at the equator's scale: enough to say which is smaller."""
    if not rings:
        return np.empty(0)
    points, starts = _joined(rings)
    lengths = np.diff(np.append(starts, len(points)))
    x, y = (points - np.repeat(points[starts], lengths, axis=0)).T
    cross = np.append(x[:-1] * y[1:] - x[1:] * y[:-1], 0.0)  # from ring to ring: 0, both closed
    middle = np.add.reduceat(points[:, 1], starts) / lengths
    size: NDArray[np.float64] = np.abs(np.add.reduceat(cross, starts)) / 2
    return size * np.cos(np.radians(middle))


def _joined(rings: Sequence[Ring]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    lengths = [len(ring) for ring in rings]
    starts = np.concatenate(([0], np.cumsum(lengths[:-1]))).astype(np.intp)
    return np.concatenate(rings), starts


def _points(given: Sequence[Any]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Every position of every ring; of a ring that is none, none."""
    try:
        lengths = np.fromiter(map(len, given), dtype=np.intp, count=len(given))
        if set(map(len, chain.from_iterable(given))) <= {2}:
            flat = list(chain.from_iterable(chain.from_iterable(given)))
            if set(map(type, flat)) <= {int, float}:
                return np.array(flat, dtype=np.float64).reshape(-1, 2), lengths
    except TypeError:  # something is no list of lists: one by one then
        pass
    each = [_one(ring) for ring in given]
    return np.concatenate([np.empty((0, 2)), *each]), np.array([len(r) for r in each], np.intp)


def _one(given: Any) -> Ring:
    none = np.empty((0, 2))
    if not isinstance(given, list):
        return none
    for position in given:
        if not isinstance(position, list) or len(position) < 2:
            return none
        if not set(map(type, position[:2])) <= {int, float}:
            return none
    return np.array([position[:2] for position in given], dtype=np.float64).reshape(-1, 2)


def _judge(
    points: NDArray[np.float64], starts: NDArray[np.intp], lengths: NDArray[np.intp]
) -> dict[int, str]:
    told = {int(n): f"a ring has {lengths[n]} positions; it needs at least 4"
            for n in np.flatnonzero(lengths < 4)}  # fmt: skip
    told |= dict.fromkeys(np.flatnonzero(lengths == 0).tolist(), NO_POSITIONS)
    filled = np.flatnonzero(lengths > 0)
    first, last = points[starts[filled]], points[starts[filled + 1] - 1]
    for n in filled[(first != last).any(axis=1)].tolist():
        told.setdefault(n, "a ring is not closed; its last position must be its first")
    beyond = np.flatnonzero((np.abs(points) > (180.0, 90.0)).any(axis=1))
    for at in beyond.tolist():
        n = int(np.searchsorted(starts, at, side="right")) - 1
        lon, lat = points[at]
        where = f"position [{lon:g}, {lat:g}]"
        told.setdefault(n, f"{where} is no longitude, latitude; longitude comes first")
    return told
