"""Precision, recall and AP50 of the shipped detector, by source, through the product's own code."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.train.paste import read
from detectors.train.sources import STREET_CLASSES, Picture
from detectors.types import Detector, Finding
from detectors.yolo import overlap

IOU = 0.5
LOWEST = 0.01

Hit = tuple[float, bool]
"""Score, and whether it is a labelled thing."""


def match(
    findings: Sequence[Finding], truth: NDArray[np.float32], *, iou: float = IOU
) -> list[Hit]:
    """Each finding of one class and picture, best first; a label is matched once."""
    free = np.ones(len(truth), bool)
    hits: list[Hit] = []
    for finding in sorted(findings, key=lambda one: -one.score):
        over = (
            overlap(np.array(finding.box, np.float32), truth) * free if len(truth) else np.zeros(0)
        )
        best = int(over.argmax()) if len(over) else -1
        right = best >= 0 and bool(over[best] >= iou)
        if right:
            free[best] = False
        hits.append((finding.score, right))
    return hits


def area(
    right: NDArray[np.bool_], *, labels: float, times: NDArray[np.int64] | None = None
) -> float:
    """Area under precision over recall of findings ordered best first, precision made monotone
    (VOC 2010 and COCO, all points); ``times``: how often each finding counts."""
    if labels <= 0 or len(right) == 0:
        return 0.0
    often = np.ones(len(right)) if times is None else times
    hits = right * often
    said = np.cumsum(often)
    precision = np.cumsum(hits) / np.maximum(said, 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((envelope * hits).sum() / labels)


def average_precision(hits: Sequence[Hit], *, labels: int) -> float:
    """``area`` of findings in any order."""
    return area(
        np.array([ok for _, ok in sorted(hits, key=lambda hit: -hit[0])], bool), labels=labels
    )


def truth(picture: Picture, kind: int, width: int, height: int) -> NDArray[np.float32]:
    """The labelled boxes of a class in pixels, one x1, y1, x2, y2 a row."""
    boxes = [
        (
            (label.x - label.width / 2) * width,
            (label.y - label.height / 2) * height,
            (label.x + label.width / 2) * width,
            (label.y + label.height / 2) * height,
        )
        for label in picture.labels
        if label.kind == kind
    ]
    return np.array(boxes, np.float32).reshape(-1, 4)


def measure(detector: Detector, pictures: Sequence[Picture], *, min_score: float) -> dict[str, Any]:
    """``{"taco litter": {"pictures", "labels", "ap50", "precision", "recall", ...}}``.

    Precision and recall are at ``min_score``. Where a source has no label of a class the entry
    holds only its false findings. ``detector`` must answer from ``LOWEST`` on.
    """
    hits: dict[tuple[str, int], list[Hit]] = {}
    labels: dict[tuple[str, int], int] = {}
    alarmed: dict[tuple[str, int], int] = {}
    counts: dict[str, int] = {}
    for picture in pictures:
        pixels = read(picture)
        findings = detector(pixels)
        height, width = pixels.shape[:2]
        counts[picture.source] = counts.get(picture.source, 0) + 1
        for kind, name in enumerate(STREET_CLASSES):
            key = (picture.source, kind)
            there = truth(picture, kind, width, height)
            mine = match([one for one in findings if one.label == name], there)
            hits.setdefault(key, []).extend(mine)
            labels[key] = labels.get(key, 0) + len(there)
            wrong = any(score >= min_score and not ok for score, ok in mine)
            alarmed[key] = alarmed.get(key, 0) + wrong
    return {
        f"{source} {STREET_CLASSES[kind]}": _entry(
            hits[source, kind],
            labels=labels[source, kind],
            pictures=counts[source],
            alarmed=alarmed[source, kind],
            min_score=min_score,
        )
        for source, kind in sorted(hits)
        if labels[source, kind] or alarmed[source, kind]
    }


def _entry(
    hits: Sequence[Hit], *, labels: int, pictures: int, alarmed: int, min_score: float
) -> dict[str, Any]:
    said = [ok for score, ok in hits if score >= min_score]
    entry: dict[str, Any] = {
        "pictures": pictures,
        "labels": labels,
        "found": sum(said),
        "false": len(said) - sum(said),
        "pictures_with_false": alarmed,
    }
    if labels:
        entry["precision"] = round(sum(said) / len(said), 3) if said else None
        entry["recall"] = round(sum(said) / labels, 3)
        entry["ap50"] = round(average_precision(hits, labels=labels), 3)
    return entry
