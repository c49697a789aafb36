"""What the watches of a camera have learned, kept over a restart: one JSON file a camera.

Written seldom and whole, so a crash costs ten minutes of learning at most. Not promised: that a
file is there. One that cannot be read is set aside, said as an error, and everything is learned
anew; so it is where a person takes a file away.
"""

import contextlib
import hashlib
import json
import os
import tempfile
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import structlog

from citypatrol.clock import Ts
from detectors.types import LearningWatch, Watch
from edge.load import CameraConfig

log = structlog.get_logger(__name__)

KEEP_EVERY_MS: Final = 600_000
OLDEST_MS: Final = 30 * 86_400_000
"""What is older is no use: leaves fall, streets are dug up, signals get another program."""
_LARGEST: Final = 8 << 20
_LONGEST_NAME: Final = 150
_VERSION: Final = 1
_VIEW: Final = "CameraHealth"


class Memory:
    """Calls for one camera come one after the other, in whatever thread. ``folder``: None keeps
    nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._due: dict[str, Ts] = {}
        self._written: set[str] = set()
        self._failed = False

    def recall(self, camera: CameraConfig, watches: Sequence[Watch], *, now: Ts) -> None:
        """Give fresh watches back what is known. A camera of another url is another camera; where
        regions or zones were drawn anew its view is learned anew too."""
        self._written.discard(camera.id)
        self._due[camera.id] = now + zlib.crc32(camera.id.encode()) % KEEP_EVERY_MS
        path = self._path(camera.id)
        if path is None or not path.exists():
            return
        known = self._read(path, camera)
        if known is None or not 0 <= now - known["saved"] <= OLDEST_MS:
            return
        self._written.add(camera.id)
        drawn_anew = known["drawn"] != _drawn(camera)
        for name, watch in _learning(watches):
            if name not in known["watches"] or (name == _VIEW and drawn_anew):
                continue
            try:
                watch.recall(known["watches"][name])
            except ValueError as error:
                _set_aside(path, camera.id, f"{name}: {error}")
                return

    def forgotten(self, camera: str) -> bool:
        """Whether a person has taken away what was kept here: then nothing of it holds any more."""
        path = self._path(camera)
        return path is not None and camera in self._written and not path.exists()

    def keep(self, camera: CameraConfig, watches: Sequence[Watch], *, now: Ts) -> None:
        """To be called often: it writes each ten minutes."""
        due = self._due.setdefault(camera.id, now + KEEP_EVERY_MS)
        if due - KEEP_EVERY_MS <= now < due:
            return
        self.write(camera, watches, now=now)

    def write(self, camera: CameraConfig, watches: Sequence[Watch], *, now: Ts) -> None:
        """At once, for instance at the end."""
        self._due[camera.id] = now + KEEP_EVERY_MS
        path = self._path(camera.id)
        if path is None:
            return
        learned = {name: watch.learned() for name, watch in _learning(watches)}
        facts = {
            "version": _VERSION,
            "camera": camera.id,
            "saved": now,
            "seen_at": _seen_at(camera),
            "drawn": _drawn(camera),
            "watches": learned,
        }
        try:
            _write(path, json.dumps(facts, ensure_ascii=False).encode())
        except OSError as error:
            if not self._failed:
                log.warning("what cameras show is not kept", path=str(path), reason=error.strerror)
            self._failed = True
            return
        self._failed = False
        self._written.add(camera.id)

    def _path(self, camera: str) -> Path | None:
        return None if self._folder is None else learned_file(self._folder, camera)

    def _read(self, path: Path, camera: CameraConfig) -> dict[str, Any] | None:
        try:
            if path.stat().st_size > _LARGEST:
                _set_aside(path, camera.id, "it is far too large")
                return None
            known = json.loads(path.read_bytes())
            whole = (
                known["version"] == _VERSION
                and known["camera"] == camera.id
                and isinstance(known["saved"], int)
                and isinstance(known["watches"], dict)
                and all(isinstance(one, dict) for one in known["watches"].values())
                and isinstance(known["drawn"], str)
            )
            elsewhere = known["seen_at"] != _seen_at(camera)
        except OSError as error:
            log.error("cannot be read", path=str(path), reason=error.strerror)
            return None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            _set_aside(path, camera.id, f"{type(error).__name__}: {error}")
            return None
        if not whole:
            _set_aside(path, camera.id, "it is of another version, or another camera's")
            return None
        return None if elsewhere else known


def learned_file(folder: Path, camera: str) -> Path:
    """Where it is kept. Ids may be longer than names of files."""
    name = quote(camera, safe="")
    if len(name) > _LONGEST_NAME or name.startswith("."):
        name = hashlib.sha256(camera.encode()).hexdigest()
    return folder / f"{name}.json"


def _learning(watches: Sequence[Watch]) -> list[tuple[str, LearningWatch]]:
    """Each by its kind, and by its place among those of its kind."""
    found: list[tuple[str, LearningWatch]] = []
    kinds: Counter[str] = Counter()
    for watch in watches:
        if isinstance(watch, LearningWatch):
            kind = type(watch).__name__
            kinds[kind] += 1
            found.append((kind if kinds[kind] == 1 else f"{kind}-{kinds[kind]}", watch))
    return found


def _seen_at(camera: CameraConfig) -> str:
    """Of the url without its login, which may change: a digest, since a path may be secret."""
    url = urlsplit(camera.url.reveal())
    where = f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}?{url.query}"
    return hashlib.sha256(where.encode()).hexdigest()[:16]


def _drawn(camera: CameraConfig) -> str:
    """Of every region and zone."""
    shapes = [
        sorted(
            str(shape)
            for key in ("regions", "zones")
            for shape in detector.model_dump(mode="json").get(key, ())
        )
        for detector in camera.detectors
    ]
    return hashlib.sha256(json.dumps(shapes).encode()).hexdigest()[:16]


def _set_aside(path: Path, camera: str, reason: str) -> None:
    aside = path.with_suffix(".broken")
    with contextlib.suppress(OSError):
        path.replace(aside)
    log.error(
        "what was learned of a camera cannot be used; it is learned anew",
        camera=camera,
        reason=reason,
        set_aside=str(aside),
    )


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).replace(path)
    except OSError:
        Path(aside).unlink(missing_ok=True)
        raise
