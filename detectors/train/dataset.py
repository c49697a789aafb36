"""Lays the pictures of ``street`` out as ultralytics reads them, under the ignored ``.train/``."""

import json
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from detectors import letterbox
from detectors.train import paste, sources
from detectors.train.sources import LIGHT, Label, Picture
from detectors.types import Pixels

LONG_SIDE = 640
SCENES = 320
SURE = 0.4
DOUBTFUL = 0.08
COCO_LIGHT = 9


def _unlabelled_heads(pictures: list[Picture], *, weights: Path) -> list[Picture]:
    """Adds the signal heads that the COCO detector is sure of; drops pictures where it doubts.

    The litter and background pictures were never labelled for traffic lights.
    """
    from ultralytics import YOLO

    model = YOLO(weights)
    kept = []
    for picture in pictures:
        if picture.source == "camvid_heads":
            kept.append(picture)
            continue
        boxes = model.predict(
            str(picture.path), imgsz=640, conf=DOUBTFUL, classes=[COCO_LIGHT], verbose=False
        )[0].boxes
        scores, where = boxes.conf.tolist(), boxes.xywhn.tolist()
        if any(score < SURE for score in scores) or (scores and picture.source == "camvid"):
            continue
        heads = tuple(Label(LIGHT, *box) for box in where)
        kept.append(replace(picture, labels=picture.labels + heads))
    return kept


def _rubbish(data: Path) -> list[Picture]:
    return [*sources.litter(data), *sources.amsterdam(data), *sources.backgrounds(data)]


def labelled(data: Path) -> list[Picture]:
    """Every picture of ``street`` with its side of the split, as people labelled it: signal heads
    only in ``cinta`` and ``camvid_heads``, litter everywhere but in ``cinta``."""
    return [*_rubbish(data), *map(sources.as_heads, sources.traffic_lights(data))]


def collect(data: Path, *, weights: Path) -> list[Picture]:
    """The pictures to train with: ``labelled``, and heads in the others where COCO saw them."""
    heads = map(sources.as_heads, sources.traffic_lights(data))
    return [*_unlabelled_heads(_rubbish(data), weights=weights), *heads]


def _write(pixels: Pixels, labels: Iterable[Label], folder: Path, name: str) -> None:
    pixels = letterbox.shrink(pixels, share=LONG_SIDE / max(pixels.shape[:2]))
    cv2.imwrite(str(folder / "images" / f"{name}.jpg"), pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])
    text = "".join(f"{label.line()}\n" for label in labels)
    (folder / "labels" / f"{name}.txt").write_text(text)


def _scenes(pictures: list[Picture], folder: Path, *, seed: int) -> int:
    """Pasted street scenes of the training side only."""
    rng = np.random.default_rng(seed)
    clean: list[Pixels] = []
    things: list[paste.Cutout] = []
    heads: list[paste.Cutout] = []
    for picture in pictures:
        pixels = paste.read(picture)
        if not picture.labels and picture.source != "cinta":
            clean.extend([pixels] * (4 if picture.source.startswith("ams") else 1))
        for label in [label for label in picture.labels if label.kind in (0, 1)][:3]:
            things.extend(thing for thing in [paste.cut(pixels, label)] if thing is not None)
        for label in [label for label in picture.labels if label.kind == LIGHT][:2]:
            heads.extend(head for head in [paste.head(pixels, label)] if head is not None)
    for number in range(SCENES):
        ground = clean[int(rng.integers(len(clean)))]
        made, labels = paste.scene(ground, things, heads, clean, rng)
        _write(made, labels, folder, f"scene_{number:04}")
    return SCENES


def copies(picture: Picture) -> int:
    """How often training sees a picture in an epoch.

    Amsterdam's streets are the only pictures like a street camera's, CamVid's heads the only ones
    of another country; of Malta's augmented copies
    and of ``cinta``'s frames one place has many, so every second one is enough.
    """
    if picture.validation:
        return 1
    if picture.source.startswith(("ams", "camvid_heads")):
        return 3
    if picture.source in ("malta", "cinta"):
        return zlib.crc32(picture.path.stem.encode()) % 2
    return 1


def build(pictures: list[Picture], folder: Path, *, seed: int) -> Path:
    """Writes pictures, labels and ``data.yaml``; the path of the latter."""
    counts: Counter[str] = Counter()
    for side in ("train", "val"):
        for kind in ("images", "labels"):
            (folder / side / kind).mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        side = "val" if picture.validation else "train"
        for copy in range(copies(picture)):
            pixels = paste.read(picture)
            _write(pixels, picture.labels, folder / side, f"{picture.path.stem}_{copy}")
        counts[f"{side} {picture.source}"] += copies(picture) > 0
    training = [picture for picture in pictures if not picture.validation]
    counts["train scene"] = _scenes(training, folder / "train", seed=seed)
    (folder / "counts.json").write_text(json.dumps(counts, indent=2))
    names = "\n".join(
        f"  {index}: {'traffic light' if index == LIGHT else name}"
        for index, name in enumerate(sources.STREET_CLASSES)
    )
    # Ultralytics keeps the COCO head's row for a class of the same name: so with the space here.
    text = f"path: {folder.resolve()}\ntrain: train/images\nval: val/images\nnames:\n{names}\n"
    (folder / "data.yaml").write_text(text)
    return folder / "data.yaml"
