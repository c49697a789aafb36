"""Whether a camera still sees: black, covered, or frozen."""

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np

from citypatrol.clock import Ts
from citypatrol.samples import Sample
from detectors import letterbox
from detectors.types import Finding, Frame, Pixels, Seen

FAULT, BRIGHTNESS, SHARPNESS = "camera.fault", "camera.brightness", "camera.sharpness"

WIDTH = 640
"""Sharpness depends on size, so every picture is measured at this width or less."""
BLACK_BELOW = 24.0
"""Grey level under which 99 % of a black picture lies: a lamp at night is more than 1 % of dots."""
UNIFORM_BELOW = 6.0
"""Standard deviation of the coarse picture under which there is nothing in it."""
COARSE = (16, 9)
FROZEN_FRAMES = 3


@dataclass(frozen=True, slots=True)
class Look:
    """One picture in numbers. Grey levels 0..255.

    ``sharpness`` is the variance of the Laplacian (Pech-Pacheco 2000); ``spread`` the standard
    deviation of a 16 x 9 picture, in which noise has gone and shapes have not.
    """

    brightness: float
    sharpness: float
    bright_end: float
    spread: float


def look(pixels: Pixels) -> Look:
    """Measures a picture, uint8 BGR or grey. Raises ValueError for an empty one."""
    colour = letterbox.as_colour(pixels)
    grey = cv2.cvtColor(
        np.ascontiguousarray(letterbox.shrink(colour, share=WIDTH / colour.shape[1])),
        cv2.COLOR_BGR2GRAY,
    )
    coarse = cv2.resize(grey, COARSE, interpolation=cv2.INTER_AREA)
    below = np.cumsum(np.bincount(grey.ravel(), minlength=256))
    return Look(
        brightness=float(grey.mean()),
        sharpness=float(cv2.Laplacian(grey, cv2.CV_16S).astype(np.float32).var()),
        bright_end=float(np.searchsorted(below, 0.99 * grey.size)),
        spread=float(coarse.astype(np.float64).std()),
    )


def fault_of(seen: Look) -> str | None:
    """``black`` or ``covered``; None for a picture that shows something."""
    if seen.bright_end < BLACK_BELOW:
        return "black"
    if seen.spread < UNIFORM_BELOW:
        return "covered"
    return None


class CameraHealth:
    """The watch of ``type: camera``: ``camera.fault`` (0 or 1), ``camera.brightness`` and
    ``camera.sharpness`` of every frame.

    Frozen means: the decoded pixels are the same to the bit for ``frozen_after`` milliseconds and
    at least three frames. A real sensor's noise changes every frame; a recorder that repeats its
    last picture, and a still picture that is encoded again, does not. A picture that is only
    *nearly* the same is a quiet street, not a fault.
    """

    def __init__(self, camera: str, *, frozen_after: int = 60_000) -> None:
        self._camera = camera
        self._frozen_after = frozen_after
        self._print = b""
        self._since: Ts = 0
        self._frames = 0

    def __call__(self, frame: Frame) -> Seen:
        seen = look(frame.pixels)
        fault = fault_of(seen)
        if self._is_frozen(frame) and fault is None:
            fault = "frozen"
        height, width = frame.pixels.shape[:2]
        values = ((FAULT, float(fault is not None)), (BRIGHTNESS, seen.brightness))
        samples = tuple(
            Sample(self._camera, metric, frame.ts, value)
            for metric, value in (*values, (SHARPNESS, seen.sharpness))
        )
        if fault is None:
            return Seen(samples, ())
        whole = (0.0, 0.0, float(width), float(height))
        return Seen(samples, (Finding(FAULT, 1.0, whole, state=fault),))

    def _is_frozen(self, frame: Frame) -> bool:
        pixels = np.ascontiguousarray(frame.pixels)
        shape = str(pixels.shape).encode()
        print_ = hashlib.blake2b(pixels.data, digest_size=16, key=shape).digest()
        if print_ != self._print or frame.ts < self._since:
            self._print, self._since, self._frames = print_, frame.ts, 0
        self._frames += 1
        return self._frames >= FROZEN_FRAMES and frame.ts - self._since >= self._frozen_after
