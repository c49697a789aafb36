"""Frames, findings and what a detector is. Everything after a detector is a sample."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

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


Hidden = Literal["person", "plate"]
"""What is covered in every picture that is kept."""


class Paint(Protocol):
    """A JPEG of a picture with what was found in it. Raises ``UnmaskedError``, or ValueError."""

    def __call__(
        self, pixels: Pixels, findings: Sequence[Finding], *, camera: str, at: Ts
    ) -> bytes: ...


class UnmaskedError(Exception):
    """Who is in the picture is not known, so it must not be kept."""


class Detector(Protocol):
    """Pixels to findings; no state, so one instance serves many cameras."""

    def __call__(self, pixels: Pixels) -> list[Finding]: ...


class Watch(Protocol):
    """One configured detector of one camera: may remember earlier frames of that camera."""

    def __call__(self, frame: Frame) -> Seen: ...


@runtime_checkable
class Doubting(Watch, Protocol):
    """A watch that can say that it waits for another look before it says something: that camera's
    next frame is looked at before others'."""

    def doubts(self) -> bool: ...


@runtime_checkable
class BurstWatch(Watch, Protocol):
    """A watch that may wish for a burst. Not promised: that one comes; it wishes again then."""

    def burst(self, burst: Burst, /) -> Seen: ...


@runtime_checkable
class LearningWatch(Watch, Protocol):
    """A watch that learns what is normal over hours and days, and can be given that back after a
    restart."""

    def learned(self) -> Mapping[str, Any]:
        """JSON for ``recall``."""
        ...

    def recall(self, learned: Mapping[str, Any], /) -> None:
        """Before the first frame. ValueError where this is none of ``learned``."""
        ...
