"""``cameras.yaml``: the cameras that this process reads, each with its detectors."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from citypatrol.errors import Problem
from citypatrol.registry import Registry
from citypatrol.secret import Secret
from citypatrol.units import DurationMs
from citypatrol.yamlfile import Document, Model, load_model, wrong
from detectors.config import DetectorConfigs, build_watches
from detectors.lying import Normal
from detectors.types import Watch
from edge.own_models import settled
from ingest.camera_source import CameraSource

_SAME_PLACE_DEGREES: Final = 1e-6
_SCHEMES: Final = ("rtsp", "rtsps", "file")
_LONGEST_ID: Final = 200
_SHORTEST_EVERY_MS: Final = 100


def _id(text: str) -> str:
    if not text or len(text) > _LONGEST_ID or text != text.strip() or not text.isprintable():
        message = f"must be 1 to {_LONGEST_ID} printable characters without spaces around them"
        raise wrong(message)
    if "/" in text:
        message = "must not contain '/': CAMERA/REGION is the source of a region"
        raise wrong(message)
    return text


def camera_url(secret: Secret) -> Secret:
    """The same, if a camera can have such a url; ValueError where not, without a part of the url:
    it may hold a password, cut in two."""
    text = secret.reveal()
    encode = "write a @ : / ? # of user and password as %40 %3A %2F %3F %23"
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        message = f"is no url; {encode}"
        raise wrong(message) from None
    if url.scheme not in _SCHEMES:
        message = "must begin with rtsp://, rtsps:// or file://"
        raise wrong(message)
    if any(sign.isspace() or not sign.isprintable() for sign in text):
        message = "has white space or control characters in it"
        raise wrong(message)
    if url.scheme == "file":
        if url.netloc or not url.path.startswith("/"):
            message = "must be file:// and an absolute path: file:///srv/clips/street.mp4"
            raise wrong(message)
    elif not host or port == 0:
        message = "names no host; write rtsp://user:password@host:554/path"
        raise wrong(message)
    elif "@" in url.path + url.query or url.fragment:
        message = f"has an @ or # behind the host; {encode}"
        raise wrong(message)
    return secret


def _every(ms: int) -> int:
    if ms < _SHORTEST_EVERY_MS:
        message = f"must be {_SHORTEST_EVERY_MS}ms or more"
        raise wrong(message)
    return ms


Id = Annotated[
    str,
    AfterValidator(_id),
    Field(json_schema_extra={"minLength": 1, "maxLength": _LONGEST_ID, "pattern": "^[^/]*$"}),
]
CameraUrl = Annotated[
    Secret,
    AfterValidator(camera_url),
    Field(json_schema_extra={"pattern": r"^((rtsps?|file)://|.*\$\{)"}),
]


class CameraPlace(Model):
    """WGS 84 degrees."""

    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]


class CameraConfig(Model):
    """One camera. ``site`` and ``place`` may be left to the registry."""

    noun: ClassVar[str] = "camera"
    id: Id
    url: CameraUrl
    every: Annotated[DurationMs, AfterValidator(_every)] = 10_000
    transport: Literal["tcp", "udp"] = "tcp"
    site: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    place: CameraPlace | None = None
    detectors: DetectorConfigs = ()

    def source(self) -> CameraSource:
        return CameraSource(self.id, self.url, self.every, self.transport)

    def watches(self, *, normal: Normal = tuple) -> list[Watch]:
        """Fresh ones: they remember frames. The health of the camera is always among them.
        ``normal``: what a person has taught it to take no notice of."""
        return build_watches(self.id, detectors=self.detectors, normal=normal)

    def labels(self) -> Mapping[str, str]:
        """What this file says of the camera, for one that the registry does not have."""
        labels = {"kind": "camera"}
        if self.site is not None:
            labels["site"] = self.site
        if self.place is not None:
            labels |= {"lat": str(self.place.lat), "lon": str(self.place.lon)}
        return labels


class CameraFile(Model):
    cameras: list[CameraConfig]


class Cameras:
    """The cameras of a file, in its order."""

    def __init__(self, cameras: Iterable[CameraConfig] = ()) -> None:
        self._cameras = {camera.id: camera for camera in cameras}

    def __iter__(self) -> Iterator[CameraConfig]:
        return iter(self._cameras.values())

    def __len__(self) -> int:
        return len(self._cameras)

    def __contains__(self, camera: str) -> bool:
        return camera in self._cameras

    def __getitem__(self, camera: str) -> CameraConfig:
        return self._cameras[camera]


def load_cameras(
    path: Path, *, registry: Registry | None = None, env: Mapping[str, str] = os.environ
) -> tuple[Cameras | None, list[Problem]]:
    """The cameras, and everything that is wrong with the file; None where it cannot be read.

    With ``registry``: a camera that stands elsewhere there is a problem.
    """
    found, problems, document = load_model(path, CameraFile, env=env)
    if found is None:
        return None, problems
    crossed = list(_cross_checks(found.cameras, registry or Registry.empty(), document))
    cameras, faults = _with_models(found.cameras, document)
    return Cameras(cameras), sorted([*problems, *crossed, *faults])


def _with_models(
    cameras: Sequence[CameraConfig], document: Document
) -> tuple[list[CameraConfig], list[Problem]]:
    found: list[CameraConfig] = []
    problems: list[Problem] = []
    for index, camera in enumerate(cameras):
        detectors, faults = settled(camera.detectors, folder=document.path.parent)
        for keys, message in faults:
            told = f"camera '{camera.id}': {keys[-1] if len(keys) > 2 else 'detectors'}: {message}"
            problems.append(document.problem(told, "cameras", index, *keys))
        same = detectors == camera.detectors
        found.append(camera if same else camera.model_copy(update={"detectors": detectors}))
    return found, problems


def _cross_checks(
    cameras: Sequence[CameraConfig], registry: Registry, document: Document
) -> Iterator[Problem]:
    seen = set()
    for index, camera in enumerate(cameras):
        noun = f"camera '{camera.id}'"
        if camera.id in seen:
            message = f"{noun}: there are two of this id; give one another id"
            yield document.problem(message, "cameras", index, "id")
        seen.add(camera.id)
        for key, message in _elsewhere(camera, registry):
            yield document.problem(f"{noun}: {key}: {message}", "cameras", index, key)


def _elsewhere(camera: CameraConfig, registry: Registry) -> Iterator[tuple[str, str]]:
    """DOORS: a camera's place in both files is an error where it differs."""
    mend = "leave it out here, or mend the registry"
    known = registry.place(camera.id)
    here = camera.place
    if known is not None and here is not None:
        apart = max(abs(known.lat - here.lat), abs(known.lon - here.lon))
        if apart > _SAME_PLACE_DEGREES:
            message = f"the registry has it at {known.lat}, {known.lon}; {mend}"
            yield "place", message
    site = (registry.labels(camera.id) or {}).get("site")
    if site is not None and camera.site is not None and site != camera.site:
        yield "site", f"the registry has it at '{site}'; {mend}"
