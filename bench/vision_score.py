"""Findings against labels, picture by picture: what the figures of `bench.vision` are made of."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.intervals import Figure, bootstrap, wilson
from detectors.train.figures import area, match, truth
from detectors.train.sources import STREET_CLASSES, Picture
from detectors.types import Finding

LITTER = ("litter", "garbage_bag", "dumped_waste")


@dataclass(frozen=True, slots=True)
class Looked:
    """One picture, its size in pixels, and what a detector found in it."""

    picture: Picture
    height: int
    width: int
    findings: tuple[Finding, ...]

    def truth(self, classes: Collection[str]) -> NDArray[np.float32]:
        boxes = [
            truth(self.picture, STREET_CLASSES.index(name), self.width, self.height)
            for name in STREET_CLASSES
            if name in classes
        ]
        return np.concatenate(boxes)

    def said(self, classes: Collection[str], *, min_score: float) -> list[Finding]:
        return [one for one in self.findings if one.label in classes and one.score >= min_score]


def average_precision(
    looked: Sequence[Looked], *, classes: Collection[str], iou: float, draws: int
) -> Figure:
    """AP of ``classes`` taken as one, with its interval over pictures."""
    scores: list[float] = []
    right: list[bool] = []
    where: list[int] = []
    labels = np.zeros(len(looked), np.int64)
    for index, one in enumerate(looked):
        boxes = one.truth(classes)
        labels[index] = len(boxes)
        for score, ok in match(one.said(classes, min_score=0.0), boxes, iou=iou):
            scores.append(score)
            right.append(ok)
            where.append(index)
    order = np.argsort(-np.array(scores), kind="stable")
    ok_sorted, where_sorted = np.array(right, bool)[order], np.array(where, np.int64)[order]

    def figure(times: NDArray[np.int64]) -> float:
        return area(ok_sorted, labels=float((labels * times).sum()), times=times[where_sorted])

    return bootstrap(
        figure, pictures=len(looked), draws=draws, of=int(labels.sum()), what="labelled things"
    )


def found(
    looked: Iterable[Looked], *, classes: Collection[str], min_score: float, iou: float
) -> Figure:
    """The share of labelled things that a finding of at least ``min_score`` covers by ``iou``."""
    hits = labels = 0
    for one in looked:
        boxes = one.truth(classes)
        labels += len(boxes)
        said = one.said(classes, min_score=min_score)
        hits += sum(ok for _, ok in match(said, boxes, iou=iou))
    return wilson(hits, of=labels, what="labelled things")


def false_boxes(
    looked: Sequence[Looked], *, classes: Collection[str], min_score: float, draws: int
) -> Figure:
    """Findings a picture, on pictures where there is nothing to find."""
    counts = np.array([len(one.said(classes, min_score=min_score)) for one in looked])

    def figure(times: NDArray[np.int64]) -> float:
        return float((counts * times).sum() / max(times.sum(), 1))

    return bootstrap(
        figure, pictures=len(looked), draws=draws, of=len(looked), what="background pictures"
    )


def disturbed(looked: Sequence[Looked], *, classes: Collection[str], min_score: float) -> Figure:
    """The share of background pictures with at least one finding."""
    hits = sum(bool(one.said(classes, min_score=min_score)) for one in looked)
    return wilson(hits, of=len(looked), what="background pictures")
