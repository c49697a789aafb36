"""Dark signal heads, made out of lit ones: no photograph of a really failed signal was found.

The lit lens is covered by an unlit lens of the same head. The same edit is also made on heads that
stay lit (an unlit lens covers the other unlit one): so the traces of the edit, the seam and the
repeated lens, say nothing about the label.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.types import Pixels

LENSES = 3
Edit = Literal["switched_off", "control"]


@dataclass(frozen=True, slots=True)
class Lens:
    """Where a lens lies in the picture of an upright head, in pixels."""

    x: int
    y: int
    size: int


def lenses(head: Pixels) -> tuple[Lens, ...]:
    """The three lenses of an upright head whose picture is cut at its housing."""
    height, width = head.shape[:2]
    pitch = height / LENSES
    size = int(min(pitch, width * 1.05))
    return tuple(Lens(width // 2, int(pitch * (index + 0.5)), size) for index in range(LENSES))


def glow(head: Pixels) -> NDArray[np.float32]:
    """How much each lens shines: brightness times colour of its brightest tenth, 0..1."""
    hsv = cv2.cvtColor(head, cv2.COLOR_BGR2HSV).astype(np.float32) / 255.0
    height = head.shape[0]
    rows = [
        hsv[height * index // LENSES : height * (index + 1) // LENSES].reshape(-1, 3)
        for index in range(LENSES)
    ]
    return np.array(
        [
            np.sort(part[:, 2] * (0.3 + part[:, 1]))[-max(1, len(part) // 10) :].mean()
            for part in rows
        ],
        np.float32,
    )


def _cover(head: Pixels, *, target: Lens, with_lens: Lens, rng: np.random.Generator) -> Pixels:
    height, width = head.shape[:2]
    reach = int(target.size * rng.uniform(0.52, 0.62))
    ys = np.clip(
        np.arange(target.y - reach, target.y + reach) - target.y + with_lens.y, 0, height - 1
    )
    xs = np.clip(np.arange(target.x - reach, target.x + reach), 0, width - 1)
    patch = head[np.ix_(ys, xs)].astype(np.float32)
    if rng.random() < 0.5:
        patch = patch[:, ::-1]
    patch *= rng.uniform(0.85, 1.15)
    mask = np.zeros(patch.shape[:2], np.float32)
    cv2.circle(mask, (reach, reach), int(reach * 0.92), 1.0, -1)
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.6, reach / 9)), np.float32)
    top, left = target.y - reach, target.x - reach
    out = head.astype(np.float32)
    y1, y2, x1, x2 = (
        max(0, top),
        min(height, top + 2 * reach),
        max(0, left),
        min(width, left + 2 * reach),
    )
    part = (slice(y1 - top, y2 - top), slice(x1 - left, x2 - left))
    out[y1:y2, x1:x2] += mask[part][..., None] * (patch[part] - out[y1:y2, x1:x2])
    return np.clip(out, 0, 255).astype(np.uint8)


def _put_out(head: Pixels, *, lit: int, target: Lens, like: Lens) -> Pixels:
    """Takes from around ``target`` what has more of the lamp's colour, or more light, than there is
    around ``like``: a rim of the lamp that the cover left, its glow on visor and housing."""
    out = head.astype(np.float32)
    near, far = (_reach(head, lens) for lens in (target, like))
    tint, dull = _tint(out, lit), far > 0.5
    limit = max(0.0, float(np.percentile(tint[dull], 90))) + 4
    grey = out.mean(axis=2, keepdims=True)
    made = grey + (out - grey) * np.minimum(1.0, limit / np.maximum(tint, 1))[..., None]
    most = float(np.percentile(out.max(axis=2)[dull], 95)) + 4
    made *= np.minimum(1.0, most / (made.max(axis=2) + 1e-3))[..., None]
    return np.asarray(np.clip(out + near[..., None] * (made - out), 0, 255), np.uint8)


def _tint(head: NDArray[np.float32], lit: int) -> NDArray[np.float32]:
    """How much more of the lamp's colour there is than of its opposite, in levels."""
    blue, green, red = head[..., 0], head[..., 1], head[..., 2]
    planes = (red - (green + blue) / 2, (red + green) / 2 - blue, green - red)
    return np.asarray(planes[lit], np.float32)


def _reach(head: Pixels, lens: Lens) -> NDArray[np.float32]:
    """1 on a lens and near it, 0 from its neighbour's middle on."""
    rows, columns = np.mgrid[0 : head.shape[0], 0 : head.shape[1]].astype(np.float32)
    pitch = head.shape[0] / LENSES
    across = np.abs(columns - lens.x) / max(pitch, head.shape[1] / 2)
    down = np.abs(rows - lens.y) / pitch
    far = np.maximum(down, across * 0.6)
    return np.asarray(np.clip((0.85 - far) / 0.2, 0, 1), np.float32)


def _finish(head: Pixels, rng: np.random.Generator) -> Pixels:
    """Takes off what the lamp threw on its housing; on controls too, so that it tells nothing."""
    out = head.astype(np.float32)
    grey = out.mean(axis=2, keepdims=True)
    out = grey + (out - grey) * rng.uniform(0.45, 1.0)
    sigma = rng.uniform(0.0, 0.7)
    if sigma > 0.25:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), sigma), np.float32)
    return np.asarray(np.clip(out * rng.uniform(0.85, 1.1), 0, 255), np.uint8)


def edit(head: Pixels, lit: int, kind: Edit, rng: np.random.Generator) -> Pixels | None:
    """The head with lamp ``lit`` (0 top to 2 bottom) switched off, or its control, still lit.

    None where the head is too small, or where the lamp that shines most is not ``lit`` (a wrong or
    turned label): then nobody knows what the edit would cover.
    """
    if min(head.shape[:2]) < 10 or head.shape[0] < 1.6 * head.shape[1]:
        return None
    before = glow(head)
    others = [index for index in range(LENSES) if index != lit]
    if before.argmax() != lit or before[lit] < 1.25 * before[others].max():
        return None
    places = lenses(head)
    source, free = (others[int(side)] for side in rng.permutation(2))
    target = places[lit] if kind == "switched_off" else places[free]
    made = _cover(head, target=target, with_lens=places[source], rng=rng)
    if kind == "switched_off":
        if glow(made)[lit] > 1.15 * before[others].max():
            return None
        made = _put_out(made, lit=lit, target=target, like=places[source])
    return _finish(made, rng)
