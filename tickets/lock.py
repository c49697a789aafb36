"""One active writer of one SQLite file (DESIGN 4), held until the process ends, however it ends."""

import fcntl
import os
import threading
from pathlib import Path

from tickets.errors import SecondWriter

_held: set[Path] = set()  # the kernel's lock is one a process, so a second store in it is seen here
_guard = threading.Lock()


class FileLock:
    """A POSIX record lock: released by kill -9, and not inherited by child processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def acquire(self) -> None:
        """Raises SecondWriter where another process, or another lock in this one, holds it."""
        path = self._path.resolve()
        with _guard:
            if path in _held:
                raise _taken(path, "this process")
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                owner = os.read(file, 20).decode("ascii", "replace").strip()
                os.close(file)
                raise _taken(path, f"process {owner}" if owner else "another process") from None
            os.ftruncate(file, 0)
            os.write(file, f"{os.getpid()}\n".encode())
            _held.add(path)
            self._path, self._file = path, file

    def release(self) -> None:
        with _guard:
            if self._file is not None:
                os.close(self._file)
                self._file = None
                _held.discard(self._path)


def _taken(path: Path, owner: str) -> SecondWriter:
    return SecondWriter(
        f"tickets database {path.with_suffix('')}: {owner} is its one writer already; "
        "stop that one first, or use its HTTP API"
    )
