"""Where signal heads stand in a fixed camera's picture, found by looking many times. Pure.

What stands still is found at one place again and again; a head on the back of a bus, brake lights
and a tram that waits are found at a place for a while only.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from citypatrol.clock import Ts
from detectors.heads import Reading
from detectors.types import Box, Finding
from detectors.yolo import overlap

SAME: Final = 0.35
"""Intersection over union from which a box is the one that was found before: of a head 20 pixels
high two pixels each way leave about as much."""
INSIDE: Final = 0.7
"""Share of a box inside another from which both are of one head: a lamp is found beside its
housing."""
MOST_PLACES: Final = 64
FEWEST_FINDS: Final = 3
OFTEN: Final = 0.3
"""Share of the searches in which a head is found, whatever it shows."""
SELDOM: Final = 0.1
"""The same for what is read as a lit lamp most of the time."""
LASTS: Final = 0.5
"""Of the time watched, that lies between the first and the last time it is found."""
READ: Final = 0.5
_TRIED: Final = 10
"""Searches after which a place that was found once is given up."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at one place."""

    at: Ts
    reading: Reading


@dataclass(slots=True, eq=False)
class Place:
    """One place where a head was found. ``began``: the number of searches before the first find."""

    began: int
    boxes: list[Box] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    found_at: list[Ts] = field(default_factory=list)
    looks: list[Seen] = field(default_factory=list)

    @property
    def finds(self) -> int:
        return len(self.boxes)

    @property
    def box(self) -> Box:
        """The median of what was found."""
        x1, y1, x2, y2 = np.median(np.array(self.boxes), axis=0)
        return float(x1), float(y1), float(x2), float(y2)

    @property
    def weight(self) -> float:
        return sum(self.scores)

    def readable(self) -> float:
        """Share of the looks in which it could be read."""
        return sum(seen.reading.readable for seen in self.looks) / max(1, len(self.looks))

    def turned_away(self) -> float:
        """Share of the looks in which its back or side is seen."""
        away = sum(seen.reading.state == "back_or_side" for seen in self.looks)
        return away / max(1, len(self.looks))


class Places:
    """Every place of one camera while it is watched."""

    def __init__(self) -> None:
        self.searches: list[Ts] = []
        self._places: list[Place] = []

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places)

    def search(self, findings: Iterable[Finding], *, at: Ts) -> None:
        """What one search of the whole picture found. One place is found once a search, by the
        best box."""
        taken: set[int] = set()
        for finding in sorted(findings, key=lambda one: -one.score):
            index = self._nearest(finding.box)
            if index is None:
                self._places.append(Place(began=len(self.searches)))
                index = len(self._places) - 1
            if index not in taken:
                taken.add(index)
                place = self._places[index]
                place.boxes.append(finding.box)
                place.scores.append(finding.score)
                place.found_at.append(at)
        self.searches.append(at)
        self._prune()

    def look(self, readings: Sequence[Reading], *, at: Ts) -> None:
        """How each place, in order, was read in one picture."""
        for place, reading in zip(self._places, readings, strict=True):
            place.looks.append(Seen(at, reading))

    def heads(self) -> list[Place]:
        """Those that are heads by all that was seen, best first; each head once."""
        kept: list[Place] = []
        for place in sorted(filter(self._stands, self._places), key=lambda one: -one.weight):
            if not any(_one_head(place.box, other.box) for other in kept):
                kept.append(place)
        return kept

    def share(self, place: Place) -> float:
        """Of the searches, those in which it was found."""
        return place.finds / max(1, len(self.searches))

    def _stands(self, place: Place) -> bool:
        watched = self.searches[-1] - self.searches[0]
        if place.finds < FEWEST_FINDS or place.found_at[-1] - place.found_at[0] < LASTS * watched:
            return False
        if place.readable() >= READ:
            return self.share(place) >= SELDOM
        return self.share(place) >= OFTEN and place.turned_away() + place.readable() >= READ

    def _nearest(self, box: Box) -> int | None:
        if not self._places:
            return None
        known = np.array([place.box for place in self._places], np.float32)
        shared = overlap(np.array(box, np.float32), known)
        best = int(shared.argmax())
        return best if shared[best] >= SAME else None

    def _prune(self) -> None:
        done = len(self.searches)
        kept = [one for one in self._places if one.finds > 1 or done - one.began < _TRIED]
        self._places = sorted(kept, key=lambda one: -one.weight)[:MOST_PLACES]


def _one_head(box: Box, other: Box) -> bool:
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if width <= 0 or height <= 0:
        return False
    areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (box, other)]
    return width * height >= INSIDE * min(areas)
