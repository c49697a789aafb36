"""What differs between the cameras that are watched and those that a file now names. Pure."""

from dataclasses import dataclass

from edge.load import Cameras


@dataclass(frozen=True, slots=True)
class Touched:
    """Ids of cameras, in the order of their files."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def compare(before: Cameras, after: Cameras) -> Touched:
    return Touched(
        tuple(camera.id for camera in after if camera.id not in before),
        tuple(c.id for c in after if c.id in before and before[c.id] != c),
        tuple(camera.id for camera in before if camera.id not in after),
    )
