"""One process owns a journal: a lock that ends with the process, however it ends."""

import fcntl
import os
import threading
from pathlib import Path

from citypatrol.errors import ConfigError, Problem

_held: set[Path] = set()
_guard = threading.Lock()


class JournalLock:
    """``PATH.lock``, locked by fcntl and holding the owner's process id.

    A POSIX record lock: children do not inherit it, so a restart need not wait for them. Within one
    process it would not exclude a second owner; ``_held`` does.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".lock")
        self._journal = path
        self._file: int | None = None

    def acquire(self) -> None:
        """ConfigError that names the owner and the lock file where there is an owner already."""
        key = self._path.absolute()
        with _guard:
            if key in _held:
                raise self._refused(self._in_use("this process"))
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except OSError as error:
                words = f"journal's lock file {self._path} cannot be made: {error.strerror}"
                raise self._refused(words) from error
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                owner = os.read(file, 32).decode("ascii", "replace").strip()
                os.close(file)
                raise self._refused(self._in_use(f"process {owner}")) from None
            os.ftruncate(file, 0)
            os.write(file, f"{os.getpid()}\n".encode())
            self._file = file
            _held.add(key)

    def release(self) -> None:
        with _guard:
            if self._file is not None:
                os.close(self._file)
                self._file = None
                _held.discard(self._path.absolute())

    def _in_use(self, owner: str) -> str:
        return f"journal is in use by {owner} (lock file {self._path}); stop that one first"

    def _refused(self, message: str) -> ConfigError:
        return ConfigError([Problem(str(self._journal), 0, 0, message)])
