"""Signal heads: at fixed places of a picture, or wherever the ``street`` model sees one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from citypatrol.samples import Sample
from detectors import letterbox, onnx
from detectors.heads import HeadReader, usable_box
from detectors.types import Box, Finding, Frame, Pixels, Seen
from detectors.yolo import Yolo

LIT = "traffic_light.lit"
LABEL = "traffic_light"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Region:
    """A named place in the picture: ``box`` is x1, y1, x2, y2 as fractions of width and height."""

    name: str
    box: Box

    def pixels(self, *, width: int, height: int) -> Box:
        """The box in pixels of a picture of this size."""
        x1, y1, x2, y2 = self.box
        return x1 * width, y1 * height, x2 * width, y2 * height


class FixedHeads:
    """The watch of ``type: traffic_light``: one head a region.

    A region's sample is ``traffic_light.lit`` of ``CAMERA/REGION``, the probability that a lamp is
    lit. A head that cannot be read (turned away, too small, hidden) gives **no** sample: it is
    unknown, not dark. One dark frame proves nothing: a rule waits for several.
    """

    def __init__(self, camera: str, *, regions: Sequence[Region], reader: HeadReader) -> None:
        self._camera = camera
        self._regions = tuple(regions)
        self._reader = reader
        self._told: set[str] = set()

    def __call__(self, frame: Frame) -> Seen:
        pixels = letterbox.as_colour(frame.pixels)
        height, width = pixels.shape[:2]
        boxes = [region.pixels(width=width, height=height) for region in self._regions]
        self._tell_unusable(boxes, width=width, height=height)
        samples, findings = [], []
        for region, box, reading in zip(
            self._regions, boxes, self._reader(pixels, boxes), strict=True
        ):
            lit = reading.lit if reading.readable else None
            findings.append(Finding(LABEL, reading.score, box, lit, reading.state))
            if lit is not None:
                samples.append(Sample(f"{self._camera}/{region.name}", LIT, frame.ts, lit))
        return Seen(tuple(samples), tuple(findings))

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
