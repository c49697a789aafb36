"""Runs YOLO detectors exported to ONNX: heads that need NMS (v8, 11) and end-to-end ones (v10, 26).

Output forms as ultralytics exports them: ``[n, 4 + classes, anchors]`` with centre, size and one
score a class, or ``[n, detections, 6]`` with corners, score and class; pixels of the input.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from threading import local

import numpy as np
from numpy.typing import NDArray

from detectors import letterbox, onnx
from detectors.types import Box, Finding, Pixels

STRIDE = 32
DEFAULT_SIDE = 640
MOST = 300
"""Findings of one picture at most, the best ones."""

Rows = NDArray[np.float32]
"""One detection a row: x1, y1, x2, y2 in pixels, score, class."""


def overlap(box: Rows, others: Rows) -> NDArray[np.float32]:
    """Intersection over union of one box with each of the others (x1, y1, x2, y2, ...)."""
    width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    union = (box[2] - box[0]) * (box[3] - box[1]) + areas - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float32)


def suppress(rows: Rows, *, iou: float) -> Rows:
    """Greedy non-maximum suppression within each class; best first, ``MOST`` at most."""
    waiting = rows[np.argsort(-rows[:, 4], kind="stable")]
    kept: list[Rows] = []
    while len(waiting) and len(kept) < MOST:
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        same = waiting[:, 5] == best[5]
        waiting = waiting[~(same & (overlap(best, waiting) > iou))]
    return np.stack(kept) if kept else np.empty((0, 6), np.float32)


def decode(output: NDArray[np.float32], *, classes: int, min_score: float, iou: float) -> Rows:
    """Detections of one picture out of one entry of the network's output; best first.

    Raises ValueError where the output has neither form.
    """
    if output.ndim == 2 and output.shape[0] == 4 + classes:
        scores = output[4:]
        kinds = scores.argmax(axis=0)
        best = scores[kinds, np.arange(scores.shape[1])]
        found = best >= min_score
        x, y, width, height = output[:4, found]
        corners = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        rows = np.stack([*corners, best[found], kinds[found].astype(np.float32)], axis=1)
        return suppress(_finite(rows.astype(np.float32)), iou=iou)
    if output.ndim == 2 and output.shape[1] == 6:
        rows = _finite(output[output[:, 4] >= min_score])
        return rows[np.argsort(-rows[:, 4], kind="stable")][:MOST]
    raise ValueError(_no_head(list(output.shape), classes=classes))


def head_fault(shape: Sequence[int | str | None], *, classes: int) -> str | None:
    """What is wrong with an output as a file declares it, batch first; an axis that is left open
    (a name, or None) may be anything."""
    one = list(shape[1:])
    open_axis = [not isinstance(size, int) for size in one]
    if len(one) == 2 and (open_axis[0] or open_axis[1] or one[0] == 4 + classes or one[1] == 6):
        return None
    return _no_head(one, classes=classes)


def _no_head(shape: Sequence[int | str | None], *, classes: int) -> str:
    return (
        f"output of shape {list(shape)} a picture is no YOLO head of {classes} classes: "
        f"wanted [{4 + classes}, anchors] or [detections, 6]"
    )


def _finite(rows: Rows) -> Rows:
    return rows[np.isfinite(rows).all(axis=1)]


_ROOMS = local()


def _room(pictures: int, height: int, width: int) -> NDArray[np.float32]:
    """Where this thread lays out what a network is to see: one place, used over and over."""
    needed = pictures * 3 * height * width
    room: NDArray[np.float32] | None = getattr(_ROOMS, "room", None)
    if room is None or room.size < needed:
        room = _ROOMS.room = np.zeros(needed, np.float32)
    return room[:needed].reshape(pictures, 3, height, width)


class Yolo:
    """A detector; the file is loaded at the first call and shared by all of this process.

    ``labels``: keep findings of these classes only.
    """

    def __init__(
        self,
        path: Path,
        *,
        min_score: float = 0.25,
        iou: float = 0.6,
        labels: Collection[str] | None = None,
    ) -> None:
        self._path = path
        self._min_score = min_score
        self._iou = iou
        self._labels = None if labels is None else frozenset(labels)

    def __call__(self, pixels: Pixels) -> list[Finding]:
        """Findings in one picture (uint8, BGR or grey), best first."""
        return self.batch([pixels])[0]

    def batch(self, pictures: Sequence[Pixels]) -> list[list[Finding]]:
        """Findings a picture, in order. Pictures of one input size share calls of the network.

        Raises ValueError for an empty picture, ``ModelError`` for a file that is no YOLO model.
        """
        model = onnx.shared(self._path)
        coloured = [letterbox.as_colour(pixels) for pixels in pictures]
        boxes = [self._fit(pixels, model) for pixels in coloured]
        found: list[list[Finding]] = [[] for _ in pictures]
        for outer in sorted({box.outer for box in boxes}):
            group = [index for index, box in enumerate(boxes) if box.outer == outer]
            fixed = model.input_shape[0]
            step = fixed or model.most_at_once
            for start in range(0, len(group), step):
                part = group[start : start + step]
                inputs = _room(fixed or len(part), *outer)
                for planes, index in zip(inputs, part, strict=False):
                    boxes[index].fill(coloured[index], into=planes)
                for index, output in zip(part, model.run(inputs)[0], strict=False):
                    found[index] = self._findings(output, boxes[index], model)
        return found

    def _fit(self, pixels: Pixels, model: onnx.Model) -> letterbox.Letterbox:
        height, width = model.input_shape[2:]
        if height is not None and width is not None:
            return letterbox.fit(pixels, side=(height, width))
        return letterbox.fit(pixels, side=DEFAULT_SIDE, stride=STRIDE)

    def _findings(
        self, output: NDArray[np.float32], box: letterbox.Letterbox, model: onnx.Model
    ) -> list[Finding]:
        names = model.names()
        try:
            rows = decode(output, classes=len(names), min_score=self._min_score, iou=self._iou)
        except ValueError as error:
            message = f"{model.path}: {error}"
            raise onnx.ModelError(message) from error
        findings = []
        for row, corners in zip(rows, box.undo(rows[:, :4]), strict=True):
            if not (corners[0] < corners[2] and corners[1] < corners[3]):
                continue  # in the margin around the picture, or no numbers
            if not 0 <= row[5] < len(names):
                message = f"{model.path}: found class {row[5]:g}, and it names {len(names)} classes"
                raise onnx.ModelError(message)
            label = names[int(row[5])]
            if self._labels is None or label in self._labels:
                where: Box = tuple(float(edge) for edge in corners)  # type: ignore[assignment]
                findings.append(Finding(label, float(row[4]), where))
        return findings
