"""A disk that is soon full: a file system in memory, mounted where the block runs."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class NotPermitted(Exception):
    """Mounting takes rights that this process has not."""


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """``fill`` leaves so many bytes free, ``empty`` gives them back."""

    folder: Path

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self, *, leaving: int) -> None:
        with self._ballast.open("ab") as file:
            while (room := self._room() - leaving) > 0:
                try:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), room)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    return

    def empty(self) -> None:
        self._ballast.unlink()

    def _room(self) -> int:
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize


@contextmanager
def small_disk(folder: Path, *, size: int) -> Iterator[SmallDisk]:
    """Mounted at ``folder``, which is made. Raises NotPermitted."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        raise NotPermitted(done.stderr.strip())
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
