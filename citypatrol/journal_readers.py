"""Connections that read a journal beside its one writer."""

import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from citypatrol.sqlitefile import open_for_reading

T = TypeVar("T")


class Readers:
    """Up to ``most`` at once, each for one thread at a time; opened when first needed."""

    def __init__(self, path: Path, *, most: int) -> None:
        self._path = path
        self._most = most
        self._places = threading.Semaphore(most)
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Raises sqlite3.Error."""
        with self._places:
            try:
                connection = self._idle.get_nowait()
            except queue.Empty:
                connection = open_for_reading(self._path)
            try:
                return work(connection)
            finally:
                self._idle.put(connection)

    @contextmanager
    def away(self) -> Iterator[None]:
        """All are closed, and none is opened before the block ends: the last one that closes takes
        the write-ahead log of that name with it, whosever it is by then."""
        for _ in range(self._most):
            self._places.acquire()
        try:
            self.close()
            yield
        finally:
            for _ in range(self._most):
                self._places.release()

    def close(self) -> None:
        while not self._idle.empty():
            self._idle.get().close()
