"""Litter, bags and dumped waste that lie somewhere: how much, on which ground, and how long."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from citypatrol.clock import Ts
from citypatrol.samples import Sample
from detectors import boxes, lying
from detectors.lying import COUNTED, Lying, Normal, Passers, Sighting, Thing
from detectors.same_view import SameView
from detectors.types import Box, Detector, Finding, Frame, Pixels, Seen
from detectors.zones import Ground

COUNT, AREA, AGE, SCORE = "count", "area", "age", "score"
PERSON: Final = "person"
VEHICLES: Final = ("car", "bus", "truck", "motorcycle")
KNOWN_FROM: Final = 0.5
"""Of ``min_score``: the score from which a known thing is recognised."""


class StreetCounts:
    """The watch of ``type: street``: ``LABEL.count LABEL.area LABEL.age LABEL.score`` of things
    that lie there.

    ``count`` of each label at every look at which it is known, also 0, which is what clears an
    incident: it is not said while the camera has just begun, and not at a look at which none of
    the things is seen and none is known to be gone. ``area`` (share of the ground), ``age``
    (seconds since the oldest was first seen) and ``score`` (of the one seen most surely at this
    look) go with it for labels that have ever counted.

    ``detector`` finds things from ``KNOWN_FROM`` of ``min_score`` on; ``passers`` is asked for
    people and vehicles only where it matters.
    """

    def __init__(
        self,
        *,
        ground: Ground,
        detector: Detector,
        passers: Detector,
        min_score: float,
        stays: int,
        normal: Normal = tuple,
    ) -> None:
        self._ground = ground
        self._detector = detector
        self._passers = passers
        self._min_score = min_score
        self._stays = stays
        self._normal = normal
        self._view = SameView()
        self._lying = Lying()
        self._counted: set[tuple[str, str]] = set()

    def __call__(self, frame: Frame) -> Seen:
        here = self._view.here(frame.pixels, at=frame.ts)
        if here is None:
            return Seen((), ())
        if here is False:
            self._lying = Lying()
        normal = self._normal()
        known = lying.without(self._lying, normal)
        sightings = self._sightings(frame.pixels, normal)
        matched = lying.match(known, sightings, may_be_new=self._may_be_new)
        passers = self._who_stands_about(frame.pixels) if matched.doubtful else Passers()
        self._lying = lying.look(known, matched, passers=passers, at=frame.ts, stays=self._stays)
        if not self._lying.settled(at=frame.ts, stays=self._stays):
            return Seen((), ())
        by_ground = self._by_ground()
        samples = tuple(self._samples(by_ground, at=frame.ts))
        counted = {thing.box: thing for things in by_ground.values() for thing in things}
        height, width = frame.pixels.shape[:2]
        findings = (
            _finding(thing, width=width, height=height)
            for thing in counted.values()
            if thing.seen == frame.ts
        )
        return Seen(samples, tuple(findings))

    @property
    def lying(self) -> tuple[Thing, ...]:
        """Everything that is known, on any ground."""
        return self._lying.things

    def doubts(self) -> bool:
        """Whether something was seen that may lie there, and must be looked at again."""
        return any(not thing.lies for thing in self._lying.things)

    def learned(self) -> dict[str, Any]:
        """JSON for ``recall``: what lies there, and the view in which it does."""
        return {
            "view": self._view.learned(),
            "began": self._lying.began,
            "looks": self._lying.looks,
            "things": [asdict(thing) for thing in self._lying.things],
        }

    def recall(self, learned: Mapping[str, Any], /) -> None:
        """ValueError where this is none of ``learned``."""
        try:
            things = [Thing(**{**thing, "box": tuple(thing["box"])}) for thing in learned["things"]]
            view, began, looks = learned["view"], learned["began"], learned["looks"]
            boxes.of([thing.box for thing in things])
        except (KeyError, TypeError, ValueError) as error:
            message = f"no things that lie somewhere: {error}"
            raise ValueError(message) from error
        self._view.recall(view)
        self._lying = Lying(tuple(things), began, looks)
        self._counted = set(self._by_ground())

    def _sightings(self, pixels: Pixels, normal: Sequence[Box]) -> list[Sighting]:
        height, width = pixels.shape[:2]
        found = (
            Sighting(one.label, one.score, boxes.fractions(one.box, width=width, height=height))
            for one in self._detector(pixels)
            if one.label in COUNTED
        )
        return [one for one in found if not lying.is_normal(one.box, normal)]

    def _may_be_new(self, one: Sighting) -> bool:
        return one.score >= self._min_score and bool(self._ground.under(one.box))

    def _who_stands_about(self, pixels: Pixels) -> Passers:
        height, width = pixels.shape[:2]
        by_label: dict[str, list[Box]] = defaultdict(list)
        for one in self._passers(pixels):
            by_label[one.label].append(boxes.fractions(one.box, width=width, height=height))
        vehicles = [box for label in VEHICLES for box in by_label[label]]
        return Passers(tuple(by_label[PERSON]), tuple(vehicles))

    def _by_ground(self) -> dict[tuple[str, str], list[Thing]]:
        """Source and label with the things that count there."""
        found: dict[tuple[str, str], list[Thing]] = defaultdict(list)
        for thing in self._lying.things:
            if thing.lies:
                for source in self._ground.under(thing.box):
                    found[source, thing.label].append(thing)
        return found

    def _samples(
        self, by_ground: Mapping[tuple[str, str], Sequence[Thing]], *, at: Ts
    ) -> Iterator[Sample]:
        self._counted |= set(by_ground)
        for source in self._ground.sources:
            for label in COUNTED:
                things = by_ground.get((source, label), ())
                if things and all(thing.seen != at for thing in things):
                    continue
                yield Sample(source, f"{label}.{COUNT}", at, float(len(things)))
                if (source, label) not in self._counted:
                    continue
                covered = boxes.areas(boxes.of([thing.box for thing in things])).sum()
                area = min(1.0, float(covered) / self._ground.area(source))
                oldest = min((thing.since for thing in things), default=at)
                yield Sample(source, f"{label}.{AREA}", at, area)
                surest = max((one.score for one in things if one.seen == at), default=0.0)
                yield Sample(source, f"{label}.{AGE}", at, max(0, at - oldest) / 1000)
                yield Sample(source, f"{label}.{SCORE}", at, min(1.0, surest))


def _finding(thing: Thing, *, width: int, height: int) -> Finding:
    x1, y1, x2, y2 = np.array(thing.box) * (width, height, width, height)
    box = (float(x1), float(y1), float(x2), float(y2))
    return Finding(thing.label, min(1.0, thing.score), box)
