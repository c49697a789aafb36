"""The journal on one machine: SQLite with a write-ahead log, one writer, group commit."""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import structlog

from citypatrol import metrics
from citypatrol.clock import Clock, SystemClock, Ts
from citypatrol.journal import Entry, Snapshot
from citypatrol.journal_lock import JournalLock
from citypatrol.journal_open import WHAT, Retention, Unreadable, mend_table, open_table
from citypatrol.journal_pages import entries
from citypatrol.journal_readers import Readers
from citypatrol.journal_rows import Encoded, load_snapshot, meta_get, page, whole_snapshot
from citypatrol.journal_table import Table
from citypatrol.journal_turns import Turns
from citypatrol.journal_writer import Stored, Writer, translated
from citypatrol.records import Record, encode_record
from citypatrol.samples import Batch
from citypatrol.sqlitefile import is_corrupt

KEEP_MS: Final = 7 * 86_400_000
MAX_BYTES: Final = 20 * 10**9
_READERS: Final = 4

log = structlog.get_logger(__name__)
T = TypeVar("T")


class SqliteJournal:
    """``citypatrol.journal.Journal`` in the file ``path``; opens on first use.

    All calls that wait while a commit runs share the next one. Retention runs by itself about once
    a minute: records older than ``keep`` (ms) that every cursor has passed, then, where the file
    holds more than ``max_size`` bytes, whatever the cursors ``holds`` have passed, whether they
    have committed yet or not. A cursor that this leaves behind goes on at the first record there is
    (``oldest``); what it skips is counted and logged. While the first of ``holds`` has a backlog,
    readers of the other cursors get a tenth of their time. The file keeps the size it once had:
    what is freed in it is used again. Raises ConfigError where the file is damaged or another
    process owns it, JournalFull where disk or ``max_size`` take no more, Retry for other failures
    of the disk.
    """

    def __init__(
        self,
        path: Path,
        *,
        keep: int = KEEP_MS,
        max_size: int = MAX_BYTES,
        clock: Clock | None = None,
        holds: Sequence[str] = ("rules",),
    ) -> None:
        self._path = path
        self._retention = Retention(tuple(holds), keep, max_size)
        self._clock = clock if clock is not None else SystemClock()
        self._lock = JournalLock(path)
        self._opening = asyncio.Lock()
        self._guard = threading.Lock()
        self._state = "new"
        self._connections = Readers(path, most=_READERS)
        self._passed_over: set[int] = set()
        self._set_aside: Unreadable | None = None
        self._met: list[tuple[int, bytes, str]] = []
        self._news = asyncio.Event()
        self._stored = Stored()
        self._turns = Turns(next(iter(holds), ""))

    async def open(self) -> None:
        """Take the lock and open the file; a second call does nothing."""
        async with self._opening:
            if self._state == "closed":
                message = f"journal {self._path} is closed"
                raise RuntimeError(message)
            if self._state == "open":
                return
            self._loop = asyncio.get_running_loop()
            self._writer = await asyncio.to_thread(self._open)
            self._writer.start()
            self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="journal-read")
            self._state = "open"

    async def append(self, records: Sequence[Record]) -> int:
        given = tuple(records)
        if not given:
            return await self.end()
        return await self._write_soon(
            lambda table: table.append([_encoded(r) for r in given], at=self._clock.now())
        )

    async def read(
        self, cursor: str, *, after: int | None = None, limit: int = 500, wait_s: float = 0.0
    ) -> list[Entry]:
        await self.open()
        at = self._stored.committed.get(cursor, 0) if after is None else after
        until = self._loop.time() + wait_s
        if rest_s := min(self._turns.rest_s(cursor, now=self._loop.time()), wait_s):
            await asyncio.sleep(rest_s)
        while True:
            news = self._news  # taken before looking: what comes meanwhile is not slept through
            if at < self._stored.end and limit > 0:
                found, at = await self._read_now(partial(self._page, after=at, limit=limit))
                if found:
                    ahead = self._stored.end - at
                    self._turns.gave(cursor, ahead=ahead, now=self._loop.time())
                    return found
                continue
            left = until - self._loop.time()
            if left <= 0 or self._state == "closed":
                return []
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), left)

    async def commit(self, cursor: str, position: int) -> None:
        await self._write_soon(lambda table: table.commit(cursor, position))

    async def committed(self, cursor: str) -> int:
        await self.open()
        return self._stored.committed.get(cursor, 0)

    async def forget(self, cursor: str) -> None:
        """The cursor's reader will not come back: retention need not wait for it."""
        await self._write_soon(lambda table: table.forget(cursor))

    async def end(self) -> int:
        await self.open()
        return self._stored.end

    async def oldest(self) -> int:
        await self.open()
        return self._stored.oldest

    async def save_snapshot(self, name: str, snapshot: Snapshot) -> None:
        await self._write_soon(lambda table: table.save_snapshot(name, snapshot))

    async def load_snapshot(self, name: str) -> Snapshot | None:
        await self.open()
        rows = await self._read_now(lambda connection: load_snapshot(connection, name))
        snapshot = whole_snapshot(rows) if rows else None
        if rows and snapshot is None:
            metrics.DROPPED.labels(WHAT, "snapshot").inc()
            log.error("a snapshot is not what was saved, and is taken for none", snapshot=name)
        return snapshot

    async def meta_get(self, key: str) -> str | None:
        """A small fact kept beside the records, such as the MQTT client id."""
        await self.open()
        return await self._read_now(lambda connection: meta_get(connection, key))

    async def meta_set(self, key: str, value: str) -> None:
        await self._write_soon(lambda table: table.meta_set(key, value))

    def set_aside(self, keep: Unreadable) -> None:
        """``keep`` is given every record that cannot be read, those met before too; in any
        thread."""
        with self._guard:
            self._set_aside = keep
            met, self._met = self._met, []
        for position, data, reason in met:
            keep(position, data, reason)

    async def prune(self, now: Ts) -> int:
        """Delete what retention lets go, in steps between which others may write; how many."""
        pruned = 0
        while (step := await self._write_soon(lambda table: table.prune(now))).records:
            pruned += step.records
        return pruned

    async def close(self) -> None:
        """Store what was asked for, and let go of the file. Readers that wait get []."""
        async with self._opening:
            was, self._state = self._state, "closed"
            self._news.set()
            if was != "open":
                return
            await asyncio.to_thread(self._writer.stop)
            await asyncio.to_thread(self._readers.shutdown)
            self._connections.close()
            self._lock.release()

    async def _write_soon(self, work: Callable[[Table], T]) -> T:
        await self.open()
        done: T = await asyncio.wrap_future(self._writer.submit(work))
        return done

    async def _read_now(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._loop.run_in_executor(self._readers, self._on_a_connection, work)

    # From here on in threads.

    def _open(self) -> Writer:
        self._lock.acquire()
        try:
            with self._connections.away():
                connection, table = open_table(
                    self._path,
                    self._retention,
                    at=self._clock.now(),
                    unreadable=self._met_unreadable,
                )
        except BaseException:
            self._lock.release()
            raise
        return Writer(
            connection,
            table,
            path=self._path,
            clock=self._clock,
            stored=self._tell,
            mended=self._mended,
        )

    def _mended(self) -> tuple[sqlite3.Connection, Table]:
        with self._connections.away():
            return mend_table(
                self._path,
                self._retention,
                at=self._clock.now(),
                unreadable=self._met_unreadable,
            )

    def _on_a_connection(self, work: Callable[[sqlite3.Connection], T]) -> T:
        seen = self._writer.round
        try:
            return self._connections.run(work)
        except sqlite3.Error as error:
            if not is_corrupt(error):
                raise translated(error, path=self._path) from error
            log.error(
                "damage met while reading the journal", path=str(self._path), error=str(error)
            )
        self._writer.mend(seen=seen).result()
        try:
            return self._connections.run(work)
        except sqlite3.Error as error:
            raise translated(error, path=self._path) from error

    def _page(
        self, connection: sqlite3.Connection, *, after: int, limit: int
    ) -> tuple[list[Entry], int]:
        """Entries behind ``after``, and the last position looked at."""
        end = self._stored.end
        read = []
        rows = page(connection, after, limit=limit)
        for one in entries(rows):
            if isinstance(one, Entry):
                read.append(one)
            else:
                row, reason = one
                self._met_unreadable(row.position, row.data, reason)
        return read, rows[-1].position if rows else end

    def _met_unreadable(self, position: int, data: bytes, reason: str) -> None:
        """Once for all readers of this process."""
        with self._guard:
            if position in self._passed_over:
                return
            self._passed_over.add(position)
            keep = self._set_aside
            if keep is None:
                self._met.append((position, data, reason))
        metrics.DROPPED.labels(WHAT, "unreadable").inc()
        log.error(
            "journal record cannot be read and is passed over", position=position, error=reason
        )
        if keep is not None:
            keep(position, data, reason)

    def _tell(self, stored: Stored) -> None:
        news = stored.end > self._stored.end
        self._stored = stored
        if news:
            with contextlib.suppress(RuntimeError):  # the loop is gone, and its readers with it
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


def _encoded(record: Record) -> Encoded:
    holds_samples = isinstance(record, Batch) and len(record) > 0
    return Encoded(encode_record(record), holds_samples)
