"""Street scenes made here: litter as small as a fixed camera sees it, pasted on clean ground.

Every scene also gets control patches, cut and blended in the same way out of pictures without
litter and left unlabelled: else the network learns to see the edge of a paste, not litter.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors import letterbox
from detectors.pictures import read_picture
from detectors.train.sources import LIGHT, Label, Picture
from detectors.types import Pixels

LONG_SIDE = 960
HORIZON = 0.42
"""Where the ground ends, as a share of the height, in a picture taken at eye or lamp height."""
SIZES = {0: (14.0, 80.0), 1: (45.0, 190.0), LIGHT: (9.0, 70.0)}
"""Least and greatest length in pixels, by class, nearest to the camera."""


@dataclass(frozen=True, slots=True)
class Cutout:
    """A thing and its soft outline (0..1), both of one size."""

    pixels: Pixels
    alpha: NDArray[np.float32]
    kind: int


def read(picture: Picture) -> Pixels:
    """The picture, at most ``LONG_SIDE`` long."""
    pixels = read_picture(picture.path)
    return letterbox.shrink(pixels, share=LONG_SIDE / max(pixels.shape[:2]))


def _ellipse(height: int, width: int) -> NDArray[np.float32]:
    mask = np.zeros((height, width), np.float32)
    cv2.ellipse(
        mask, (width // 2, height // 2), (width * 45 // 100, height * 45 // 100), 0, 0, 360, 1.0, -1
    )
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(1.0, min(height, width) / 16)), np.float32)


def cut(pixels: Pixels, label: Label) -> Cutout | None:
    """The thing in the box without its ground (GrabCut); None where the box is too small."""
    height, width = pixels.shape[:2]
    w, h = label.width * width, label.height * height
    if min(w, h) < 24 or w * h > 0.6 * width * height:
        return None
    x1, y1 = max(0, int((label.x * width) - w * 0.65)), max(0, int((label.y * height) - h * 0.65))
    x2, y2 = min(width, int(x1 + w * 1.3)), min(height, int(y1 + h * 1.3))
    patch = np.ascontiguousarray(pixels[y1:y2, x1:x2])
    share = min(1.0, 160 / max(patch.shape[:2]))
    patch = np.asarray(cv2.resize(patch, None, fx=share, fy=share, interpolation=cv2.INTER_AREA))
    ph, pw = patch.shape[:2]
    if min(ph, pw) < 12:
        return None
    inner = (int(pw * 0.11), int(ph * 0.11), int(pw * 0.78), int(ph * 0.78))
    mask = np.zeros((ph, pw), np.uint8)
    cv2.grabCut(patch, mask, inner, np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_RECT)
    thing = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    if not 0.2 < thing.mean() < 0.62:
        return None
    rows, columns = np.flatnonzero(thing.any(axis=1)), np.flatnonzero(thing.any(axis=0))
    thing = np.asarray(cv2.GaussianBlur(thing, (0, 0), 0.8), np.float32)
    y1, y2, x1, x2 = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    return Cutout(patch[y1:y2, x1:x2], thing[y1:y2, x1:x2], label.kind)


def head(pixels: Pixels, label: Label) -> Cutout | None:
    """A signal head, which fills its upright box; None where it is too small to be worth it."""
    height, width = pixels.shape[:2]
    x1, x2 = ((label.x + side * label.width / 2) * width for side in (-1, 1))
    y1, y2 = ((label.y + side * label.height / 2) * height for side in (-1, 1))
    patch = pixels[max(0, round(y1)) : round(y2), max(0, round(x1)) : round(x2)]
    if patch.shape[0] < 40 or not 1.8 < patch.shape[0] / max(patch.shape[1], 1) < 4.5:
        return None
    return Cutout(patch.copy(), np.ones(patch.shape[:2], np.float32), LIGHT)


def control(pixels: Pixels, rng: np.random.Generator) -> Cutout:
    """Any piece of ground of a clean picture, with the same soft edge."""
    height, width = pixels.shape[:2]
    h, w = int(rng.integers(24, 100)), int(rng.integers(24, 100))
    y, x = int(rng.integers(height // 3, height - h)), int(rng.integers(0, width - w))
    return Cutout(pixels[y : y + h, x : x + w], _ellipse(h, w), -1)


def put(
    scene: Pixels,
    thing: Cutout,
    rng: np.random.Generator,
    *,
    low: float,
    high: float,
    taken: Sequence[Label] = (),
) -> Label | None:
    """Blend ``thing`` into ``scene`` in place; where it now is.

    Things on the ground are ``low`` to ``high`` pixels long at the lower edge and shrink towards
    the horizon; a signal head hangs above it, ``low`` to ``high`` pixels high wherever it hangs.
    None, and nothing drawn, where it does not fit or would lie on something that is ``taken``.
    """
    height, width = scene.shape[:2]
    long = np.exp(rng.uniform(np.log(low), np.log(high)))
    above = thing.kind == LIGHT
    depth = rng.uniform(0.15, 1.0)
    share = long * (1.0 if above else depth) / max(thing.pixels.shape[:2])
    patch = np.asarray(
        cv2.resize(thing.pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    )
    alpha = np.asarray(cv2.resize(thing.alpha, patch.shape[1::-1], interpolation=cv2.INTER_AREA))
    if rng.random() < 0.5:
        patch, alpha = patch[:, ::-1], alpha[:, ::-1]
    h, w = patch.shape[:2]
    if min(h, w) < 4 or h >= height // 3 or w >= width // 2:
        return None
    x = int(rng.integers(0, width - w))
    if above:
        y = int(rng.integers(int(height * 0.02), int(height * 0.55)))
    else:
        y = min(int(height * (HORIZON + depth * (1 - HORIZON))), height) - h
    label = Label(thing.kind, (x + w / 2) / width, (y + h / 2) / height, w / width, h / height)
    if any(_touch(label, old) for old in taken):
        return None
    ground = scene[y : y + h, x : x + w].astype(np.float32)
    light = np.clip((ground.mean() + 20) / (patch.mean() + 20), 0.5, 1.4) ** 0.6
    mixed = ground + alpha[..., None] * (np.clip(patch * light, 0, 255) - ground)
    scene[y : y + h, x : x + w] = mixed.astype(np.uint8)
    return label


def scene(
    ground: Pixels,
    things: Sequence[Cutout],
    heads: Sequence[Cutout],
    clean: Sequence[Pixels],
    rng: np.random.Generator,
) -> tuple[Pixels, tuple[Label, ...]]:
    """One picture: ``ground`` with up to six things, three heads and control patches among both."""
    made = ground.copy()
    for _ in range(int(rng.integers(1, 4))):
        put(made, control(clean[int(rng.integers(len(clean)))], rng), rng, low=20, high=140)
    for _ in range(int(rng.integers(0, 3))):
        patch = control(clean[int(rng.integers(len(clean)))], rng)
        upright = patch.pixels[:, : max(8, patch.pixels.shape[0] * 2 // 5)]
        like_head = Cutout(upright, np.ones(upright.shape[:2], np.float32), LIGHT)
        put(made, like_head, rng, low=9, high=70)
    labels: list[Label] = []
    for choice, most in ((things, 7), (heads, 4)):
        for _ in range(int(rng.integers(0, most)) if choice else 0):
            thing = choice[int(rng.integers(len(choice)))]
            low, high = SIZES[thing.kind]
            label = put(made, thing, rng, low=low, high=high, taken=labels)
            if label is not None:
                labels.append(label)
    return made, tuple(labels)


def _touch(one: Label, other: Label) -> bool:
    return (
        abs(one.x - other.x) < (one.width + other.width) / 2
        and abs(one.y - other.y) < (one.height + other.height) / 2
    )
