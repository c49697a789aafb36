"""What people have taught cameras to take no notice of: one small file beside the journal, written
by ``citypatrol camera teach`` and ``forget``, read again by the cameras when it changes."""

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from citypatrol.clock import Ts
from detectors.types import Box

log = structlog.get_logger(__name__)

_VERSION: Final = 1
_LARGEST: Final = 64_000_000


@dataclass(frozen=True, slots=True)
class Normal:
    """One thing that belongs there. ``number`` is its name for ``forget``, never given twice while
    it stands; ``box`` are fractions of the picture; ``taught_at`` is when."""

    number: int
    label: str
    box: Box
    taught_at: Ts


Book = Mapping[str, tuple[Normal, ...]]
"""By camera."""


class TaughtError(Exception):
    """The file is there and cannot be read: says which, why, and the way out."""


def read(path: Path) -> Book:
    """Nothing where there is no such file. Raises ``TaughtError``."""
    try:
        if path.stat().st_size > _LARGEST:
            message = f"{path}: is far too large; move it away, and teach anew"
            raise TaughtError(message)
        saved: dict[str, Any] = json.loads(path.read_bytes())
        if saved["version"] != _VERSION:
            message = f"{path}: is of version {saved['version']}, not {_VERSION}"
            raise TaughtError(message)
        return {
            camera: tuple(_normal(one) for one in things)
            for camera, things in saved["cameras"].items()
        }
    except FileNotFoundError:
        return {}
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise TaughtError(message) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = f"{path}: is damaged ({type(error).__name__}: {error}); move it away, teach anew"
        raise TaughtError(message) from error


def write(path: Path, book: Book) -> None:
    """Whole or not at all. Raises OSError."""
    things = {camera: [asdict(one) for one in known] for camera, known in book.items() if known}
    data = json.dumps({"version": _VERSION, "cameras": things}, ensure_ascii=False, indent=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(data + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(aside).chmod(0o644)
        Path(aside).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(aside).unlink()
        raise


def taught(
    book: Book, camera: str, things: Sequence[tuple[str, Box]], *, at: Ts
) -> tuple[Book, tuple[Normal, ...]]:
    """The book with these things of a camera, label and box, and what was added."""
    known = book.get(camera, ())
    first = max((one.number for one in known), default=0) + 1
    added = tuple(
        Normal(first + place, label, box, at) for place, (label, box) in enumerate(things)
    )
    return {**book, camera: (*known, *added)}, added


def forgotten(book: Book, camera: str, numbers: Sequence[int] | None) -> tuple[Book, set[int]]:
    """The book without these of a camera (None: without all), and the numbers that it lacks."""
    known = book.get(camera, ())
    if numbers is None:
        return {**book, camera: ()}, set()
    kept = tuple(one for one in known if one.number not in numbers)
    return {**book, camera: kept}, set(numbers) - {one.number for one in known}


class Taught:
    """The file as it is now; any thread. A damaged one is said once, and what was known before
    stands until it is mended."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._boxes: Mapping[str, tuple[Box, ...]] = {}

    def of(self, camera: str) -> Sequence[Box]:
        """What is normal there: asks the disk whether the file has changed."""
        if self._path is None:
            return ()
        try:
            at = self._path.stat()
            seen = (at.st_ino, at.st_mtime_ns, at.st_size)
        except OSError:
            seen = None
        if seen != self._seen:
            self._seen = seen
            try:
                book = read(self._path)
                self._boxes = {one: tuple(n.box for n in known) for one, known in book.items()}
            except TaughtError as error:
                log.error("what was taught stays as it was", problem=str(error))
        return self._boxes.get(camera, ())


def _normal(saved: Mapping[str, Any]) -> Normal:
    x1, y1, x2, y2 = (float(edge) for edge in saved["box"])
    if not (x1 < x2 and y1 < y2):
        message = f"box {saved['box']} is empty"
        raise ValueError(message)
    number, taught_at = int(saved["number"]), int(saved["taught_at"])
    return Normal(number, str(saved["label"]), (x1, y1, x2, y2), taught_at)
