"""Litter, bags and dumped waste, counted in the whole picture or in zones of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from citypatrol.samples import Sample
from detectors.types import Detector, Finding, Frame, Seen

COUNTED = ("litter", "garbage_bag", "dumped_waste")


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the ground. ``polygon``: points x, y as fractions of width and height, in order."""

    name: str | None
    polygon: tuple[tuple[float, float], ...]

    def holds(self, x: float, y: float) -> bool:
        """Whether the point (fractions) lies inside: a ray to the right crosses the edge an odd
        number of times (PNPOLY)."""
        inside = False
        x1, y1 = self.polygon[-1]
        for x2, y2 in self.polygon:
            if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
                inside = not inside
            x1, y1 = x2, y2
        return inside


def foot(finding: Finding, *, width: int, height: int) -> tuple[float, float]:
    """Where the thing stands: the middle of its box's lower edge, as fractions, kept inside."""
    x1, _, x2, y2 = finding.box
    last = 1.0 - 1e-7  # a box that ends at the edge stands inside
    return min(max((x1 + x2) / 2 / width, 0.0), last), min(max(y2 / height, 0.0), last)


class StreetCounts:
    """The watch of ``type: street``: ``litter.count garbage_bag.count dumped_waste.count``.

    Source is ``CAMERA/ZONE`` for a named zone, else ``CAMERA``; unnamed zones count together, once
    each thing. Without zones the whole picture counts. A count of 0 is a sample too: it is what
    clears an incident.
    """

    def __init__(self, camera: str, *, zones: Sequence[Zone], detector: Detector) -> None:
        self._camera = camera
        self._detector = detector
        self._zones: dict[str, list[Zone]] = {}
        for zone in zones or (Zone(None, ((0, 0), (1, 0), (1, 1), (0, 1))),):
            source = camera if zone.name is None else f"{camera}/{zone.name}"
            self._zones.setdefault(source, []).append(zone)

    def __call__(self, frame: Frame) -> Seen:
        height, width = frame.pixels.shape[:2]
        found = [finding for finding in self._detector(frame.pixels) if finding.label in COUNTED]
        counts: dict[str, Counter[str]] = {source: Counter() for source in self._zones}
        counted = []
        for finding in found:
            x, y = foot(finding, width=width, height=height)
            sources = [
                source
                for source, zones in self._zones.items()
                if any(zone.holds(x, y) for zone in zones)
            ]
            for source in sources:
                counts[source][finding.label] += 1
            if sources:
                counted.append(finding)
        samples = tuple(
            Sample(source, f"{label}.count", frame.ts, float(count[label]))
            for source, count in counts.items()
            for label in COUNTED
        )
        return Seen(samples, tuple(counted))
