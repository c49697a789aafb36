"""Pictures with their findings, named by their own SHA-256, on disk."""

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from citypatrol.clock import Ts

_SHA: Final = re.compile(r"[0-9a-f]{64}")
_ASIDE: Final = ".aside-"


class EvidenceStore:
    """``FOLDER/ab/abcd....jpg`` with its findings in ``.json`` beside it.

    A picture is whole or not there: written aside, synced, renamed. The same picture twice is one,
    and is young again. Safe from several threads and processes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, jpeg: bytes, findings: Mapping[str, Any]) -> str:
        """Keep the picture; its SHA-256 in hex. OSError where the disk does not take it."""
        sha = hashlib.sha256(jpeg).hexdigest()
        picture = self._at(sha, ".jpg")
        picture.parent.mkdir(parents=True, exist_ok=True)
        _write(self._at(sha, ".json"), orjson.dumps(findings, option=orjson.OPT_SERIALIZE_NUMPY))
        _write(picture, jpeg)
        _sync_folder(picture.parent)
        return sha

    def path(self, sha: str) -> Path | None:
        """The picture's file; None where there is none or ``sha`` is no SHA-256 in hex."""
        if not _SHA.fullmatch(sha):
            return None
        picture = self._at(sha, ".jpg")
        return picture if picture.is_file() else None

    def findings(self, sha: str) -> dict[str, Any] | None:
        """What was seen in the picture; None where there is no such picture."""
        picture = self.path(sha)
        if picture is None:
            return None
        try:
            found: dict[str, Any] = orjson.loads(picture.with_suffix(".json").read_bytes())
        except FileNotFoundError:  # pruned between the two
            return None
        return found

    def prune(self, before: Ts) -> int:
        """Delete pictures put before that time (the disk's own), and what writers left behind."""
        pruned = 0
        for file in self._folder.glob("??/*"):
            with contextlib.suppress(FileNotFoundError):  # another process prunes too
                if file.stat().st_mtime * 1000 < before:
                    file.unlink()
                    pruned += file.suffix == ".jpg"
        return pruned

    def _at(self, sha: str, suffix: str) -> Path:
        return self._folder / sha[:2] / f"{sha}{suffix}"


def _write(path: Path, data: bytes) -> None:
    handle, aside = tempfile.mkstemp(prefix=_ASIDE, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).chmod(0o644)
        Path(aside).replace(path)
    except OSError:
        Path(aside).unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
