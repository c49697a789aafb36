"""Putting photographs of things into a photograph of a street. Pure."""

from importlib.resources import as_file, files

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Height x width x 3, BGR; a part with alpha has a fourth channel."""

Colour = tuple[int, int, int]

_NOISE_FIELDS = 6
_NOISE_LEVELS = 3.5
_CLOTH: Colour = (44, 40, 36)
_POLE: Colour = (104, 104, 98)


def picture(name: str) -> Pixels:
    """A picture of ``app/demo/pictures``, with its alpha where it has one."""
    data = np.frombuffer(files("app.demo").joinpath("pictures", name).read_bytes(), np.uint8)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), np.uint8)


def clip(name: str, *, width: int, height: int) -> list[Pixels]:
    """Every frame of a clip of ``app/demo/pictures``, at this size."""
    with as_file(files("app.demo").joinpath("pictures", name)) as path, av.open(str(path)) as film:
        return [
            np.asarray(frame.to_ndarray(format="bgr24", width=width, height=height), np.uint8)
            for frame in film.decode(video=0)
        ]


def resized(part: Pixels, *, height: int) -> Pixels:
    """The part at this height, as soft as what a street camera makes of it."""
    share = height / part.shape[0]
    small = cv2.resize(part, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), 0.5), np.uint8)


def paste(canvas: Pixels, part: Pixels, *, left: int, top: int) -> None:
    """Lay a part with alpha onto the canvas, of which it must lie inside."""
    height, width = part.shape[:2]
    below = canvas[top : top + height, left : left + width]
    alpha = part[:, :, 3:].astype(np.float32) / 255
    mixed = below * (1 - alpha) + part[:, :, :3] * alpha
    below[:] = np.rint(mixed).astype(np.uint8)


def shade(canvas: Pixels, part: Pixels, *, left: int, top: int, depth: float) -> None:
    """The soft shadow that a flat thing lays around its edge."""
    height, width = part.shape[:2]
    below = canvas[top : top + height, left : left + width]
    soft = cv2.GaussianBlur(part[:, :, 3], (0, 0), 3.0).astype(np.float32) / 255
    below[:] = (below * (1 - depth * soft[:, :, np.newaxis])).astype(np.uint8)


def glow(canvas: Pixels, *, x: float, y: float, radius: float, colour: Colour) -> None:
    """The light that a lamp throws into the lens."""
    reach = int(3 * radius)
    top, left = max(0, int(y) - reach), max(0, int(x) - reach)
    below = canvas[top : int(y) + reach, left : int(x) + reach]
    rows, columns = np.ogrid[top : top + below.shape[0], left : left + below.shape[1]]
    distance = (rows - y) ** 2 + (columns - x) ** 2
    light = np.exp(-distance / (2 * radius**2))[:, :, np.newaxis] * np.array(colour)
    below[:] = np.clip(below + 0.35 * light, 0, 255).astype(np.uint8)


def pole(canvas: Pixels, *, x: int, top: int, foot: int, width: int) -> None:
    """A steel pole, round by its shading, with the shadow of its foot."""
    near = canvas[foot - width : foot + width, max(0, x - 3 * width) : x + 3 * width]
    dark = near.copy()
    middle = (x - max(0, x - 3 * width), width)
    cv2.ellipse(dark, middle, (2 * width, max(2, width // 2)), 0, 0, 360, (30, 30, 30), -1)
    near[:] = cv2.addWeighted(near, 0.6, dark, 0.4, 0)
    across = np.linspace(-1, 1, width + 2)
    shine = 0.55 + 0.6 * np.exp(-((across + 0.35) ** 2) / 0.18)
    column = np.clip(shine[:, np.newaxis] * np.array(_POLE), 0, 255)
    left = x - width // 2
    canvas[top:foot, left : left + width + 2] = column.astype(np.uint8)
    edge = canvas[top:foot, max(0, left - 2) : left + width + 4]
    edge[:] = cv2.GaussianBlur(edge, (3, 1), 0)


class Light:
    """The light of a day on one camera: a gain for each channel, B, G, R."""

    def __init__(self, gain: tuple[float, float, float]) -> None:
        levels = np.arange(256)[:, np.newaxis] * np.array((*gain, 1.0))
        self._levels = np.clip(np.rint(levels), 0, 255).astype(np.uint8)[np.newaxis]

    def on(self, part: Pixels) -> Pixels:
        """A copy of the part in this light; alpha stays."""
        levels = np.ascontiguousarray(self._levels[:, :, : part.shape[2]])
        return np.asarray(cv2.LUT(np.ascontiguousarray(part), levels), np.uint8)


class Sensor:
    """What the camera's own chip adds: noise that never repeats, a frame's place and light."""

    def __init__(self, *, width: int, height: int, seed: int) -> None:
        self._size = (height, width)
        self._seed = seed
        rng = np.random.default_rng(seed)
        fields = rng.normal(0, _NOISE_LEVELS, (_NOISE_FIELDS, height, width))
        self._fields = np.rint(fields).astype(np.int16)
        weave = cv2.GaussianBlur(rng.normal(0, 12, (height, width)), (0, 0), 2.0)
        cloth = np.array(_CLOTH) + weave[:, :, np.newaxis]
        self._cloth = np.clip(cloth, 0, 255).astype(np.uint8)

    def noisy(self, canvas: Pixels, *, t_s: float) -> Pixels:
        """The picture as the sensor gives it at this time."""
        rng = np.random.default_rng((self._seed, round(t_s * 1000)))
        field = self._fields[rng.integers(_NOISE_FIELDS)]
        height, width = self._size
        moved = np.roll(field, (int(rng.integers(height)), int(rng.integers(width))), (0, 1))
        if rng.random() < 0.5:
            moved = -moved
        noise = cv2.merge([moved, moved, moved])
        return np.asarray(cv2.add(canvas, noise, dtype=cv2.CV_8U), np.uint8)

    def cloth(self, *, t_s: float) -> Pixels:
        """What a covered lens sees: dark cloth, a little light through it, and the noise."""
        dim = 1 + 0.08 * np.sin(t_s / 3)
        shown = np.asarray(cv2.convertScaleAbs(self._cloth, alpha=dim), np.uint8)
        return self.noisy(shown, t_s=t_s)
