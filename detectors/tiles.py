"""Looks at a large picture whole and in overlapping tiles: far things keep their pixels."""

from collections.abc import Iterator

import numpy as np

from detectors.types import Box, Finding, Pixels
from detectors.yolo import Yolo, suppress

SHARED = 0.2
"""Of a tile's side, at least: what neighbours both see."""
EDGE = 2.0
SAME = 0.5


def corners(length: int, *, tile: int) -> list[int]:
    """Where the tiles of one axis begin: evenly spread, the last one ends with the picture."""
    if length <= tile:
        return [0]
    count = -(-(length - tile) // int(tile * (1 - SHARED))) + 1
    return [round(step * (length - tile) / (count - 1)) for step in range(count)]


def tiles(pixels: Pixels, *, tile: int) -> Iterator[tuple[int, int, Pixels]]:
    """x, y and pixels of each tile; none where the picture is hardly larger than one."""
    height, width = pixels.shape[:2]
    if max(height, width) <= tile * (1 + SHARED):
        return
    for y in corners(height, tile=tile):
        for x in corners(width, tile=tile):
            yield x, y, pixels[y : y + tile, x : x + tile]


class Tiled:
    """A detector: ``yolo`` on the whole picture and on tiles of ``tile`` pixels, as one answer.

    It costs one look a tile more. What a tile's inner edge cuts is left to the neighbour, which
    sees it whole, or to the whole picture where it is larger than what neighbours share.
    """

    def __init__(self, yolo: Yolo, *, tile: int) -> None:
        self._yolo = yolo
        self._tile = tile

    def __call__(self, pixels: Pixels) -> list[Finding]:
        """Findings of one picture, best first."""
        height, width = pixels.shape[:2]
        cut = list(tiles(pixels, tile=self._tile))
        whole, *parts = self._yolo.batch([pixels, *(part for _, _, part in cut)])
        for (x, y, part), findings in zip(cut, parts, strict=True):
            end_x, end_y = part.shape[1] - EDGE, part.shape[0] - EDGE
            for one in findings:
                x1, y1, x2, y2 = one.box
                cut_left_or_top = (x1 < EDGE and x > 0) or (y1 < EDGE and y > 0)
                cut_right = x2 > end_x and x + part.shape[1] < width
                cut_bottom = y2 > end_y and y + part.shape[0] < height
                if not (cut_left_or_top or cut_right or cut_bottom):
                    whole.append(Finding(one.label, one.score, (x1 + x, y1 + y, x2 + x, y2 + y)))
        return _once(whole)


def _once(findings: list[Finding]) -> list[Finding]:
    """Each thing once, by its best score."""
    if not findings:
        return []
    labels = sorted({one.label for one in findings})
    rows = [[*one.box, one.score, labels.index(one.label)] for one in findings]
    kept = suppress(np.array(rows, np.float32), iou=SAME)
    made = []
    for row in kept:
        box: Box = tuple(float(edge) for edge in row[:4])  # type: ignore[assignment]
        made.append(Finding(labels[int(row[5])], float(row[4]), box))
    return made
