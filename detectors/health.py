"""Whether a camera sees what it should: not black, covered, frozen, blurred, moved, another's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from citypatrol.clock import Ts
from citypatrol.samples import Sample
from detectors import letterbox
from detectors.rate import Rate
from detectors.types import Finding, Frame, Pixels, Seen
from detectors.view import Texture, Views, texture

FAULT, BRIGHTNESS, SHARPNESS = "camera.fault", "camera.brightness", "camera.sharpness"
FPS = "camera.fps"

WIDTH = 640
"""Sharpness depends on size, so every picture is measured at this width or less."""
BLACK_BELOW = 24.0
"""Grey level under which 99 % of a black picture lies: a lamp at night is more than 1 % of dots."""
UNIFORM_BELOW = 6.0
"""Standard deviation of the coarse picture under which there is nothing in it."""
COARSE = (16, 9)
SURE_FRAMES = 3
SURE_MS = 30_000
"""How long a picture must be frozen, blurred, moved or another's before it is a fault (a lorry
stops in front of a camera); nobody judges such a frame meanwhile."""
BLURRED_BELOW = 0.018
"""Detail of one dot over that of four: of 615 photos and 192 frames 0.051 at least, of the same
made unsharp by three dots of 640 0.015 in the middle."""
EMPTY_BELOW = 30.0
"""Variance of the Laplacian at a quarter of the size, under which there is too little in a picture
to know a view by: dense fog."""
GREY_BELOW = 6.0
"""Grey levels by which colours differ in a picture without colour: infrared at night."""
DARK_BELOW = 50.0


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One picture in numbers. Grey levels 0..255.

    ``sharpness`` is the variance of the Laplacian (Pech-Pacheco 2000); ``spread`` the standard
    deviation of a 16 x 9 picture, in which noise has gone and shapes have not. ``middle`` and
    ``coarse`` are the sharpness at a quarter and a sixteenth of the size.
    """

    brightness: float
    sharpness: float
    middle: float
    coarse: float
    colour: float
    bright_end: float
    spread: float
    texture: Texture


def look(pixels: Pixels) -> Look:
    """Measures a picture, uint8 BGR or grey. Raises ValueError for an empty one."""
    colour = letterbox.as_colour(pixels)
    small = np.ascontiguousarray(letterbox.shrink(colour, share=WIDTH / colour.shape[1]))
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)
    coarse = cv2.resize(grey, COARSE, interpolation=cv2.INTER_AREA)
    below = np.cumsum(np.bincount(grey.ravel(), minlength=256))
    few = cv2.resize(small, COARSE, interpolation=cv2.INTER_AREA).astype(np.float32)
    return Look(
        brightness=float(grey.mean()),
        sharpness=_sharpness(grey, share=1),
        middle=_sharpness(grey, share=1 / 4),
        coarse=_sharpness(grey, share=1 / 16),
        colour=float(np.ptp(few, axis=2).mean()),
        bright_end=float(np.searchsorted(below, 0.99 * grey.size)),
        spread=float(coarse.astype(np.float64).std()),
        texture=texture(grey),
    )


def _sharpness(grey: NDArray[np.uint8], *, share: float) -> float:
    height, width = (max(1, round(side * share)) for side in grey.shape)
    small = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA) if share < 1 else grey
    return float(cv2.Laplacian(small, cv2.CV_16S).astype(np.float32).var())


def fault_of(seen: Look) -> str | None:
    """By this picture alone: ``black``, ``covered``, ``blurred``; None where it shows something."""
    if seen.bright_end < BLACK_BELOW:
        return "black"
    if seen.spread < UNIFORM_BELOW:
        return "covered"
    if seen.middle > EMPTY_BELOW and seen.sharpness < BLURRED_BELOW * seen.middle:
        return "blurred"
    return None


class CameraHealth:
    """The watch of ``type: camera``: ``camera.fault`` (0 or 1), ``camera.brightness`` and
    ``camera.sharpness`` of every frame; from the second one on ``camera.fps``, frames a second of
    the last minute.

    Frozen means: the decoded pixels are the same to the bit for ``frozen_after`` milliseconds and
    at least three frames. A real sensor's noise changes every frame; a recorder that repeats its
    last picture, and a still picture that is encoded again, does not. A picture that is only
    *nearly* the same is a quiet street, not a fault.

    Black and covered are said at once, unless the known view shows through: deep night or dense
    fog, in which nobody judges and nothing is at fault. Blurred, moved and another's picture
    (``wrong_scene``) are said once they last 30 s. A camera that is ``fixed`` has one view, learned
    from its first pictures and known again after a restart, until a person says that it was turned.
    """

    def __init__(self, camera: str, *, frozen_after: int = 60_000, fixed: bool = True) -> None:
        self._camera = camera
        self._frozen_after = frozen_after
        self._views = Views() if fixed else None
        self._frozen = _Lasting()
        self._doubted = _Lasting()
        self._rate = Rate()

    def __call__(self, frame: Frame) -> Seen:
        seen = look(frame.pixels)
        fault = fault_of(seen)
        doubt = None
        faint = False
        if fault is None or fault == "blurred":
            doubt, fault = fault or self._doubt(seen), None
        elif self._views is not None and self._views.recognises(seen.texture):
            faint, fault = True, None  # night or fog, not a cloth: the view is still there
        frozen = self._frozen.since_ms(_print(frame.pixels), at=frame.ts)
        doubted = self._doubted.since_ms(doubt is not None, at=frame.ts)
        if doubt is not None and doubted is not None and doubted >= SURE_MS:
            fault = doubt
        if fault is None and frozen is not None and frozen >= self._frozen_after:
            fault = "frozen"
        height, width = frame.pixels.shape[:2]
        values = [(FAULT, float(fault is not None)), (BRIGHTNESS, seen.brightness)]
        values.append((SHARPNESS, seen.sharpness))
        if (rate := self._rate.per_second(at=frame.ts)) is not None:
            values.append((FPS, rate))
        samples = tuple(Sample(self._camera, metric, frame.ts, value) for metric, value in values)
        if fault is None:
            return Seen(samples, (), blind=faint or doubt is not None)
        whole = (0.0, 0.0, float(width), float(height))
        return Seen(samples, (Finding(FAULT, 1.0, whole, state=fault),), blind=True)

    def learned(self) -> Mapping[str, Any]:
        """JSON for ``recall``: the view, in each kind of light."""
        return {"views": [] if self._views is None else self._views.learned()}

    def recall(self, learned: Mapping[str, Any], /) -> None:
        """ValueError where this is none of ``learned``."""
        if not isinstance(learned.get("views"), list):
            message = "has no list of views"
            raise ValueError(message)
        if self._views is not None:
            self._views.recall(learned["views"])

    def _doubt(self, seen: Look) -> str | None:
        if self._views is None:
            return None
        return self._views.doubt(
            seen.texture,
            grey=seen.colour < GREY_BELOW,
            dark=seen.brightness < DARK_BELOW,
            faint=seen.middle < EMPTY_BELOW,
            octave=seen.middle / max(seen.coarse, 1.0),
        )


class _Lasting:
    """Since when something has been the same."""

    def __init__(self) -> None:
        self._what: object = None
        self._since: Ts = 0
        self._frames = 0

    def since_ms(self, what: object, *, at: Ts) -> int | None:
        """None while it was seen in fewer frames than it takes to be sure."""
        if what != self._what or at < self._since:
            self._what, self._since, self._frames = what, at, 0
        self._frames += 1
        return at - self._since if self._frames >= SURE_FRAMES else None


def _print(pixels: Pixels) -> object:
    """Equal for pictures that are the same to the bit. Python's own hash of 64 bits takes a third
    of a digest's time, and nobody makes up pictures to be called frozen."""
    return pixels.shape, hash(pixels.tobytes())
