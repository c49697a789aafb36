"""Parts of the ground, as polygons, and where a thing stands. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detectors.types import Box

WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
_LAST = 1.0 - 1e-7  # a box that ends at the edge stands inside


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

    @property
    def area(self) -> float:
        """Share of the picture (the shoelace formula)."""
        ends = (*self.polygon[1:], self.polygon[0])
        twice = sum(
            x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(self.polygon, ends, strict=True)
        )
        return abs(twice) / 2


def foot(box: Box) -> tuple[float, float]:
    """Where the thing stands: the middle of its box's lower edge (fractions), kept inside."""
    x1, _, x2, y2 = box
    return min(max((x1 + x2) / 2, 0.0), _LAST), min(max(y2, 0.0), _LAST)


class Ground:
    """The zones of one camera by their source: ``CAMERA/ZONE`` of a named zone, ``CAMERA`` of all
    that have no name together. Without zones the whole picture is the camera's."""

    def __init__(self, camera: str, zones: Sequence[Zone]) -> None:
        by_source: dict[str, list[Zone]] = {}
        for zone in zones or (Zone(None, WHOLE),):
            source = camera if zone.name is None else f"{camera}/{zone.name}"
            by_source.setdefault(source, []).append(zone)
        self._zones: Mapping[str, Sequence[Zone]] = by_source

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(self._zones)

    def under(self, box: Box) -> tuple[str, ...]:
        """The sources on whose ground the thing stands, each once."""
        x, y = foot(box)
        return tuple(
            source
            for source, zones in self._zones.items()
            if any(zone.holds(x, y) for zone in zones)
        )

    def area(self, source: str) -> float:
        """Share of the picture; zones that overlap count twice, 1 at most."""
        return min(1.0, sum(zone.area for zone in self._zones[source]))
