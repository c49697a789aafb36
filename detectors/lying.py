"""Things that lie at one place over several pictures, until their place is seen empty. Pure: time
is an argument, everything is frozen; boxes are fractions of the picture.

A thing that moves, or is only ever seen beside a person, never counts. A thing that somebody stands
in front of is neither there nor gone: nothing is known of it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from citypatrol.clock import Ts
from detectors import boxes
from detectors.types import Box

COUNTED: Final = ("litter", "garbage_bag", "dumped_waste")
"""What the street model calls things that lie."""
LOOKS: Final = 3
"""Sightings it takes to count, and misses in a row it takes to be gone, at least."""
MOST_MISSES: Final = 20
SURE: Final = 0.01
"""A thing that the detector finds at every second look is missed three times in a row each minute:
as many misses are asked for as leave this chance that it is still there."""
CANDIDATE_LIVES: Final = 600_000
"""Milliseconds without a sighting after which what does not count yet is forgotten."""
STEADY_OVER: Final = 10
"""Sightings over which place and size of what counts are averaged."""
REMEMBERS: Final = 64
"""Looks over which it is known how often the detector misses a thing: night is not day."""
NEAR_FIRST: Final = 0.25
"""As ``boxes.NEAR``, from the first sighting until it counts: what is carried slowly leaves that
place."""
_BESIDE: Final = 0.15
_FADES: Final = 0.95
_OTHER_LABEL: Final = 1.5
_OFTEN: Final = 0.4

Normal = Callable[[], Sequence[Box]]
"""Where a person has taught a camera to take no notice of what lies there."""


class Sighting(NamedTuple):
    """One finding of one look."""

    label: str
    score: float
    box: Box


@dataclass(frozen=True, slots=True)
class Passers:
    """Who may stand in front: people, and vehicles. A thing beside a person is theirs."""

    people: tuple[Box, ...] = ()
    vehicles: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Thing:
    """``scores``: what it has been called, and how surely. ``looks`` and ``misses`` count the looks
    at which its place was free; ``empty`` is when the misses in a row began, ``empties`` their
    number. ``lies``: it counts. ``score`` is that of the newest sighting."""

    label: str
    scores: Mapping[str, float]
    box: Box
    since: Ts
    seen: Ts
    looks: int = 1
    misses: int = 0
    empties: int = 0
    empty: Ts | None = None
    lies: bool = False
    score: float = 0.0

    @property
    def misses_to_be_gone(self) -> int:
        """In a row; more for a thing that the detector often misses."""
        missed = (self.misses - self.empties + 1) / (self.looks + self.misses - self.empties + 2)
        return min(MOST_MISSES, max(LOOKS, math.ceil(math.log(SURE) / math.log(missed))))


@dataclass(frozen=True, slots=True)
class Lying:
    """What is known of one view. Nothing can be said before it was watched for a while: a camera
    that has just begun does not know whether the street is clean."""

    things: tuple[Thing, ...] = ()
    began: Ts | None = None
    looks: int = 0

    def settled(self, *, at: Ts, stays: int) -> bool:
        return self.began is not None and self.looks >= LOOKS and at - self.began >= stays


@dataclass(frozen=True, slots=True)
class Matched:
    """The sightings of one look beside the things that are known."""

    pairs: tuple[tuple[Thing, Sighting], ...] = ()
    fresh: tuple[Sighting, ...] = ()
    missing: tuple[Thing, ...] = ()

    @property
    def doubtful(self) -> bool:
        """Whether it matters who stands about: asking costs a look of another network."""
        return bool(self.fresh or self.missing) or any(not thing.lies for thing, _ in self.pairs)


def match(
    lying: Lying, sightings: Sequence[Sighting], *, may_be_new: Callable[[Sighting], bool]
) -> Matched:
    """A known thing is recognised by any sighting, so that it does not come and go with a score
    about the threshold, or a foot about the edge of a zone."""
    known = boxes.of([thing.box for thing in lying.things])
    seen = boxes.of([sighting.box for sighting in sightings])
    near = np.array([boxes.NEAR if thing.lies else NEAR_FIRST for thing in lying.things])
    pairs = boxes.pairs(boxes.at_one_place(known, seen, near=near))
    found = {row for row, _ in pairs}
    taken = {column for _, column in pairs}
    return Matched(
        tuple((lying.things[row], sightings[column]) for row, column in sorted(pairs)),
        tuple(
            one for column, one in enumerate(sightings) if column not in taken and may_be_new(one)
        ),
        tuple(thing for row, thing in enumerate(lying.things) if row not in found),
    )


def look(lying: Lying, matched: Matched, *, passers: Passers, at: Ts, stays: int) -> Lying:
    """What is known after this look. ``stays``: how long (ms) a thing must be seen at its place
    before it counts, and the place be seen empty before it is gone."""
    things = []
    beside = _beside([sighting.box for _, sighting in matched.pairs], passers.people)
    for (thing, sighting), theirs in zip(matched.pairs, beside, strict=True):
        things.append(thing if theirs and not thing.lies else _seen(thing, sighting, at=at))
    hiders = (*passers.people, *passers.vehicles)
    hidden = _beside([thing.box for thing in matched.missing], hiders)
    for thing, behind in zip(matched.missing, hidden, strict=True):
        things.append(thing if behind else _missed(thing, at=at))
    beside = _beside([sighting.box for sighting in matched.fresh], passers.people)
    for sighting, theirs in zip(matched.fresh, beside, strict=True):
        if not theirs:
            scores = {sighting.label: sighting.score}
            new = Thing(
                sighting.label, scores, sighting.box, since=at, seen=at, score=sighting.score
            )
            things.append(new)
    return Lying(
        tuple(
            _counted(thing, stays=stays) for thing in things if _stays(thing, at=at, stays=stays)
        ),
        began=at if lying.began is None else min(lying.began, at),
        looks=min(lying.looks + 1, LOOKS),
    )


def without(lying: Lying, normal: Sequence[Box]) -> Lying:
    """The same without what lies where something is normal."""
    kept = tuple(thing for thing in lying.things if not is_normal(thing.box, normal))
    return lying if len(kept) == len(lying.things) else replace(lying, things=kept)


def is_normal(box: Box, normal: Sequence[Box]) -> bool:
    """Whether a person has taught that a thing of this size at this place is nothing new. A heap
    that grows around the crate is."""
    if not normal:
        return False
    known, seen = boxes.of(normal), boxes.of([box])
    fits = boxes.at_one_place(known, seen)[:, 0] > 0
    return bool((fits & (boxes.areas(seen)[0] <= 2 * boxes.areas(known))).any())


def _beside(found: Sequence[Box], passers: Sequence[Box]) -> Sequence[bool]:
    touched: list[bool] = boxes.touched(boxes.of(found), boxes.of(passers), margin=_BESIDE).tolist()
    return touched


def _seen(thing: Thing, sighting: Sighting, *, at: Ts) -> Thing:
    scores = {label: score * _FADES for label, score in thing.scores.items()}
    scores[sighting.label] = scores.get(sighting.label, 0.0) + sighting.score
    best = max(scores, key=lambda label: scores[label])
    other = scores[best] > _OTHER_LABEL * scores.get(thing.label, 0.0)
    looks, misses = thing.looks + 1, thing.misses
    if looks + misses >= REMEMBERS:
        looks, misses = looks // 2, misses // 2
    share = 1 / STEADY_OVER if thing.lies else 0.0
    mean = np.array(thing.box) * (1 - share) + np.array(sighting.box) * share
    x1, y1, x2, y2 = mean.tolist()
    return replace(
        thing,
        label=best if other else thing.label,
        scores=scores,
        box=(x1, y1, x2, y2),
        seen=at,
        score=sighting.score,
        looks=looks,
        misses=misses,
        empties=0,
        empty=None,
    )


def _missed(thing: Thing, *, at: Ts) -> Thing:
    return replace(
        thing,
        misses=thing.misses + 1,
        empties=thing.empties + 1,
        empty=at if thing.empty is None else min(thing.empty, at),
    )


def _stays(thing: Thing, *, at: Ts, stays: int) -> bool:
    """False for what is gone, or was nothing that lies."""
    if not thing.lies:
        often = thing.looks >= _OFTEN * (thing.looks + thing.misses)
        return thing.empties < LOOKS and often and abs(at - thing.seen) <= CANDIDATE_LIVES
    if thing.empty is None or thing.empties < thing.misses_to_be_gone:
        return True
    return at - thing.empty < stays


def _counted(thing: Thing, *, stays: int) -> Thing:
    if thing.lies or thing.looks < LOOKS or thing.seen - thing.since < stays:
        return thing
    return replace(thing, lies=True)
