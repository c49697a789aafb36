"""Signal heads: at fixed places of a picture, or wherever the ``street`` model sees one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from citypatrol.clock import Ts
from citypatrol.samples import Sample
from detectors import head_memory, junction, letterbox, onnx
from detectors.heads import HeadReader, framed, usable_box
from detectors.junction import Junction, Told
from detectors.types import Box, Burst, Finding, Frame, Pixels, Seen, Wish
from detectors.yolo import Yolo

LIT, SUSPECT, LAMP_OUT = "traffic_light.lit", "traffic_light.suspect", "traffic_light.lamp_out"
LABEL = "traffic_light"
_WISH_LIVES_MS = 30_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Region:
    """A named place in the picture: ``box`` is x1, y1, x2, y2 as fractions of width and height.
    ``dark``: how long (ms) its head is dark by design at most; None where nobody has said."""

    name: str
    box: Box
    dark: int | None = None

    def pixels(self, *, width: int, height: int) -> Box:
        """The box in pixels of a picture of this size."""
        x1, y1, x2, y2 = self.box
        return x1 * width, y1 * height, x2 * width, y2 * height


@dataclass(frozen=True, slots=True)
class _Asked:
    """A wish that is not answered yet: its regions, each with its box in pixels of the picture, the
    boxes that were asked for in the same pixels, and when."""

    names: tuple[str, ...]
    boxes: tuple[Box, ...]
    around: tuple[Box, ...]
    at: Ts


class FixedHeads:
    """The watch of ``type: traffic_light``: one head a region, all of one junction.

    A region's samples have the source ``CAMERA/REGION``. ``traffic_light.lit`` is the probability
    that a lamp is lit: a high one is told at once, a low one only after every frame of a burst has
    shown no lit lamp, and only where that is not normal for this head. ``traffic_light.suspect``
    (the probability that it is dark, by pictures alone) tells of the time until then.
    ``traffic_light.lamp_out`` is 1 for a head that has lost one of its lamps. A head that cannot be
    read (turned away, too small, hidden) gives **no** sample: it is unknown, not dark.
    """

    def __init__(self, camera: str, *, regions: Sequence[Region], reader: HeadReader) -> None:
        self._camera = camera
        self._regions = tuple(regions)
        self._reader = reader
        self._told: set[str] = set()
        self._junction = Junction.of({region.name: region.dark for region in regions})
        self._asked: _Asked | None = None

    def __call__(self, frame: Frame) -> Seen:
        pixels = letterbox.as_colour(frame.pixels)
        height, width = pixels.shape[:2]
        boxes = [region.pixels(width=width, height=height) for region in self._regions]
        self._tell_unusable(boxes, width=width, height=height)
        readings = self._reader(pixels, boxes)
        findings = [
            Finding(LABEL, one.score, box, one.lit if one.readable else None, one.state)
            for box, one in zip(boxes, readings, strict=True)
        ]
        names = [region.name for region in self._regions]
        by_name = dict(zip(names, readings, strict=True))
        self._junction, told = junction.glimpse(self._junction, readings=by_name, at=frame.ts)
        wish = self._wish(told, dict(zip(names, boxes, strict=True)), frame)
        return Seen(tuple(samples_of(self._camera, told, at=frame.ts)), tuple(findings), wish)

    def burst(self, burst: Burst, /) -> Seen:
        """What every frame of a burst shows of the heads that were asked for."""
        asked, self._asked = self._asked, None
        if asked is None or not burst.times or len(burst.cuts[0]) != len(asked.names):
            return Seen((), ())
        readings = {}
        for index, name in enumerate(asked.names):
            cuts = [cut[index] for cut in burst.cuts]
            inside = [(cut, _inside(asked.boxes[index], asked.around[index], cut)) for cut in cuts]
            readings[name] = self._reader.cuts(inside)
        self._junction, told = junction.stare(self._junction, times=burst.times, readings=readings)
        findings = [
            Finding(
                LABEL, readings[name][-1].score, box, told[name].said.lit, readings[name][-1].state
            )
            for name, box in zip(asked.names, asked.boxes, strict=True)
        ]
        return Seen(tuple(samples_of(self._camera, told, at=burst.times[-1])), tuple(findings))

    def learned(self) -> Mapping[str, Any]:
        """JSON for ``recall``: what is normal for each head."""
        boxes = {region.name: region.box for region in self._regions}
        return head_memory.as_json(self._junction, boxes=boxes)

    def recall(self, learned: Mapping[str, Any], /) -> None:
        """A region that was drawn anew is begun anew. ValueError where this is none of
        ``learned``."""
        self._junction = head_memory.of_json(
            learned,
            boxes={region.name: region.box for region in self._regions},
            designed={region.name: region.dark for region in self._regions},
        )

    def _wish(
        self, told: Mapping[str, Told], boxes: Mapping[str, Box], frame: Frame
    ) -> Wish | None:
        if self._asked is not None and 0 <= frame.ts - self._asked.at < _WISH_LIVES_MS:
            return None
        wanted = {name: one.said.burst_s for name, one in told.items() if one.said.burst_s}
        self._asked = None
        if not wanted:
            return None
        height, width = frame.pixels.shape[:2]
        names = tuple(wanted)
        around = tuple(_cut_at(framed(boxes[name]), width=width, height=height) for name in names)
        self._asked = _Asked(names, tuple(boxes[name] for name in names), around, frame.ts)
        share = (width, height, width, height)
        fractions = [
            tuple(edge / side for edge, side in zip(box, share, strict=True)) for box in around
        ]
        return Wish(max(wanted.values()), tuple(fractions))

    def _tell_unusable(self, boxes: Sequence[Box], *, width: int, height: int) -> None:
        for region, box in zip(self._regions, boxes, strict=True):
            if region.name in self._told or usable_box(box, width=width, height=height):
                continue
            self._told.add(region.name)
            log.warning(
                "region_too_small",
                camera=self._camera,
                region=region.name,
                box=[round(edge, 1) for edge in box],
                picture=f"{width}x{height}",
                hint="draw the region larger, or read a stream of more pixels",
            )


def samples_of(camera: str, told: Mapping[str, Told], *, at: Ts) -> Iterator[Sample]:
    """What is said of each head, as samples of ``CAMERA/REGION``."""
    for name, one in told.items():
        out = None if one.lamp_out is None else float(one.lamp_out)
        for metric, value in ((LIT, one.said.lit), (SUSPECT, one.said.suspect), (LAMP_OUT, out)):
            if value is not None:
                yield Sample(f"{camera}/{name}", metric, at, value)


def _cut_at(box: Box, *, width: int, height: int) -> Box:
    x1, y1, x2, y2 = box
    return max(0.0, x1), max(0.0, y1), min(float(width), x2), min(float(height), y2)


def _inside(box: Box, around: Box, cut: Pixels) -> Box:
    """The box in pixels of what was cut out ``around`` it, which may have been shrunk."""
    left, top, right, bottom = around
    high, wide = cut.shape[:2]
    x, y = wide / (right - left), high / (bottom - top)
    x1, y1, x2, y2 = box
    return (x1 - left) * x, (y1 - top) * y, (x2 - left) * x, (y2 - top) * y


class FoundHeads:
    """A detector that finds the heads itself: for pictures without regions, and to propose them."""

    def __init__(self, finder: Yolo, *, reader: HeadReader) -> None:
        self._finder = finder
        self._reader = reader

    def __call__(self, pixels: Pixels) -> list[Finding]:
        """Every head found, with ``state`` and ``lit``."""
        heads = self._finder(pixels)
        readings = self._reader(letterbox.as_colour(pixels), [head.box for head in heads])
        return [
            replace(head, lit=reading.lit, state=reading.state)
            for head, reading in zip(heads, readings, strict=True)
        ]


def found_heads(*, min_score: float) -> FoundHeads:
    """``FoundHeads`` with the shipped models."""
    street = onnx.MODELS / "street.onnx"
    return FoundHeads(Yolo(street, min_score=min_score, labels=(LABEL,)), reader=HeadReader())
