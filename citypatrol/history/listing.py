"""Which files there are, while others are written and put together."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from citypatrol.history.layout import HistoryFile, Name, read_file
from citypatrol.metrics import DROPPED

_LOOKS: Final = 20

log = structlog.get_logger(__name__)

Tell = Callable[[Path, Exception], None]


class Listing:
    """Remembers the footers that it has read."""

    def __init__(self, folder: Path, *, tell: Tell | None = None) -> None:
        """``tell`` is told of damaged files; by default they are logged and counted."""
        self._folder = folder
        self._tell = tell or tell_unreadable
        self._known: dict[tuple[str, int, int], HistoryFile] = {}

    def files(self) -> list[HistoryFile]:
        """The whole ones by hour and number.

        A folder that changes while it is read may hide a file that was there all the time, so it is
        read until it has stood still. Footers are as old as this call: whoever opens a file later
        looks at its id.
        """
        found: dict[tuple[str, int, int], HistoryFile] = {}
        for _ in range(_LOOKS):
            names = self._names()
            found, gone = self._look(names)
            if not gone and self._names() == names:
                break
        self._known = found
        return sorted(found.values(), key=lambda file: file.name)

    def _names(self) -> set[str]:
        if not self._folder.is_dir():
            return set()
        return {path.name for path in self._folder.iterdir() if Name.of(path.name) is not None}

    def _look(self, names: set[str]) -> tuple[dict[tuple[str, int, int], HistoryFile], bool]:
        """The files, and whether one went meanwhile."""
        found: dict[tuple[str, int, int], HistoryFile] = {}
        gone = False
        for name in names:
            path = self._folder / name
            try:
                stat = path.stat()
                key = (name, stat.st_ino, stat.st_mtime_ns)
                found[key] = self._known.get(key) or read_file(path)
            except FileNotFoundError:
                gone = True
            except ValueError as error:
                self._tell(path, error)
        return found, gone


def tell_unreadable(path: Path, error: Exception) -> None:
    DROPPED.labels("history", "unreadable").inc()
    log.error("a file of the history cannot be read and is passed over", file=str(path), why=error)
