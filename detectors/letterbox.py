"""Fits a picture into a network's input without stretching it, and brings boxes back exactly."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.types import Pixels

GREY = 114
"""What the padding is filled with: the value that YOLO networks were trained with."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """A picture of ``height`` x ``width`` shrunk or enlarged to ``inner``, centred in ``outer``.

    Sizes are (height, width) in pixels.
    """

    height: int
    width: int
    inner: tuple[int, int]
    outer: tuple[int, int]

    @property
    def offset(self) -> tuple[int, int]:
        """Padding above and left of the picture."""
        return (self.outer[0] - self.inner[0]) // 2, (self.outer[1] - self.inner[1]) // 2

    def fill(self, pixels: Pixels, *, into: NDArray[np.float32]) -> None:
        """Write the network's input over ``into`` ([3, height, width]): RGB, 0..1."""
        top, left = self.offset
        below, right = top + self.inner[0], left + self.inner[1]
        grey = np.float32(GREY / 255)
        into[:, :top], into[:, below:] = grey, grey
        into[:, :, :left], into[:, :, right:] = grey, grey
        fitted = resized(pixels, self.inner)
        for plane, colour in zip(reversed(into), cv2.split(fitted), strict=True):
            inner = plane[top:below, left:right]
            np.multiply(colour, np.float32(1 / 255), out=inner, dtype=np.float32)

    def undo(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes x1, y1, x2, y2 of the input as boxes of the picture, cut at its edges.

        Each axis has its own scale: the inner size is rounded to whole pixels.
        """
        top, left = self.offset
        scale_x, scale_y = self.width / self.inner[1], self.height / self.inner[0]
        moved = (boxes - np.array([left, top, left, top])) * np.array(
            [scale_x, scale_y, scale_x, scale_y]
        )
        limits = np.array([self.width, self.height, self.width, self.height])
        return np.asarray(np.clip(moved, 0, limits), np.float32)


def fit(pixels: Pixels, *, side: int | tuple[int, int], stride: int | None = None) -> Letterbox:
    """How the picture goes into ``side`` (one for both, or height and width).

    With ``stride`` (a network that takes any size) the padding is only what the stride needs, so
    that a wide picture costs less.
    """
    height, width = pixels.shape[:2]
    high, wide = (side, side) if isinstance(side, int) else side
    share = min(high / height, wide / width)
    inner = (max(1, min(high, round(height * share))), max(1, min(wide, round(width * share))))
    outer = (high, wide)
    if stride is not None:
        outer = (-(-inner[0] // stride) * stride, -(-inner[1] // stride) * stride)
    return Letterbox(height, width, inner, outer)


def resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The picture at a size (height, width): halved as often as it goes, then interpolated.

    Each halving takes the mean of four pixels, so none is skipped, at a quarter of what averaging
    over fractions of pixels costs.
    """
    while pixels.shape[0] >= 2 * size[0] and pixels.shape[1] >= 2 * size[1]:
        half = (pixels.shape[1] // 2, pixels.shape[0] // 2)
        pixels = np.asarray(cv2.resize(pixels, half, interpolation=cv2.INTER_LINEAR), np.uint8)
    if pixels.shape[:2] != size:
        made = cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_LINEAR)
        pixels = np.asarray(made, np.uint8)
    return pixels


def shrink(pixels: Pixels, *, share: float) -> Pixels:
    """The picture with both sides times ``share`` (at most 1)."""
    if share >= 1:
        return pixels
    made = cv2.resize(pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    return np.asarray(made, np.uint8)


def as_colour(pixels: NDArray[np.uint8]) -> Pixels:
    """Height x width x 3, BGR; a grey picture is made colour, an alpha channel dropped.

    Raises ValueError for an empty array, another shape or another type than uint8.
    """
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or pixels.size == 0:
        message = f"not a picture: {pixels.dtype} of shape {pixels.shape}, wanted uint8 [h, w, 3]"
        raise ValueError(message)
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if channels == 1:
        return np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
    if channels not in (3, 4):
        message = f"not a picture: {channels} channels, wanted 1, 3 or 4"
        raise ValueError(message)
    return pixels[..., :3]
