"""Crops of signal heads for ``traffic_light``: real ones, dark ones made here, and things that
are no head at all."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from detectors.heads import OFF, STATES
from detectors.pictures import read_picture
from detectors.train import dark_heads, places, sources
from detectors.train.sources import Picture
from detectors.types import Box, Pixels

CONTEXT = 0.7
TALLEST = 160
BACK = STATES.index("back_or_side")
NONE = STATES.index("none")
UDACITY_ALIKE = 0.985
UNCLEAR = Path(__file__).with_name("unclear_heads.txt")
CAMVID_STATES = Path(__file__).with_name("camvid_states.txt")
LETTERS = {"r": STATES.index("red"), "g": STATES.index("green"), "b": BACK}


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A box with its surroundings cut out of a picture; ``kind`` indexes ``STATES``. Not ``clear``:
    the label says lit, and nobody can see a lamp."""

    pixels: Pixels
    box: Box
    kind: int
    source: str
    validation: bool
    clear: bool = True


def _cut(pixels: Pixels, box: Box) -> tuple[Pixels, Box]:
    x1, y1, x2, y2 = box
    grow_x, grow_y = max(x2 - x1, (y2 - y1) / 2) * CONTEXT, (y2 - y1) * CONTEXT
    left, top = max(0, int(x1 - grow_x)), max(0, int(y1 - grow_y))
    patch = np.ascontiguousarray(pixels[top : int(y2 + grow_y), left : int(x2 + grow_x)])
    share = min(1.0, TALLEST / (y2 - y1))
    if share < 1:
        patch = np.asarray(
            cv2.resize(patch, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        )
    return patch, tuple(
        (edge - side) * share for edge, side in zip(box, (left, top) * 2, strict=True)
    )  # type: ignore[return-value]


def _boxes(picture: Picture, pixels: Pixels) -> Iterator[tuple[int, Box]]:
    height, width = pixels.shape[:2]
    for label in picture.labels:
        half_w, half_h = label.width / 2, label.height / 2
        yield (
            label.kind,
            (
                max(0.0, (label.x - half_w) * width),
                max(0.0, (label.y - half_h) * height),
                min(float(width), (label.x + half_w) * width),
                min(float(height), (label.y + half_h) * height),
            ),
        )


def _edited(
    pixels: Pixels, box: Box, kind: int, edit: dark_heads.Edit, rng: np.random.Generator
) -> Pixels | None:
    x1, y1, x2, y2 = (round(edge) for edge in box)
    made = dark_heads.edit(pixels[y1:y2, x1:x2], kind, edit, rng)
    if made is None:
        return None
    whole = pixels.copy()
    whole[y1:y2, x1:x2] = made
    return whole


def labelled(pictures: list[Picture], *, seed: int) -> Iterator[Head]:
    """The heads of ``traffic_light/``, and of each lit one a dark one and its control."""
    rng = np.random.default_rng(seed)
    lines = UNCLEAR.read_text().splitlines()
    unclear = {name for line in lines if not line.startswith("#") for name in line.split()}
    for picture in pictures:
        pixels = read_picture(picture.path)
        number = picture.path.stem.split("_")[-1]
        for index, (kind, box) in enumerate(_boxes(picture, pixels)):
            if min(box[2] - box[0], box[3] - box[1]) < 5:
                continue
            clear = f"{number}.{index}" not in unclear
            yield Head(*_cut(pixels, box), kind, "cinta", picture.validation, clear)
            if kind == BACK:
                continue
            for edit, label in (("switched_off", OFF), ("control", kind)):
                made = _edited(pixels, box, kind, edit, rng)  # type: ignore[arg-type]
                if made is not None:
                    name = f"cinta_{edit}"
                    yield Head(*_cut(made, box), label, name, picture.validation)


def given_dark(data: Path, validation: set[str]) -> Iterator[Head]:
    """The dark heads of ``traffic_light_synthetic_off/``; each follows its original's side."""
    folder = data / "traffic_light_synthetic_off"
    for path in sorted((folder / "images").glob("*.jpg")):
        aside = path.stem.removeprefix("synth_") in validation
        labels = sources.read_labels(folder / "labels" / f"{path.stem}.txt")
        picture = Picture(path, "synthetic_off", aside, labels)
        pixels = read_picture(path)
        for kind, box in _boxes(picture, pixels):
            if kind == OFF:
                yield Head(*_cut(pixels, box), kind, "synthetic_off", aside)


def udacity(data: Path) -> Iterator[Head]:
    """Very small heads, all lit; look-alikes on one side (the drives are not recorded)."""
    heads = []
    for kind, state in enumerate(STATES[:3]):
        for path in sorted((data / "traffic_light_crops" / state).glob("*.jpg")):
            pixels = read_picture(path)
            height, width = pixels.shape[:2]
            box = (width * 0.12, height * 0.06, width * 0.88, height * 0.94)
            heads.append(Head(pixels, box, kind, "udacity", validation=False))
    thumbs = np.stack([cv2.resize(head.pixels, (12, 24)).ravel() for head in heads])
    table = thumbs.astype(np.float32)
    aside = places.validation_rows(places.cluster(table - table.mean(axis=0), alike=UDACITY_ALIKE))
    for head, side in zip(heads, aside, strict=True):
        yield replace(head, validation=bool(side))


def camvid(pictures: Iterable[Picture]) -> Iterator[Head]:
    """The heads of another country, of those pictures in which their states were looked at."""
    lines = CAMVID_STATES.read_text().splitlines()
    states = dict(line.split() for line in lines if not line.startswith("#"))
    for picture in pictures:
        if picture.source != "camvid_heads" or picture.path.stem not in states:
            continue
        pixels = read_picture(picture.path)
        boxes = [box for _, box in _boxes(picture, pixels)]
        for letter, box in zip(states[picture.path.stem], boxes, strict=True):
            if letter in LETTERS:
                yield Head(*_cut(pixels, box), LETTERS[letter], "camvid", picture.validation)


def no_heads(pictures: list[Picture], *, each: int, seed: int) -> Iterator[Head]:
    """Upright boxes anywhere that touch no labelled head: what a turned camera would see."""
    rng = np.random.default_rng(seed)
    for picture in pictures:
        pixels = read_picture(picture.path)
        height, width = pixels.shape[:2]
        heads = [box for _, box in _boxes(picture, pixels)]
        for _ in range(each):
            h = int(rng.integers(14, max(15, height // 3)))
            w = max(6, int(h * rng.uniform(0.3, 0.7)))
            x, y = int(rng.integers(0, width - w)), int(rng.integers(0, height - h))
            if not any(x < b[2] and x + w > b[0] and y < b[3] and y + h > b[1] for b in heads):
                box = (float(x), float(y), float(x + w), float(y + h))
                yield Head(*_cut(pixels, box), NONE, "no_head", picture.validation)
