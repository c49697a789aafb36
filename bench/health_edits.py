"""What is done to pictures for ``bench.health``: what is no fault, and what is one."""

import zlib
from collections.abc import Callable, Mapping
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.types import Pixels

Edit = Callable[[Pixels], Pixels]


def _noisy(pixels: NDArray[np.uint8 | np.float32], *, sigma: float) -> Pixels:
    """Each picture has noise of its own, the same in every run."""
    noise = np.random.default_rng(zlib.crc32(pixels[::7].tobytes())).normal(0, sigma, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def _night(pixels: Pixels) -> Pixels:
    return _noisy(np.asarray(pixels * np.array([0.25, 0.32, 0.5]), np.float32), sigma=6)


def _dim(pixels: Pixels) -> Pixels:
    return _noisy(np.asarray(pixels * 0.15, np.float32), sigma=4)


def _infrared(pixels: Pixels) -> Pixels:
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    lit = np.asarray(255 * (grey / 255.0) ** 0.6, np.float32)
    return np.asarray(np.repeat(_noisy(lit, sigma=8)[:, :, np.newaxis], 3, axis=2), np.uint8)


def _fog(pixels: Pixels) -> Pixels:
    hazy = np.clip(200 + (pixels.astype(np.float32) - 128) * 0.2, 0, 255)
    return np.asarray(hazy, np.uint8)


def _dense_fog(pixels: Pixels) -> Pixels:
    hazy = np.asarray(190 + (pixels.astype(np.float32) - 128) * 0.12, np.float32)
    return _noisy(hazy, sigma=1)


def _squeezed(pixels: Pixels) -> Pixels:
    _, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 10])
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)


def _rain(pixels: Pixels) -> Pixels:
    """Streaks at other places in each picture."""
    rng = np.random.default_rng(zlib.crc32(pixels[::5].tobytes()))
    height, width = pixels.shape[:2]
    rainy = pixels.copy()
    for x, y in zip(rng.integers(0, width, 400), rng.integers(0, height, 400), strict=True):
        end = (int(x) + width // 100, int(y) + height // 18)
        cv2.line(rainy, (int(x), int(y)), end, (200, 200, 200), 1)
    return rainy


def _lorry(pixels: Pixels) -> Pixels:
    """Two fifths of the picture are hidden."""
    hidden = pixels.copy()
    height, width = pixels.shape[:2]
    hidden[height // 4 :, width // 4 : width * 4 // 5] = (90, 60, 40)
    return hidden


BENIGN: Final[Mapping[str, Edit]] = {
    "as_it_is": lambda pixels: pixels,
    "night_cast": _night,
    "dim": _dim,
    "infrared": _infrared,
    "fog": _fog,
    "dense_fog": _dense_fog,
    "compressed": _squeezed,
    "rain": _rain,
    "lorry": _lorry,
}


def blurred(sigma_of_640: float, *, noise: float = 0.0) -> Edit:
    def edit(pixels: Pixels) -> Pixels:
        soft = cv2.GaussianBlur(pixels, (0, 0), sigma_of_640 * pixels.shape[1] / 640)
        return (
            _noisy(np.asarray(soft, np.uint8), sigma=noise) if noise else np.asarray(soft, np.uint8)
        )

    return edit


def turned(across: float, *, degrees: float = 0.0) -> Edit:
    """The camera turned: the view moves, and what was outside is shown as the edge repeated."""

    def edit(pixels: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        turn[0, 2] += across * width
        moved = cv2.warpAffine(pixels, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
        return np.asarray(moved, np.uint8)

    return edit


def cloth(pixels: Pixels) -> Pixels:
    return _noisy(np.full(pixels.shape, 70, np.float32), sigma=3 + pixels.mean() / 100)


def black(pixels: Pixels) -> Pixels:
    return _noisy(np.zeros(pixels.shape, np.float32), sigma=2 + pixels.mean() / 100)


def of_scene(shown: list[Pixels]) -> Edit:
    """Another camera's pictures instead."""
    return lambda pixels: shown[zlib.crc32(pixels[::9].tobytes()) % len(shown)]
