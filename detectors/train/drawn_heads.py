"""Signal heads drawn from nothing: designs, lenses and light that the photographs do not have.

A head is drawn the same way whether a lamp of it shines or none does, so nothing but the lamp can
tell the two apart. Drawn heads are for training only: no figure is measured on them.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.heads import OFF, STATES
from detectors.train.head_data import Head
from detectors.types import Pixels

TALL = 132
"""Pixels: the height of a drawn head; training shrinks it."""
BACK = STATES.index("back_or_side")
LIGHT = (
    ((30, 40, 255), (60, 60, 255), (40, 90, 255)),
    ((20, 170, 255), (40, 200, 255), (60, 150, 255)),
    ((150, 255, 60), (200, 255, 90), (110, 230, 40)),
)
"""BGR of red, yellow and green lamps, as cameras give them."""
HOUSINGS = ((24, 24, 24), (40, 40, 42), (38, 60, 30), (30, 170, 225), (20, 140, 190), (95, 95, 95))
"""Black, grey, the dark green and the yellow of American and Asian streets, bare metal."""

Plane = NDArray[np.float32]


def _disc(shape: tuple[int, int], x: float, y: float, radius: float) -> Plane:
    mask = np.zeros(shape, np.float32)
    cv2.circle(mask, (round(x), round(y)), max(1, round(radius)), 1.0, -1, cv2.LINE_AA)
    return mask


def _arrow(shape: tuple[int, int], x: float, y: float, radius: float, turn: float) -> Plane:
    mask = np.zeros(shape, np.float32)
    along = np.array([np.cos(turn), np.sin(turn)]) * radius * 0.75
    tail, tip = np.array([x, y]) - along, np.array([x, y]) + along
    (ax, ay), (bx, by) = tail.round().astype(int).tolist(), tip.round().astype(int).tolist()
    cv2.arrowedLine(
        mask, (ax, ay), (bx, by), 1.0, max(2, round(radius * 0.28)), cv2.LINE_AA, 0, 0.5
    )
    return mask


def _dots(shape: tuple[int, int], pitch: int) -> Plane:
    """The dots of an LED lamp, 0..1."""
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    wave = np.sin(rows * 2 * np.pi / pitch) * np.sin(columns * 2 * np.pi / pitch)
    return np.asarray(0.55 + 0.45 * wave, np.float32)


def _banded(rng: np.random.Generator, shape: tuple[int, int]) -> Plane:
    """What a rolling shutter makes of a lamp that flickers with the mains: bright and dim rows."""
    rows = np.arange(shape[0], dtype=np.float32)[:, None]
    period = rng.uniform(0.4, 2.5) * shape[0]
    wave = 0.5 + 0.5 * np.sin(2 * np.pi * (rows / period + rng.random()))
    return np.asarray(np.clip(0.25 + wave, 0.25, 1.0) * np.ones(shape, np.float32), np.float32)


def _unlit(rng: np.random.Generator, colour: tuple[int, ...], mask: Plane, y: float) -> Plane:
    """The lens without its lamp: grey or tinted glass, the visor's shade, sky in the lower half."""
    tint = np.array(colour, np.float32) / 255.0
    glass = rng.uniform(0.03, 0.22) + rng.uniform(0.0, 0.22) * tint
    if rng.random() < 0.15:  # the sun shines into it: a phantom
        glass = glass + rng.uniform(0.1, 0.3) * (0.5 + 0.5 * tint)
    rows = np.arange(mask.shape[0], dtype=np.float32)[:, None]
    slope = np.clip((rows - y) / (0.2 * mask.shape[0]), -1, 1)[..., None]
    lens = glass * (1.0 + rng.uniform(0.0, 0.7) * slope)
    return np.asarray(lens * np.ones((*mask.shape, 3), np.float32), np.float32)


def _ground(rng: np.random.Generator, streets: list[Pixels], size: tuple[int, int]) -> Plane:
    street = streets[int(rng.integers(len(streets)))]
    height, width = street.shape[:2]
    tall = int(rng.integers(min(60, height - 1), height))
    wide = min(width, int(tall * size[1] / size[0]))
    top = int(rng.integers(0, max(1, (height - tall) // 2 + 1)))
    left = int(rng.integers(0, width - wide + 1))
    part = cv2.resize(street[top : top + tall, left : left + wide], size[::-1])
    return np.asarray(part, np.float32) / 255.0


def draw(rng: np.random.Generator, streets: list[Pixels], *, lamp: int | None) -> Head:
    """One head in a street; ``lamp`` 0 red, 1 yellow, 2 green, or None for a dark one."""
    kinds = _lamps(rng, lamp)
    pitch = TALL / max(2, len(kinds))
    wide = round(pitch * rng.uniform(0.95, 1.25))
    tall = round(pitch * len(kinds))
    size = (round(tall * 2.0), round(wide * 2.4))
    x, y = size[1] / 2 + rng.uniform(-3, 3), size[0] / 2 + rng.uniform(-3, 3)
    left, top = round(x - wide / 2), round(y - tall / 2)
    scene = _ground(rng, streets, size) * rng.uniform(0.5, 1.2)
    day = rng.uniform(0.25, 1.0)
    if rng.random() < 0.35:  # a backplate
        edge = round(rng.uniform(0.1, 0.3) * wide)
        scene[max(0, top - edge) : top + tall + edge, max(0, left - edge) : left + wide + edge] = (
            rng.uniform(0.02, 0.12) * day
        )
    housing = np.array(HOUSINGS[int(rng.integers(len(HOUSINGS)))], np.float32) / 255.0
    scene[top : top + tall, left : left + wide] = housing * day * rng.uniform(0.5, 1.1)
    radius = 0.5 * min(pitch, wide) * rng.uniform(0.72, 0.95)
    shines = np.zeros_like(scene)
    arrow = rng.random() < 0.25
    turn = float(rng.choice([-np.pi / 2, 0.0, np.pi]))
    led = rng.random() < 0.6
    for index, kind in enumerate(kinds):
        middle = top + pitch * (index + 0.5)
        disc = _disc(size, x, middle, radius)
        colour = LIGHT[kind][int(rng.integers(3))]
        glass = _unlit(rng, colour, disc, middle) * day
        if led:
            glass = glass * (0.8 + 0.4 * _dots(size, 4)[..., None])
        scene += disc[..., None] * (glass - scene)
        if rng.random() < 0.7:
            _visor(scene, rng, x=x, y=middle, radius=radius, shade=housing * day)
        if kind == lamp:
            shape = _arrow(size, x, middle, radius, turn) if arrow else disc
            shines = _shine(rng, shape, colour, led=led, day=day, radius=radius)
    whole = np.clip(scene + shines, 0, 1) * 255.0
    box = (float(left), float(top), float(left + wide), float(top + tall))
    state = OFF if lamp is None else lamp
    return Head(whole.astype(np.uint8), box, state, "drawn", validation=False)


def _lamps(rng: np.random.Generator, lamp: int | None) -> list[int]:
    """The colours of the lamps from the top: mostly three; two or one where ``lamp`` allows it."""
    roll = rng.random()
    if roll < 0.10 and lamp != 1:
        return [0, 2]
    if roll < 0.16:
        return [int(rng.integers(3)) if lamp is None else lamp]
    return [0, 1, 2]


def _visor(
    scene: Plane, rng: np.random.Generator, *, x: float, y: float, radius: float, shade: Plane
) -> None:
    centre = (round(x), round(y))
    axes = (round(radius * 1.08), round(radius * 1.12))
    colour = [float(part) for part in shade * rng.uniform(0.4, 0.9)]
    thick = max(1, round(radius * rng.uniform(0.1, 0.35)))
    cv2.ellipse(scene, centre, axes, 0, 180, 360, colour, thick, cv2.LINE_AA)


def _shine(
    rng: np.random.Generator,
    shape: Plane,
    colour: tuple[int, ...],
    *,
    led: bool,
    day: float,
    radius: float,
) -> Plane:
    """The lamp's own light: dots or bands, a white core where the sensor is full, a halo."""
    tint = np.array(colour, np.float32) / 255.0
    power = rng.uniform(0.45, 0.6) if rng.random() < 0.25 else rng.uniform(0.6, 1.6)
    light = shape
    if led and rng.random() < 0.7:
        light = light * _dots(light.shape, 4)
    if rng.random() < 0.25:
        light = light * _banded(rng, light.shape)
    soft = np.asarray(cv2.GaussianBlur(light, (0, 0), radius * 0.12), np.float32)
    halo = np.asarray(cv2.GaussianBlur(light, (0, 0), radius * rng.uniform(0.5, 1.2)), np.float32)
    spread = rng.uniform(0.0, 0.25) + (0.45 * rng.random() if day < 0.45 else 0.0)
    core = np.clip(power - 0.9, 0, 1) * soft[..., None]
    return np.asarray(power * tint * (soft + spread * halo)[..., None] + core, np.float32)


def draw_back(rng: np.random.Generator, streets: list[Pixels]) -> Head:
    """A head from behind or from the side: a box without lenses, its visors standing out."""
    tall, wide = TALL, round(TALL * rng.uniform(0.18, 0.42))
    size = (round(tall * 2.0), round(wide * 2.6) + 20)
    left = round((size[1] - wide) / 2 + rng.uniform(-3, 3))
    top = round((size[0] - tall) / 2 + rng.uniform(-3, 3))
    day = rng.uniform(0.25, 1.0)
    scene = _ground(rng, streets, size) * rng.uniform(0.5, 1.2)
    housing = np.array(HOUSINGS[int(rng.integers(len(HOUSINGS)))], np.float32) / 255.0
    shade = housing * day * rng.uniform(0.5, 1.2)
    if rng.random() < 0.35:
        edge = round(rng.uniform(0.1, 0.35) * wide)
        plate = scene[
            max(0, top - edge) : top + tall + edge, max(0, left - edge) : left + wide + edge
        ]
        plate[:] = rng.uniform(0.03, 0.8) * day
    slope = np.linspace(rng.uniform(0.7, 1.3), rng.uniform(0.7, 1.3), wide, dtype=np.float32)
    scene[top : top + tall, left : left + wide] = shade * slope[None, :, None]
    if rng.random() < 0.6:  # seams between the lamps, or ribs
        for row in np.linspace(top, top + tall, int(rng.integers(3, 9))).round().astype(int):
            cv2.line(scene, (left, int(row)), (left + wide, int(row)), _bgr(shade * 0.6), 1)
    if rng.random() < 0.6:
        _profile(scene, rng, left=left, top=top, wide=wide, shade=shade)
    whole = np.clip(scene, 0, 1) * 255.0
    box = (float(left), float(top), float(left + wide), float(top + tall))
    return Head(whole.astype(np.uint8), box, BACK, "drawn", validation=False)


def _bgr(shade: Plane) -> list[float]:
    return [float(part) for part in shade]


def _profile(
    scene: Plane, rng: np.random.Generator, *, left: int, top: int, wide: int, shade: Plane
) -> None:
    """Three visors seen from the side, to the left or to the right of the housing."""
    pitch, reach = TALL / 3, wide * rng.uniform(0.3, 0.9)
    side = left if rng.random() < 0.5 else left + wide
    way = -1 if side == left else 1
    for index in range(3):
        above = top + pitch * (index + rng.uniform(0.08, 0.15))
        below = above + pitch * rng.uniform(0.4, 0.75)
        corners = [(side, above), (side + way * reach, above + 0.1 * pitch), (side, below)]
        points = np.array(corners, np.float32).round().astype(np.int32)
        cv2.fillPoly(scene, [points], _bgr(shade * rng.uniform(0.6, 1.2)), cv2.LINE_AA)


def drawn(streets: list[Pixels], *, each: int, seed: int) -> list[Head]:
    """``each`` heads of every lamp, as many dark ones as lit ones, and ``each`` turned away."""
    rng = np.random.default_rng(seed)
    lit = [draw(rng, streets, lamp=lamp) for lamp in range(3) for _ in range(each)]
    dark = [draw(rng, streets, lamp=None) for _ in range(3 * each)]
    return [*lit, *dark, *(draw_back(rng, streets) for _ in range(each))]
