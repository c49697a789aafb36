"""Reads one signal head: which lamp is lit, or that none is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors import onnx
from detectors.types import Box, Pixels

HEIGHT, WIDTH = 64, 32
"""Size of the crop that the network sees."""
STATES = ("red", "yellow", "green", "off", "back_or_side", "none")
"""What the network tells apart; ``none``: no signal head there."""
LAMPS = 3
OFF = STATES.index("off")
BACK = STATES.index("back_or_side")
MARGIN = 0.12
PRIOR = 0.9
"""That an unseen lamp is lit: failed signals are rare."""
READABLE = 0.6
"""Lit and off together must weigh this much, else the head is ``unreadable``."""
DECIDED = 0.5
MOSTLY = 0.8
"""A box of which less lies inside the picture is not read."""
MOST_AT_ONCE = 64
SMALLEST = 6
"""Pixels: a box with a shorter side holds too little to read a lamp."""

COLOUR = 8
"""Grey levels by which a dot's tint differs from the picture's. Of 960 photos in colour (fog, dusk,
single heads) the 0.1 % of dots with the most tint had 9 at least; black-and-white ones have 0."""
COLOURED = 0.001
SAMPLED = 20_000
"""Dots that are looked at for colour."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at a head gave.

    ``lit`` is the probability (0..1) that a lamp is lit; what cannot be seen counts as ``PRIOR``,
    so a head turned away is not dark. ``state`` is ``red yellow green off``, or ``back_or_side``
    or ``unreadable`` where ``readable`` is false; ``score`` is its weight, 0..1.
    """

    state: str
    score: float
    lit: float
    readable: bool


NOTHING_SEEN = Reading("unreadable", 1.0, PRIOR, readable=False)


def crop(pixels: Pixels, box: Box) -> Pixels:
    """The box with a margin, at the network's proportions: ``HEIGHT`` x ``WIDTH`` x 3, BGR.

    A lying head (wider than high) is stood up, its left lamp on top: that one is red where traffic
    keeps right (left elsewhere, so a lying head's colour is less sure than that it is lit).
    """
    x1, y1, x2, y2 = box
    width, height = (x2 - x1) * (1 + 2 * MARGIN), (y2 - y1) * (1 + 2 * MARGIN)
    lying = width > 1.2 * height
    if lying:
        width, height = max(width, height * HEIGHT / WIDTH), max(height, width * WIDTH / HEIGHT)
    else:
        width, height = max(width, height * WIDTH / HEIGHT), max(height, width * HEIGHT / WIDTH)
    centre = ((x1 + x2) / 2, (y1 + y2) / 2)
    size = (max(2, round(width)), max(2, round(height)))
    patch = cv2.getRectSubPix(
        np.ascontiguousarray(pixels), size, (centre[0] - 0.5, centre[1] - 0.5)
    )
    if lying:
        patch = cv2.rotate(patch, cv2.ROTATE_90_CLOCKWISE)
    how = cv2.INTER_AREA if patch.shape[0] > HEIGHT else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(patch, (WIDTH, HEIGHT), interpolation=how), np.uint8)


def as_input(crops: Sequence[Pixels]) -> NDArray[np.float32]:
    """Crops as the network takes them: [n, 3, 64, 32], RGB, 0..1."""
    stack = np.stack(crops)[..., ::-1].transpose(0, 3, 1, 2)
    return np.ascontiguousarray(stack, np.float32) / np.float32(255.0)


def judge(weights: NDArray[np.float32]) -> Reading:
    """What one row of class weights (they sum to 1) says."""
    lamps, off = float(weights[:LAMPS].sum()), float(weights[OFF])
    seen = lamps + off
    lit = lamps + PRIOR * (1.0 - seen)
    if seen < READABLE:
        back = float(weights[BACK])
        if back >= DECIDED:
            return Reading("back_or_side", back, lit, readable=False)
        return Reading("unreadable", 1.0 - seen, lit, readable=False)
    if lit < DECIDED:
        return Reading("off", off, lit, readable=True)
    lamp = int(weights[:LAMPS].argmax())
    return Reading(STATES[lamp], float(weights[lamp]), lit, readable=True)


class HeadReader:
    """Reads boxes of a picture with the ``traffic_light`` model; loads it at the first call."""

    def __init__(self, path: Path = onnx.MODELS / "traffic_light.onnx") -> None:
        self._path = path

    def __call__(self, pixels: Pixels, boxes: Sequence[Box]) -> list[Reading]:
        """One reading a box, in order. Boxes are pixels of ``pixels``.

        A box that is too small, or mostly outside, is ``unreadable``, never dark; so is one
        without colour in a picture without colour.
        """
        readings = self.cuts([(pixels, box) for box in boxes])
        if not any(one.readable for one in readings) or not without_colour(pixels):
            return readings
        return [
            NOTHING_SEEN if one.readable and without_colour(crop(pixels, box)) else one
            for one, box in zip(readings, boxes, strict=True)
        ]

    def cuts(self, cuts: Sequence[tuple[Pixels, Box]]) -> list[Reading]:
        """The same for boxes of different pictures: every frame of a burst at once."""
        usable = [
            index
            for index, (pixels, box) in enumerate(cuts)
            if usable_box(box, width=pixels.shape[1], height=pixels.shape[0])
        ]
        readings = [NOTHING_SEEN] * len(cuts)
        for start in range(0, len(usable), MOST_AT_ONCE):
            part = usable[start : start + MOST_AT_ONCE]
            inputs = as_input([crop(*cuts[index]) for index in part])
            (weights,) = onnx.shared(self._path).run(inputs)
            for index, row in zip(part, weights, strict=True):
                readings[index] = judge(row)
        return readings


def without_colour(pixels: Pixels) -> bool:
    """Whether a picture (BGR) is black and white, or of one tint: a camera by infrared at night.
    There a red lamp is grey as its housing is: of 200 lit ones half look dark to the network."""
    step = max(1, round((pixels.shape[0] * pixels.shape[1] / SAMPLED) ** 0.5))
    few = pixels[::step, ::step].astype(np.int16)
    tints = np.stack([few[..., 0] - few[..., 1], few[..., 2] - few[..., 1]], axis=-1).reshape(-1, 2)
    strays = np.abs(tints - np.median(tints, axis=0)).max(axis=1) >= COLOUR
    return bool(strays.mean() < COLOURED)


def framed(box: Box) -> Box:
    """What ``crop`` needs to see around the box, with a little to spare."""
    x1, y1, x2, y2 = box
    width, height = (x2 - x1) * (1 + 2 * MARGIN), (y2 - y1) * (1 + 2 * MARGIN)
    width, height = max(width, height / 2), max(height, width / 2)
    right, down = 0.55 * width + 1, 0.55 * height + 1
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    return x - right, y - down, x + right, y + down


def usable_box(box: Box, *, width: int, height: int) -> bool:
    """Whether the box holds enough pixels of a picture of this size to read a lamp."""
    x1, y1, x2, y2 = box
    if not np.isfinite(box).all() or min(x2 - x1, y2 - y1) < SMALLEST:
        return False
    inside = max(0.0, min(x2, width) - max(x1, 0.0)) * max(0.0, min(y2, height) - max(y1, 0.0))
    return inside >= MOSTLY * (x2 - x1) * (y2 - y1)
