"""Writes the journal's records into the Parquet history, from the cursor ``history``."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import structlog

from citypatrol.clock import Clock
from citypatrol.crashpoints import CrashPoint, crash_point
from citypatrol.errors import Retry
from citypatrol.history.buffer import Buffer
from citypatrol.history.control import ControlLines
from citypatrol.history.upkeep import Upkeep
from citypatrol.history.writer import HistoryWriter
from citypatrol.journal import Entry, Journal, JournalFull
from citypatrol.metrics import SAMPLES

CURSOR: Final = "history"
KEEP_MS: Final = 90 * 86_400_000
FLUSH_S: Final = 45.0
"""RULES 26: the open hour at least every 60 s; reading and writing take their time too."""
FLUSH_ROWS: Final = 250_000
"""What the memory is bounded by: rows and their encoding take 60 MB."""
FLUSH_BYTES: Final = 8_000_000
"""Of control records: a city that introduces itself writes 1 MB a second of them."""
_PAGE: Final = 64
_WAIT_S: Final = 0.5
_LAST_WAIT_S: Final = 0.1  # Kafka says that there is nothing before it has looked
GATHER_S: Final = 1.0
_DRAIN_S: Final = 1.0
_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 15.0

log = structlog.get_logger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


class HistoryStage:
    """A stage: the one reader of the cursor ``history``, and the one writer of ``folder``.

    Promised: a record is in a file on the disk before the cursor passes it; a stop writes what is
    left. Where the disk takes nothing, it says so and tries again: rows stay in the journal, which
    takes readings until it is full. Not promised: that a row is in the files only once.
    """

    name = CURSOR

    def __init__(
        self,
        journal: Journal,
        folder: Path,
        *,
        clock: Clock,
        keep: int = KEEP_MS,
        flush_s: float = FLUSH_S,
        flush_rows: int = FLUSH_ROWS,
        flush_bytes: int = FLUSH_BYTES,
        gather_s: float = GATHER_S,
    ) -> None:
        """``keep`` in milliseconds of the samples' own time. ``gather_s``: how often the journal is
        looked at, since many small batches cost as much as a large one."""
        self._journal = journal
        self._folder = folder
        self._upkeep = Upkeep(folder, keep=keep, clock=clock)
        self._flush_s = flush_s
        self._flush_rows = flush_rows
        self._flush_bytes = flush_bytes
        self._gather_s = gather_s
        self._writer = HistoryWriter(folder)
        self._buffer = Buffer()
        self._position = 0
        self._done = 0
        self._flush_at: float | None = None
        self._why = ""

    def waiting_for(self) -> str | None:
        return f"{self._folder} cannot be written: {self._why}" if self._why else None

    @property
    def read_up_to(self) -> int:
        """The last position that was read, written or not."""
        return self._position

    async def run(self, stop: asyncio.Event) -> None:
        self._thread = ThreadPoolExecutor(1, "history")  # each thread holds on to memory of its own
        try:
            if await self._insist(self._begin, stop):
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._upkeep.run(stop))
                    await self._follow(stop)
        finally:
            self._thread.shutdown(wait=False)

    async def _follow(self, stop: asyncio.Event) -> None:
        drained_by: float | None = None
        while True:
            if stop.is_set() and drained_by is None:
                drained_by = time.monotonic() + _DRAIN_S
            entries = await self._read(wait_s=_WAIT_S if drained_by is None else _LAST_WAIT_S)
            at_end = drained_by is not None and (not entries or time.monotonic() >= drained_by)
            if (at_end or self._is_due()) and not await self._flush(stop):
                return
            if at_end:
                return
            if len(entries) < _PAGE:
                await _wait(stop, self._gather_s)

    async def _begin(self) -> None:
        """Go on from the snapshot: the files hold all up to its position, wherever the cursor is.

        Over several partitions a number is a place to the process only that gave it: where that one
        died between snapshot and cursor, its rows come twice and late samples are told anew.
        """
        left = await self._in_thread(self._writer.clean)
        if left:
            log.warning("removed files of the history that a crash left half written", files=left)
        self._position = await self._journal.committed(CURSOR)
        self._buffer = Buffer()
        snapshot = await self._journal.load_snapshot(CURSOR)
        if snapshot is not None and await self._is_a_place(snapshot.position):
            try:
                self._buffer = await self._in_thread(Buffer.restore, snapshot.data)
            except ValueError as error:
                log.error("late samples are told anew: what was saved is damaged", why=str(error))
            if snapshot.position > self._position:
                await self._journal.commit(CURSOR, snapshot.position)
                self._position = snapshot.position
        self._done = self._position
        self._flush_at = None

    async def _is_a_place(self, position: int) -> bool:
        if position > await self._journal.end():
            return False
        try:
            await self._journal.read(CURSOR, after=position, limit=1)
        except ValueError:
            return False
        return True

    async def _read(self, *, wait_s: float) -> list[Entry]:
        entries = await self._journal.read(CURSOR, after=self._position, limit=_PAGE, wait_s=wait_s)
        if entries:
            await self._in_thread(self._buffer.take, entries)
            self._position = entries[-1].position
            if self._flush_at is None:
                self._flush_at = time.monotonic() + self._flush_s
        return entries

    def _is_due(self) -> bool:
        if self._flush_at is None:
            return False
        rows, lines = self._buffer.rows, self._buffer.controls.size
        full = rows >= self._flush_rows or lines >= self._flush_bytes
        return full or time.monotonic() >= self._flush_at

    async def _flush(self, stop: asyncio.Event) -> bool:
        """Files, then snapshot and cursor; False where the stop comes before they take it."""
        if self._flush_at is None:
            return True
        if not await self._insist(self._write, stop):
            return False
        if not await self._insist(self._commit, stop):
            return False
        self._flush_at = None
        return True

    async def _write(self) -> None:
        buffer, rows = self._buffer, self._buffer.rows
        if buffer.controls.size:
            await self._in_thread(self._writer.write_controls, buffer.controls)
            buffer.controls = ControlLines()  # not once more where only the rows are not taken
        if rows:
            span = (self._done + 1, self._position)
            await self._in_thread(
                lambda: self._writer.write_rows(buffer.table(), journal=buffer.journal, span=span)
            )
            SAMPLES.labels(CURSOR).inc(rows)
        buffer.clear()

    async def _commit(self) -> None:
        snapshot = await self._in_thread(self._buffer.snapshot, self._position)
        await self._journal.save_snapshot(CURSOR, snapshot)
        await self._journal.commit(CURSOR, self._position)
        crash_point(CrashPoint.HISTORY_CURSOR_AFTER)
        self._done = self._position

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(work, *args, **named))

    async def _insist(self, work: Callable[[], Awaitable[None]], stop: asyncio.Event) -> bool:
        """Until disk and journal take it; False where the stop comes first."""
        pause_s = _PAUSE_S
        while True:
            try:
                await work()
            except (OSError, JournalFull, Retry) as error:
                self._complain(error, again_in_s=pause_s)
            else:
                if self._why:
                    log.info("the history is written again", folder=str(self._folder))
                    self._why = ""
                return True
            if await _wait(stop, pause_s):
                log.error("stopping: what is not in the history stays in the journal")
                return False
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _complain(self, error: Exception, *, again_in_s: float) -> None:
        self._why = str(error)
        log.error(
            "the history cannot be written: readings wait in the journal, which takes them until"
            " it is full (is there room on the disk?)",
            folder=str(self._folder),
            error=self._why,
            rows=self._buffer.rows,
            again_in_s=again_in_s,
        )


async def _wait(stop: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True
