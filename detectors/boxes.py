"""Boxes against boxes, many at once. Pure: arrays in, arrays out; any unit, one for all."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.types import Box

Boxes = NDArray[np.float64]
"""n x 4: x1, y1, x2, y2."""

SHAKES: Final = 0.013
"""Fractions of the picture by which wind shakes a camera (as ``detectors.view`` has it)."""
NEAR: Final = 0.5
"""Of the mean side of two boxes: how far apart the middles of one thing may be found."""
LIKE: Final = 4.0
"""Ratio of the areas up to which two boxes may be one thing."""
GROWS: Final = 9.0
"""The same for a box that holds the one before: a heap grows."""
HELD: Final = 0.7


def of(boxes: Sequence[Box]) -> Boxes:
    return np.array(boxes, np.float64).reshape(-1, 4)


def areas(boxes: Boxes) -> NDArray[np.float64]:
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float64)


def shared(one: Boxes, other: Boxes) -> NDArray[np.float64]:
    """n x m: the area that each of ``one`` shares with each of ``other``."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    sides = np.maximum(high - low, 0.0)
    return np.asarray(sides[..., 0] * sides[..., 1], np.float64)


def iou(one: Boxes, other: Boxes) -> NDArray[np.float64]:
    """n x m: intersection over union."""
    both = shared(one, other)
    union = areas(one)[:, None] + areas(other)[None, :] - both
    return np.asarray(both / np.maximum(union, 1e-12), np.float64)


def at_one_place(
    known: Boxes, seen: Boxes, *, near: float | NDArray[np.float64] = NEAR
) -> NDArray[np.float64]:
    """n x m, fractions of the picture: how well ``seen`` fits the place of ``known``; 0 where it
    does not. Boxes of small things jitter by their own size, so overlap alone would not do.
    ``near``: a number, or one for each of ``known``."""
    before, now = areas(known)[:, None], areas(seen)[None, :]
    both = shared(known, seen)
    ratio = now / np.maximum(before, 1e-12)
    middles = np.abs(_middles(known)[:, None] - _middles(seen)[None, :])
    sides = (_sides(known)[:, None] + _sides(seen)[None, :]) / 2
    reach = np.broadcast_to(near, (len(known),))[:, None, None] * sides + SHAKES
    close = (middles <= reach).all(axis=2) & (ratio <= LIKE) & (ratio >= 1 / LIKE)
    grown = (both >= HELD * before) & (ratio >= 1) & (ratio <= GROWS)
    closeness = 1e-3 / (1.0 + middles.sum(axis=2))
    return np.where(close | grown, both / np.maximum(before + now - both, 1e-12) + closeness, 0.0)


def pairs(fits: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Row and column of what belongs together, each once, the best fit first (greedy); only where
    ``fits`` is above 0."""
    rows, columns = np.nonzero(fits > 0)
    best = np.argsort(-fits[rows, columns], kind="stable")
    free_rows, free_columns = set(rows.tolist()), set(columns.tolist())
    found = []
    for row, column in zip(rows[best].tolist(), columns[best].tolist(), strict=True):
        if row in free_rows and column in free_columns:
            free_rows.discard(row)
            free_columns.discard(column)
            found.append((row, column))
    return found


def touched(boxes: Boxes, by: Boxes, *, margin: float) -> NDArray[np.bool_]:
    """n: whether any of ``by``, each wider by ``margin`` of its sides all around, touches it."""
    grown = by + np.hstack([-_sides(by), _sides(by)]) * margin
    return np.asarray((shared(boxes, grown) > 0).any(axis=1), np.bool_)


def fractions(box: Box, *, width: int, height: int) -> Box:
    """Pixels of a picture of this size as fractions of it."""
    x1, y1, x2, y2 = box
    return x1 / width, y1 / height, x2 / width, y2 / height


def _middles(boxes: Boxes) -> Boxes:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _sides(boxes: Boxes) -> Boxes:
    return np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0)
