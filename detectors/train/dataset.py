"""Lays the pictures of ``street`` out as ultralytics reads them, under the ignored ``.train/``."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from detectors import letterbox
from detectors.train import paste, places, sources
from detectors.train.sources import LIGHT, Label, Picture
from detectors.types import Pixels

LONG_SIDE = 640
SCENES = 260
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
        boxes = model.predict(
            str(picture.path), imgsz=640, conf=DOUBTFUL, classes=[COCO_LIGHT], verbose=False
        )[0].boxes
        scores, where = boxes.conf.tolist(), boxes.xywhn.tolist()
        if any(score < SURE for score in scores) or (scores and picture.source == "camvid"):
            continue
        heads = tuple(Label(LIGHT, *box) for box in where)
        kept.append(replace(picture, labels=picture.labels + heads))
    return kept


def collect(data: Path, *, weights: Path) -> list[Picture]:
    """Every picture of ``street`` with its side of the split."""
    rubbish = [*sources.litter(data), *sources.backgrounds(data)]
    lights = list(sources.traffic_lights(data))
    table = places.features([light.path for light in lights], weights=weights)
    aside = places.validation_rows(places.cluster(table))
    heads = [
        sources.as_heads(replace(light, validation=bool(side)))
        for light, side in zip(lights, aside, strict=True)
    ]
    return _unlabelled_heads(rubbish, weights=weights) + heads


def _write(pixels: Pixels, labels: Iterable[Label], folder: Path, name: str) -> None:
    pixels = letterbox.shrink(pixels, share=LONG_SIDE / max(pixels.shape[:2]))
    cv2.imwrite(str(folder / "images" / f"{name}.jpg"), pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])
    text = "".join(f"{label.line()}\n" for label in labels)
    (folder / "labels" / f"{name}.txt").write_text(text)


def _scenes(pictures: list[Picture], folder: Path, *, seed: int) -> int:
    """Pasted street scenes of the training side only."""
    rng = np.random.default_rng(seed)
    clean = [
        pixels
        for picture in pictures
        if picture.source in ("ams_clean", "camvid", "normalroad") and not picture.labels
        for pixels in [paste.read(picture)] * (6 if picture.source == "ams_clean" else 1)
    ]
    things: list[paste.Cutout] = []
    for picture in pictures:
        pixels = paste.read(picture)
        small = [label for label in picture.labels if label.kind in (0, 1)]
        cutouts = (paste.cut(pixels, label) for label in small[:3])
        things.extend(thing for thing in cutouts if thing is not None)
    for number in range(SCENES):
        ground = clean[int(rng.integers(len(clean)))]
        made, labels = paste.scene(ground, things, clean, rng)
        _write(made, labels, folder, f"scene_{number:04}")
    return SCENES


def build(pictures: list[Picture], folder: Path, *, seed: int) -> Path:
    """Writes pictures, labels and ``data.yaml``; the path of the latter.

    Malta's two copies of a photo count double already; Amsterdam, the only pictures like a street
    camera's, are written three times.
    """
    counts: Counter[str] = Counter()
    for side in ("train", "val"):
        for kind in ("images", "labels"):
            (folder / side / kind).mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        side = "val" if picture.validation else "train"
        copies = 3 if picture.source.startswith("ams") and not picture.validation else 1
        pixels = paste.read(picture)
        for copy in range(copies):
            _write(pixels, picture.labels, folder / side, f"{picture.path.stem}_{copy}")
        counts[f"{side} {picture.source}"] += 1
    training = [
        picture for picture in pictures if not picture.validation and picture.source != "cinta"
    ]
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
