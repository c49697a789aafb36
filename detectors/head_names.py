"""Names for heads by where they are in the picture, the same in every run. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from detectors.types import Box
from detectors.yolo import overlap

KNOWN: Final = 0.2
"""Intersection over union from which a head is the one that a region was drawn for."""
_ACROSS: Final = {1: ("head",), 2: ("left", "right"), 3: ("left", "middle", "right")}
_DOWN: Final = {2: ("upper", "lower"), 3: ("upper", "middle", "lower")}


def names_of(boxes: Sequence[Box], *, known: Mapping[str, Box]) -> list[str]:
    """One a box, in order. A box that lies where a ``known`` region does keeps its name; the others
    are called by their order from left to right, or from top to bottom where they stand upright one
    above the other."""
    names: list[str | None] = _kept(boxes, known)
    left = [index for index, name in enumerate(names) if name is None]
    across = [(boxes[i][0] + boxes[i][2]) / 2 for i in left]
    down = [(boxes[i][1] + boxes[i][3]) / 2 for i in left]
    upright = len(left) > 1 and np.ptp(down) > np.ptp(across)
    order = sorted(
        range(len(left)), key=lambda i: (down[i], across[i]) if upright else (across[i],)
    )
    words = (_DOWN if upright else _ACROSS).get(len(left))
    if words is None or not set(words).isdisjoint(known):
        free = (f"head-{number}" for number in range(1, len(boxes) + len(known) + 1))
        words = tuple(name for name in free if name not in known)
    for word, position in zip(words, order, strict=False):
        names[left[position]] = word
    return [name or "" for name in names]


def _kept(boxes: Sequence[Box], known: Mapping[str, Box]) -> list[str | None]:
    """The best pairs first, each region and each box once."""
    names: list[str | None] = [None] * len(boxes)
    if not boxes or not known:
        return names
    regions = list(known)
    rows = np.array([known[name] for name in regions], np.float32)
    shared = np.stack([overlap(np.array(box, np.float32), rows) for box in boxes])
    while shared.max() >= KNOWN:
        box, region = np.unravel_index(int(shared.argmax()), shared.shape)
        names[int(box)] = regions[int(region)]
        shared[box, :] = shared[:, region] = -1.0
    return names
