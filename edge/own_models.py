"""The users' own models that cameras name: found, opened once, and their classes settled."""

from collections.abc import Iterator
from pathlib import Path

from detectors.config import DetectorConfig, StreetConfig
from detectors.lying import COUNTED
from detectors.yolo_config import YoloConfig

Fault = tuple[tuple[str | int, ...], str]
"""Under which keys of the camera, and what is wrong."""


def settled(
    detectors: tuple[DetectorConfig, ...], *, folder: Path
) -> tuple[tuple[DetectorConfig, ...], list[Fault]]:
    """The same with the paths and classes of their models, and everything that is wrong with those.
    ``folder``: of the file that names them."""
    found: list[DetectorConfig] = []
    faults: list[Fault] = []
    for index, config in enumerate(detectors):
        if isinstance(config, YoloConfig):
            config = config.within(folder)
            wrong: list[Fault] = [
                (("detectors", index, *keys), message) for keys, message in config.faults()
            ]
            faults += wrong
            config = config if wrong else config.settled()
        found.append(config)
    return tuple(found), [*faults, *_doubled(found)]


def _doubled(detectors: list[DetectorConfig]) -> Iterator[Fault]:
    """Samples of one series must come from one detector."""
    taken: set[tuple[str | None, str]] = set()
    for index, config in enumerate(detectors):
        if isinstance(config, StreetConfig):
            labels: tuple[str, ...] = COUNTED
        elif isinstance(config, YoloConfig):
            labels = tuple(dict.fromkeys((config.classes or {}).values()))
        else:
            continue
        zones = {zone.name for zone in config.zones} or {None}
        for label in labels:
            both = {zone for zone in zones if (zone, label) in taken}
            if both:
                message = (
                    f"another detector of this camera counts '{label}' on the same ground; "
                    "give this one another label or zone"
                )
                yield ("detectors", index), message
            taken |= {(zone, label) for zone in zones}
