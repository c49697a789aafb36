"""How long things stay on some ground: tracks by overlap and nearness, at the pace of a camera that
looks every few seconds. Pure: time is an argument, everything is frozen; boxes are fractions.

A car that parks is one track for hours. Who walks past a camera that looks every ten seconds is a
new track each time, and stays nowhere: which is what is asked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from citypatrol.clock import Ts
from detectors import boxes
from detectors.types import Box

MISSES: Final = 2
"""Looks in a row at which a track may not be found, or be off its ground, before that counts."""
LONGEST_GAP: Final = 300_000
"""Milliseconds without a look after which nothing is known of who stayed."""
_NEAR: Final = 1.0


@dataclass(frozen=True, slots=True)
class Stay:
    """On one ground since; ``off``: looks in a row at which it stood elsewhere."""

    since: Ts
    off: int = 0


@dataclass(frozen=True, slots=True)
class Track:
    """``stays`` by the source of the ground; ``dx`` and ``dy``: what it moved since the look
    before, per millisecond."""

    label: str
    box: Box
    seen: Ts
    stays: Mapping[str, Stay]
    misses: int = 0
    dx: float = 0.0
    dy: float = 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """One thing of one look: its label and where it is."""

    label: str
    box: Box


Under = Callable[[Box], Sequence[str]]
"""The sources on whose ground a box stands."""


def look(
    tracks: Sequence[Track], found: Sequence[Standing], *, under: Under, at: Ts
) -> tuple[Track, ...]:
    """The tracks after this look, of every label."""
    alive = [one for one in tracks if 0 <= at - one.seen <= LONGEST_GAP]
    made: list[Track] = []
    for label in sorted({one.label for one in alive} | {one.label for one in found}):
        known = [one for one in alive if one.label == label]
        seen = [one.box for one in found if one.label == label]
        pairs = dict(boxes.pairs(_fits(known, seen, at=at)))
        for row, track in enumerate(known):
            if row in pairs:
                made.append(_moved(track, seen[pairs[row]], under=under, at=at))
            elif track.misses < MISSES:
                made.append(replace(track, misses=track.misses + 1))
        fresh = set(range(len(seen))) - set(pairs.values())
        for column in sorted(fresh):
            stays = {source: Stay(at) for source in under(seen[column])}
            made.append(Track(label, seen[column], at, stays))
    return tuple(made)


def longest_s(tracks: Sequence[Track], *, source: str, label: str, at: Ts) -> float:
    """Seconds of the longest stay that is not over; 0 where nobody is there."""
    since = [
        track.stays[source].since
        for track in tracks
        if track.label == label and source in track.stays
    ]
    return (at - min(since)) / 1000 if since else 0.0


def _fits(tracks: Sequence[Track], seen: Sequence[Box], *, at: Ts) -> np.ndarray:
    """How well each box fits each track, where it was and where it was going to."""
    last, now = boxes.of([track.box for track in tracks]), boxes.of(seen)
    moves = boxes.of([_move(track, at=at) for track in tracks])
    stood = boxes.at_one_place(last, now, near=_NEAR)
    went = boxes.at_one_place(last + moves, now, near=_NEAR)
    return np.maximum(stood, went)


def _move(track: Track, *, at: Ts) -> Box:
    dx, dy = track.dx * (at - track.seen), track.dy * (at - track.seen)
    return dx, dy, dx, dy


def _moved(track: Track, box: Box, *, under: Under, at: Ts) -> Track:
    here = under(box)
    stays = {source: track.stays.get(source, Stay(at)) for source in here}
    for source, stay in track.stays.items():
        if source in stays:
            stays[source] = replace(stay, off=0)
        elif stay.off < MISSES:
            stays[source] = replace(stay, off=stay.off + 1)
    elapsed = max(1, at - track.seen)
    dx, dy = ((box[k] + box[k + 2] - track.box[k] - track.box[k + 2]) / 2 for k in (0, 1))
    return Track(track.label, box, at, stays, dx=dx / elapsed, dy=dy / elapsed)
