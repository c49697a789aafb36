"""What the history needs beside being written: hours put together, old ones removed."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import structlog

from citypatrol.clock import Clock, Ts
from citypatrol.history.compact import Merge, merge, plan, superseded
from citypatrol.history.control import control_paths, day_is_over, sync_folder
from citypatrol.history.layout import CONTROL, HOUR_MS, Name
from citypatrol.history.reading import History

FIRST_S: Final = 30.0
_EVERY_S: Final = 300.0
_NICE: Final = 15

log = structlog.get_logger(__name__)


class Upkeep:
    """Works in a thread of low priority beside the writer of the same folder.

    ``keep`` in milliseconds, by the samples' own time: the newest hour of the history is the latest
    "now" there is, so that a clock that leaps into the future removes nothing.
    """

    def __init__(self, folder: Path, *, keep: int, clock: Clock, first_s: float = FIRST_S) -> None:
        self._folder = folder
        self._keep = keep
        self._clock = clock
        self._first_s = first_s
        self._damaged: set[frozenset[str]] = set()
        self._history = History(folder)

    async def run(self, stop: asyncio.Event) -> None:
        """Does not wait for its thread at the stop: that leaves within a row group, and a file that
        it left half written is removed at the next start."""
        loop = asyncio.get_running_loop()
        leave = threading.Event()
        thread = ThreadPoolExecutor(1, "history-upkeep", initializer=_humble)
        stopping = asyncio.ensure_future(stop.wait())
        try:
            pause_s = self._first_s
            while not await _stopped(stop, pause_s):
                work = loop.run_in_executor(thread, self.once, self._clock.now(), leave)
                either: set[asyncio.Future[Any]] = {work, stopping}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if not work.done():
                    work.cancel()  # the thread goes on; nobody waits for what it says
                    return
                work.result()
                pause_s = _EVERY_S
        finally:
            leave.set()
            stopping.cancel()
            thread.shutdown(wait=False)

    def once(self, now: Ts, stop: threading.Event) -> None:
        """Blocking. One that fails is told of, and tried again the next time."""
        try:
            self.prune(now)
            self.tidy()
        except OSError as error:
            log.error("old files of the history cannot be removed", why=str(error))
        for what in plan(self._history.files(), now=now):
            if self._ids(what) in self._damaged:
                continue
            if stop.is_set() or not self._merge(what, stop):
                return

    def prune(self, now: Ts) -> int:
        """Remove hours and days that are older than ``keep``; how many files."""
        hours = {
            path: name.hour
            for path in self._folder.iterdir()
            if (name := Name.of(path.name)) is not None
        }
        if not hours:
            return 0
        before = min(now, max(hours.values()) + HOUR_MS) - self._keep
        old = [path for path, hour in hours.items() if hour + HOUR_MS <= before]
        days = control_paths(self._folder / CONTROL)
        old += [path for path in days if day_is_over(path, before=before)]
        for path in old:
            path.unlink(missing_ok=True)
        if old:
            sync_folder(self._folder)
            log.info("removed what is older than history.keep", files=len(old))
        return len(old)

    def tidy(self) -> None:
        """Remove what a crash left beside the file that holds it."""
        for file in superseded(self._history.files()):
            file.path.unlink(missing_ok=True)

    def _merge(self, what: Merge, stop: threading.Event) -> bool:
        """False where it is time to leave."""
        name = str(what.files[0].name)
        try:
            if not merge(what, stop=stop):
                return False
        except (OSError, ValueError) as error:
            if isinstance(error, ValueError):
                self._damaged.add(self._ids(what))
            log.error("files of an hour cannot be put together", hour=name, why=str(error))
            return True
        log.info("put an hour together", hour=name, files=len(what.files), bytes=what.size)
        return True

    @staticmethod
    def _ids(what: Merge) -> frozenset[str]:
        return frozenset(file.footer.id for file in what.files)


def _humble() -> None:
    """Readings go first. Threads have a priority of their own on Linux only."""
    if hasattr(os, "gettid"):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True
