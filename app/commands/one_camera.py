"""The camera that a command is to look at: by its id in the city's cameras.yaml, or by its url."""

from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.at_city import read_city_file
from app.outcome import UsageError, WrongError

if TYPE_CHECKING:
    from edge.load import CameraConfig
    from ingest.camera_source import CameraSource


def source_of(camera: str, *, city: Path, every_ms: int) -> "CameraSource":
    """How it is to be read, a picture per ``every_ms``."""
    from dataclasses import replace

    from citypatrol.secret import Secret
    from edge.load import camera_url
    from ingest.camera_source import CameraSource

    if "://" in camera:
        try:
            return CameraSource("camera", camera_url(Secret(camera)), every_ms)
        except ValueError as error:
            message = f"the url {error}"
            raise UsageError(message) from None
    return replace(camera_of_city(camera, city=city).source(), every_ms=every_ms)


def camera_of_city(camera: str, *, city: Path) -> "CameraConfig":
    """As cameras.yaml has it. ConfigError, or WrongError where there is none of this id."""
    from citypatrol.errors import ConfigError
    from edge.load import load_cameras

    name = read_city_file(city).cameras
    if name is None:
        message = f"{city} names no cameras; give an rtsp url instead"
        raise WrongError(message)
    cameras, problems = load_cameras(city.parent / name)
    if cameras is None or problems:
        raise ConfigError(problems)
    if camera not in cameras:
        near = ", ".join(sorted(one.id for one in cameras)[:5]) or "none"
        more = f" and {len(cameras) - 5} more" if len(cameras) > 5 else ""
        message = f"{name} has no camera {camera!r}; it has {near}{more}"
        raise WrongError(message)
    return cameras[camera]
