"""Rules as they lie in a folder, or as they were in a git revision: ``main:rules``."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

from app.outcome import OutsideError, UsageError

_LONGEST_S: Final = 30
_LARGEST: Final = 64_000_000


@contextmanager
def checked_out(text: str) -> Iterator[Path]:
    """The path of ``text``; where it is none but ``REVISION:PATH``, a copy of what git has there.

    UsageError where neither is, OutsideError where git cannot be run.
    """
    path = Path(text)
    revision, colon, inside = text.partition(":")
    if path.exists() or not colon or not revision:
        yield path
        return
    with TemporaryDirectory(prefix="citypatrol-diff-") as name:
        folder = Path(name)
        _unpack(_archive(text, revision, inside or "."), folder)
        found = folder / PurePosixPath(inside)
        if not found.exists():
            message = f"{text}: there is no '{inside}' in this revision"
            raise UsageError(message)
        yield found


def _archive(text: str, revision: str, inside: str) -> bytes:
    if revision.startswith("-") or inside.startswith("/") or ".." in PurePosixPath(inside).parts:
        message = f"{text}: write REVISION:PATH, with a path below this folder, like main:rules"
        raise UsageError(message)
    command = ["git", "archive", "--format=tar", revision, "--", inside]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_LONGEST_S, check=False)  # noqa: S603 - fixed words, no shell
    except FileNotFoundError as error:
        message = f"{text}: there is no such file, and no git to ask for a revision"
        raise OutsideError(message) from error
    except subprocess.TimeoutExpired as error:
        message = f"{text}: git has not answered for {_LONGEST_S} s"
        raise OutsideError(message) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = said[-1].removeprefix("fatal: ") if said else "git says no"
        message = f"{text}: there is no such file, and git says: {why}"
        raise UsageError(message)
    if len(done.stdout) > _LARGEST:
        message = f"{text}: more than {_LARGEST // 1_000_000} MB; name the folder of the rules"
        raise UsageError(message)
    return done.stdout


def _unpack(archive: bytes, folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
