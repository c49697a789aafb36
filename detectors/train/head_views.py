"""One head as training sees it: far away, loosely framed, in any light, through a bad camera.

Nothing here may hide or add a lamp: a crop keeps the label of its head.
"""

from dataclasses import replace

import cv2
import numpy as np

from detectors import heads as product
from detectors import letterbox
from detectors.train.degrade import street_camera
from detectors.train.head_data import Head
from detectors.types import Box, Pixels

SHORTEST, LONGEST = 11, 70
"""Height in pixels at which training shows a head."""
MOST_TURN = 8.0
"""Degrees: a mast leans, a camera hangs askew."""


def view(head: Head, rng: np.random.Generator) -> Pixels:
    """One training crop of the head."""
    pixels = head.pixels
    if rng.random() < 0.2:
        pixels = _turned(pixels, head.box, rng)
    if rng.random() < 0.1:
        pixels = _wires(pixels, head.box, rng)
    share = _far(head.box, rng)
    if share < 1:
        how = cv2.INTER_AREA if rng.random() < 0.8 else cv2.INTER_LINEAR
        pixels = np.asarray(cv2.resize(pixels, None, fx=share, fy=share, interpolation=how))
    pixels = street_camera(pixels, rng, night=0.15, worn=0.15)
    pixels = _exposed(pixels, rng)
    if rng.random() < 0.07:
        pixels = _rain(pixels, rng)
    if rng.random() < 0.08:
        pixels = _glare(pixels, rng)
    box = _framed(head.box, rng)
    scaled: Box = tuple(edge * share for edge in box)  # type: ignore[assignment]
    made = product.crop(pixels, scaled)
    return np.ascontiguousarray(made[:, ::-1]) if rng.random() < 0.5 else made


def _far(box: Box, rng: np.random.Generator) -> float:
    wanted = np.exp(rng.uniform(np.log(SHORTEST), np.log(LONGEST)))
    return min(1.0, float(wanted) / max(box[3] - box[1], box[2] - box[0]))


def _framed(box: Box, rng: np.random.Generator) -> Box:
    """As a person draws a region, or a detector finds one."""
    x1, y1, x2, y2 = box
    width, height = x2 - x1, y2 - y1
    grow = rng.uniform(-0.05, 0.3)
    right, down = rng.uniform(-0.08, 0.08, 2) * (width, height)
    return (
        x1 - grow * width + right,
        y1 - grow * height / 2 + down,
        x2 + grow * width + right,
        y2 + grow * height / 2 + down,
    )


def _turned(pixels: Pixels, box: Box, rng: np.random.Generator) -> Pixels:
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    turn = cv2.getRotationMatrix2D(middle, rng.uniform(-MOST_TURN, MOST_TURN), 1.0)
    size = (pixels.shape[1], pixels.shape[0])
    return np.asarray(cv2.warpAffine(pixels, turn, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _wires(pixels: Pixels, box: Box, rng: np.random.Generator) -> Pixels:
    """Wires and twigs across the head: too thin to hide a lamp."""
    out = pixels.copy()
    height = box[3] - box[1]
    for _ in range(int(rng.integers(1, 4))):
        ends = rng.uniform((box[0] - 20, box[1]), (box[2] + 20, box[3]), (2, 2))
        grey = int(rng.integers(10, 110))
        thick = max(1, round(height * rng.uniform(0.01, 0.05)))
        (ax, ay), (bx, by) = ends.round().astype(int).tolist()
        cv2.line(out, (ax, ay), (bx, by), (grey, grey, grey), thick, cv2.LINE_AA)
    return out


def _exposed(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Too bright, too dark, too flat, and the wrong white."""
    out = pixels.astype(np.float32) / 255.0
    out = out ** rng.uniform(0.8, 1.25) * np.exp(rng.uniform(np.log(0.55), np.log(1.4)))
    out = 0.5 + (out - 0.5) * rng.uniform(0.75, 1.15) + rng.uniform(-0.05, 0.05)
    out *= rng.uniform(0.92, 1.08, 3).astype(np.float32)
    return np.asarray(np.clip(out, 0, 1) * 255.0, np.uint8)


def _rain(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Streaks that lean one way, and the haze behind them."""
    height, width = pixels.shape[:2]
    drops = (rng.random((height, width)) < 0.02).astype(np.float32)
    size = int(rng.integers(5, 11))
    streak = np.zeros((size, size), np.float32)
    lean = int(rng.integers(-2, 3))
    cv2.line(streak, (size // 2 - lean, 0), (size // 2 + lean, size - 1), 1.0 / size, 1)
    rain = np.asarray(cv2.filter2D(drops, -1, streak), np.float32)[..., None]
    haze = rng.uniform(0.0, 0.25)
    out = pixels * (1 - haze) + 170.0 * haze + 255.0 * rain * rng.uniform(0.5, 1.5)
    return np.asarray(np.clip(out, 0, 255), np.uint8)


def _glare(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """A veil from the sun, or from head lamps, over one side."""
    height, width = pixels.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = rng.uniform(-0.5, 1.5) * height, rng.uniform(-0.5, 1.5) * width
    far = np.hypot(rows - y, columns - x) / max(height, width)
    veil = rng.uniform(0.1, 0.5) * np.exp(-2.0 * far)[..., None]
    out = pixels * (1 - veil) + np.array([225.0, 240.0, 255.0]) * veil
    return np.asarray(np.clip(out, 0, 255), np.uint8)


def at_height(head: Head, height: float) -> Head:
    """The head shrunk to so many pixels of height (never enlarged)."""
    share = min(1.0, height / (head.box[3] - head.box[1]))
    pixels = letterbox.shrink(head.pixels, share=share)
    box: Box = tuple(edge * share for edge in head.box)  # type: ignore[assignment]
    return replace(head, pixels=pixels, box=box)
