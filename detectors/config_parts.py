"""What stands in the entries of several detectors: names of parts, and zones."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field

from citypatrol.yamlfile import Model, wrong

LARGEST_NAME = 80


def _part_name(name: str) -> str:
    if not name or len(name) > LARGEST_NAME or name != name.strip() or not name.isprintable():
        message = f"must be 1 to {LARGEST_NAME} printable characters without spaces around them"
        raise wrong(message)
    if "/" in name:
        message = "must not contain '/': its source is CAMERA/NAME"
        raise wrong(message)
    return name


PartName = Annotated[str, AfterValidator(_part_name)]
"""Of a region or zone; its samples have the source ``CAMERA/NAME``."""


def no_doubles(names: Iterable[str | None], *, noun: str) -> None:
    doubled = sorted(name for name, count in Counter(names).items() if name and count > 1)
    if doubled:
        message = f"two {noun}s are named '{doubled[0]}': their samples could not be told apart"
        raise wrong(message)


def _polygon(points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    if len(points) < 3:
        message = f"must have at least 3 points, has {len(points)}"
        raise wrong(message)
    for index, (x, y) in enumerate(points):
        if not (0 <= x <= 1 and 0 <= y <= 1):
            message = "must be fractions of the picture, 0 to 1: [x, y]"
            raise wrong(message, index)
    area = sum(
        x1 * y2 - x2 * y1
        for (x1, y1), (x2, y2) in zip(points, (*points[1:], points[0]), strict=True)
    )
    if abs(area) < 1e-6:
        message = "has no area: its points lie on one line, or its edges cross"
        raise wrong(message)
    return points


Edge = Annotated[float, Field(json_schema_extra={"minimum": 0, "maximum": 1})]
Polygon = Annotated[
    tuple[tuple[Edge, Edge], ...],
    AfterValidator(_polygon),
    Field(json_schema_extra={"minItems": 3}),
]


class ZoneConfig(Model):
    """A part of the ground; without ``name`` its counts belong to the camera itself."""

    noun = "zone"
    name: PartName | None = None
    polygon: Polygon


def _zones(zones: tuple[ZoneConfig, ...]) -> tuple[ZoneConfig, ...]:
    no_doubles((zone.name for zone in zones), noun="zone")
    return zones


Zones = Annotated[tuple[ZoneConfig, ...], AfterValidator(_zones)]
"""None: the whole picture."""
