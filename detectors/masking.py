"""People and number plates are covered before a picture is kept or sent.

What is covered is filled with one colour: nothing of it is left to be made out, blurred or not.
There is no network for plates here: the lower part of every vehicle is covered, where they are.
"""

import math
from collections.abc import Sequence
from typing import Final, Protocol

from citypatrol.clock import Ts
from detectors import letterbox
from detectors.tiles import tiles
from detectors.types import Box, Finding, Hidden, Paint, Pixels, UnmaskedError

MIN_SCORE: Final = 0.07
"""For people. Low: a bin that is covered too costs little, a face that is not does."""
VEHICLE_MIN_SCORE: Final = 0.3
"""A plate that can be read is on a vehicle near enough to be sure of; below this, containers and
heaps of waste are taken for vehicles, and the picture would hide what it is kept for."""
CUT_MIN_SCORE: Final = 0.04
CUT_VEHICLE_MIN_SCORE: Final = 0.1
"""The same for what the picture's edge cuts: a network is never sure of half a car, or of legs."""
AT_THE_EDGE: Final = 2.0
"""Pixels."""
MARGIN: Final = 0.12
"""Of a box's sides, all around: networks draw boxes tight."""
LEAST_MARGIN: Final = 3
"""Pixels."""
PLATES_BELOW: Final = 0.35
"""Of a vehicle's height, from its top: its plate is below that. Vans carry it high on the door."""
PERSON: Final = "person"
PEOPLE: Final = (PERSON, "bicycle", "motorcycle")
"""Who rides is often a part of the box, and not found apart."""
VEHICLES: Final = ("car", "bus", "truck", "motorcycle")
TILE: Final = 640
FILL: Final = (96, 96, 96)

Region = tuple[int, int, int, int]
"""x1, y1, x2, y2 in whole pixels, inside the picture, the second corner not in it."""


class Finder(Protocol):
    """What is asked of ``detectors.yolo.Yolo``."""

    def batch(self, pictures: Sequence[Pixels]) -> list[list[Finding]]: ...


def found(pixels: Pixels, finder: Finder) -> list[Finding]:
    """Everybody in the whole picture and in its tiles, some twice: those far away are small, and a
    box that a tile cuts covers its part."""
    cut = list(tiles(pixels, tile=TILE))
    whole, *parts = finder.batch([pixels, *(part for _, _, part in cut)])
    everybody = list(whole)
    for (x, y, _), findings in zip(cut, parts, strict=True):
        for one in findings:
            x1, y1, x2, y2 = one.box
            everybody.append(Finding(one.label, one.score, (x1 + x, y1 + y, x2 + x, y2 + y)))
    return everybody


def regions(
    findings: Sequence[Finding], *, kinds: Sequence[Hidden], width: int, height: int
) -> list[Region]:
    """What is to be covered in a picture of this size."""
    wanted = []
    for one in findings:
        if one.score < _least(one, width=width, height=height):
            continue
        if one.label in PEOPLE and "person" in kinds:
            wanted.append(one.box)
        elif one.label in VEHICLES and "plate" in kinds:
            x1, y1, x2, y2 = one.box
            wanted.append((x1, y1 + PLATES_BELOW * (y2 - y1), x2, y2))
    grown = (_grown(box, width=width, height=height) for box in wanted)
    return [region for region in grown if region[0] < region[2] and region[1] < region[3]]


def _least(one: Finding, *, width: int, height: int) -> float:
    """The score from which it is covered."""
    x1, y1, x2, y2 = one.box
    nearest = min(x1, y1, width - x2, height - y2)
    if one.label == PERSON:
        return CUT_MIN_SCORE if nearest < AT_THE_EDGE else MIN_SCORE
    return CUT_VEHICLE_MIN_SCORE if nearest < AT_THE_EDGE else VEHICLE_MIN_SCORE


def filled(pixels: Pixels, where: Sequence[Region]) -> Pixels:
    """A copy in which every pixel of these regions is ``FILL``."""
    made = letterbox.as_colour(pixels).copy()
    for x1, y1, x2, y2 in where:
        made[y1:y2, x1:x2] = FILL
    return made


class Masked:
    """Paints a picture in which people and plates are covered; one that cannot be covered is not
    painted at all (``UnmaskedError``). The networks are asked only now: it costs what a picture is
    worth, and nothing at other looks."""

    def __init__(self, paint: Paint, *, kinds: Sequence[Hidden], finder: Finder) -> None:
        self._paint = paint
        self._kinds = tuple(kinds)
        self._finder = finder

    def __call__(
        self, pixels: Pixels, findings: Sequence[Finding], *, camera: str, at: Ts
    ) -> bytes:
        colour = letterbox.as_colour(pixels)
        try:
            everybody = found(colour, self._finder)
        except Exception as error:  # whatever it is, the picture must not be kept
            message = f"nobody could be looked for in the picture: {error}"
            raise UnmaskedError(message) from error
        height, width = colour.shape[:2]
        where = regions(everybody, kinds=self._kinds, width=width, height=height)
        return self._paint(filled(colour, where), findings, camera=camera, at=at)


def masked(paint: Paint, *, kinds: Sequence[Hidden]) -> Paint:
    """``paint`` itself where nothing is to be covered."""
    if not kinds:
        return paint
    return Masked(paint, kinds=kinds, finder=everybody())


def everybody() -> Finder:
    """The network that is asked."""
    from detectors import onnx
    from detectors.yolo import Yolo

    return Yolo(onnx.MODELS / "people.onnx", min_score=CUT_MIN_SCORE)


def _grown(box: Box, *, width: int, height: int) -> Region:
    x1, y1, x2, y2 = box
    across = max(LEAST_MARGIN, MARGIN * (x2 - x1))
    down = max(LEAST_MARGIN, MARGIN * (y2 - y1))
    return (
        max(0, math.floor(x1 - across)),
        max(0, math.floor(y1 - down)),
        min(width, math.ceil(x2 + across)),
        min(height, math.ceil(y2 + down)),
    )
