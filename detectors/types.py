"""Frames, findings and what a detector is. Everything after a detector is a sample."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from citypatrol.clock import Ts
from citypatrol.samples import Sample

Pixels = NDArray[np.uint8]
"""Height x width x 3, BGR, as OpenCV has it."""

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels of the picture it was found in."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of one camera. ``ts`` is when it left the decoder, wall clock, milliseconds."""

    camera: str
    ts: Ts
    pixels: Pixels


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing seen. ``lit`` only on signal heads: probability that a lamp of it is lit."""

    label: str
    score: float
    box: Box
    lit: float | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """Every frame of the next ``seconds``, cut to ``boxes`` (fractions of the picture)."""

    seconds: float
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Burst:
    """Frames one after the other, for a wish. ``cuts[k]``: one cut-out a box, in the wish's order;
    ``times[k]``: when, in ms, exact to the frame among themselves."""

    camera: str
    times: tuple[Ts, ...]
    cuts: tuple[tuple[Pixels, ...], ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look at a frame gave: samples without evidence yet, what to draw, and what must be
    looked at more closely before anything is said. ``blind``: nobody else should judge this frame;
    the camera may not see what it should."""

    samples: tuple[Sample, ...]
    findings: tuple[Finding, ...]
    wish: Wish | None = None
    blind: bool = False


class Detector(Protocol):
    """Pixels to findings; no state, so one instance serves many cameras."""

    def __call__(self, pixels: Pixels) -> list[Finding]: ...


class Watch(Protocol):
    """One configured detector of one camera: may remember earlier frames of that camera."""

    def __call__(self, frame: Frame) -> Seen: ...


@runtime_checkable
class BurstWatch(Watch, Protocol):
    """A watch that may wish for a burst. Not promised: that one comes; it wishes again then."""

    def burst(self, burst: Burst, /) -> Seen: ...
