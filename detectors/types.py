"""Frames, findings and what a detector is. Everything after a detector is a sample."""

from dataclasses import dataclass
from typing import Protocol

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
class Seen:
    """What one look at a frame gave: samples without evidence yet, and what to draw."""

    samples: tuple[Sample, ...]
    findings: tuple[Finding, ...]


class Detector(Protocol):
    """Pixels to findings; no state, so one instance serves many cameras."""

    def __call__(self, pixels: Pixels) -> list[Finding]: ...


class Watch(Protocol):
    """One configured detector of one camera: may remember earlier frames of that camera."""

    def __call__(self, frame: Frame) -> Seen: ...
