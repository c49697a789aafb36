"""What a street camera does to a picture: distance, blur, compression, noise, night."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from detectors.types import Pixels


def darken(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Night under street lamps: a gamma curve, little colour, a warm cast, sensor noise."""
    gamma = rng.uniform(1.3, 2.4)
    gain = rng.uniform(0.45, 0.9)
    dark = (pixels.astype(np.float32) / 255.0) ** gamma * gain
    grey = dark.mean(axis=2, keepdims=True)
    dark = grey + (dark - grey) * rng.uniform(0.3, 0.9)
    dark *= np.array([rng.uniform(0.7, 1.0), rng.uniform(0.9, 1.0), 1.0], np.float32)
    dark += rng.normal(0.0, rng.uniform(0.005, 0.03), dark.shape).astype(np.float32)
    return np.asarray(np.clip(dark, 0.0, 1.0) * 255.0, np.uint8)


def soften(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Out of focus, or moved: a Gaussian or a straight streak of up to 5 pixels."""
    if rng.random() < 0.6:
        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.4, 1.4)), np.uint8)
    size = int(rng.integers(3, 6))
    kernel = np.zeros((size, size), np.float32)
    if rng.random() < 0.5:
        kernel[size // 2, :] = 1.0 / size
    else:
        kernel[:, size // 2] = 1.0 / size
    return np.asarray(cv2.filter2D(pixels, -1, kernel), np.uint8)


def compress(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """The blocks of a stream with too few bits."""
    quality = int(rng.integers(20, 75))
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def pixelate(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """A picture of fewer pixels, drawn large."""
    height, width = pixels.shape[:2]
    share = rng.uniform(0.45, 0.8)
    small = cv2.resize(pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def street_camera(
    pixels: Pixels, rng: np.random.Generator, *, night: float = 0.15, worn: float = 0.25
) -> Pixels:
    """Each fault with its own chance; boxes stay where they are."""
    steps = ((pixelate, worn / 2), (soften, worn), (darken, night), (compress, worn))
    for step, chance in steps:
        if rng.random() < chance:
            pixels = step(np.ascontiguousarray(pixels), rng)
    return pixels


@dataclass(slots=True)
class StreetCamera:
    """``street_camera`` as a step of ultralytics' training transforms (a dict with ``img``)."""

    rng: np.random.Generator

    def __call__(self, labels: dict[str, Any]) -> dict[str, Any]:
        labels["img"] = street_camera(labels["img"], self.rng)
        return labels
