"""The one thread that writes a journal: all that is asked for during a commit shares the next."""

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

from citypatrol import metrics
from citypatrol.clock import Clock, Ts
from citypatrol.crashpoints import crash_point
from citypatrol.errors import ConfigError, Retry
from citypatrol.journal import JournalFull
from citypatrol.journal_open import WHAT
from citypatrol.journal_table import Table
from citypatrol.sqlitefile import NotWhole, is_corrupt, is_full, unreadable

_GROUP: Final = 512
_PRUNE_EVERY_MS: Final = 60_000
_MEND_EVERY_MS: Final = 60_000

Work = Callable[[Table], Any]
"""Done inside the writer's transaction. It may run twice: again when the first was undone."""

Mended = Callable[[], tuple[sqlite3.Connection, Table]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stored:
    """What is durable: the last position, the oldest kept, and the cursors'."""

    end: int = 0
    oldest: int = 1
    committed: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Job:
    work: Work
    result: Future[Any] = field(default_factory=Future)


class Writer:
    """Owns ``connection``; calls ``stored`` from its thread after each commit, before the results
    are given out. Prunes about once a minute, by the clock, when something is written."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        table: Table,
        *,
        path: Path,
        clock: Clock,
        stored: Callable[[Stored], None],
        mended: Mended,
    ) -> None:
        """``mended``: opens what can be read of a damaged file; ``ConfigError`` where it cannot."""
        self._connection = connection
        self._table = table
        self._path = path
        self._clock = clock
        self._stored = stored
        self._mended = mended
        self.round = 0
        self._hopeless: str | None = None
        self._mended_at: Ts = 0
        self._pruned_at: Ts = 0
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal-write", daemon=True)

    def start(self) -> None:
        self._publish()
        self._thread.start()

    def submit(self, work: Work) -> Future[Any]:
        """The work's result, once it is durable."""
        job = _Job(work)
        self._jobs.put(job)
        return job.result

    def mend(self, *, seen: int) -> Future[Any]:
        """A reader has met damage in the file of round ``seen``: salvage what can be read."""

        def look(_: Table) -> None:
            if self.round == seen:
                message = "a reader has met damage"
                raise NotWhole(message)

        return self.submit(look)

    def stop(self) -> None:
        """Finish what was asked for and close the connection; blocks."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        more = True
        while more:
            group, more = self._group()
            asked = [job for job in group if job.result.set_running_or_notify_cancel()]
            if not asked:
                continue
            try:
                self._settle(asked)
                self._prune_in_time()
            except Exception as error:
                log.exception("journal writer", path=str(self._path))
                for job in asked:
                    if not job.result.done():
                        job.result.set_exception(error)
        self._connection.close()

    def _group(self) -> tuple[list[_Job], bool]:
        """What has been asked for by now, at least one job; False: there will be no more."""
        group: list[_Job] = []
        with contextlib.suppress(queue.Empty):
            while len(group) < _GROUP:
                job = self._jobs.get(block=not group)
                if job is None:
                    return group, False
                group.append(job)
        return group, True

    def _settle(self, jobs: Sequence[_Job], *, may_mend: bool = True) -> None:
        """Do the jobs in one transaction; where it fails each in its own, so that one that cannot
        be stored takes no other with it."""
        try:
            results = self._transact([job.work for job in jobs])
        except Exception as error:  # noqa: BLE001  a writer that dies would leave everyone waiting
            if may_mend and self._is_damage(error) and self._mend():
                self._settle(jobs, may_mend=False)
                return
            if len(jobs) > 1:
                for job in jobs:
                    self._settle([job], may_mend=may_mend)
                return
            results = [self._translated(error)]
        metrics.JOURNAL_REFUSES.set(any(isinstance(r, JournalFull | Retry) for r in results))
        self._publish()
        for job, result in zip(jobs, results, strict=True):
            if isinstance(result, Exception):
                job.result.set_exception(result)
            else:
                job.result.set_result(result)

    def _transact(self, works: Sequence[Work]) -> list[Any]:
        """Results, or what was raised before anything was written; other errors undo all."""
        results: list[Any] = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for work in works:
                try:
                    results.append(work(self._table))
                except (ValueError, JournalFull) as error:
                    results.append(error)
            touched = self._table.take_touched()
            for side in touched:
                crash_point(side.value[0])
            self._connection.execute("COMMIT")
            for side in touched:
                crash_point(side.value[1])
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._table.reload()
            raise
        return results

    def _is_damage(self, error: Exception) -> bool:
        return self._hopeless is not None or (
            isinstance(error, sqlite3.Error) and is_corrupt(error)
        )

    def _mend(self) -> bool:
        """A new file out of the damaged one; False where that cannot be now."""
        now = self._clock.now()
        if self._hopeless is not None and now - self._mended_at < _MEND_EVERY_MS:
            return False
        self._connection.close()
        self._mended_at = now
        try:
            self._connection, self._table = self._mended()
        except (ConfigError, OSError, sqlite3.Error) as error:
            self._hopeless = str(error)
            log.error("the journal is damaged and cannot be mended", error=self._hopeless)
            return False
        self._hopeless = None
        self.round += 1
        self._publish()
        return True

    def _translated(self, error: Exception) -> Exception:
        return Retry(self._hopeless) if self._hopeless else translated(error, path=self._path)

    def _prune_in_time(self) -> None:
        now = self._clock.now()
        if now - self._pruned_at < _PRUNE_EVERY_MS or self._hopeless is not None:
            return
        try:
            (step,) = self._transact([lambda table: table.prune(now)])
        except sqlite3.Error as error:
            log.error("journal cannot be pruned", path=str(self._path), error=str(error))
            self._pruned_at = now
            if is_corrupt(error):
                self._mend()
            return
        if not step.records:
            self._pruned_at = now
        self._publish()

    def _publish(self) -> None:
        for step in self._table.take_steps():
            for cursor, batches in step.skipped.items():
                self._tell_skipped(cursor, batches)
        metrics.JOURNAL_BYTES.set(self._table.size)
        for cursor, lag in self._table.lags().items():
            metrics.CURSOR_LAG.labels(cursor).set(lag)
        self._stored(Stored(self._table.end, self._table.oldest, self._table.committed()))

    def _tell_skipped(self, cursor: str, batches: int) -> None:
        behind = {"cursor": cursor, "batches": batches}
        if self._table.has_history:
            log.warning("cursor was left behind by the journal, the history has the rest", **behind)
            return
        metrics.DROPPED.labels(cursor, "journal_max_size").inc(batches)
        log.error("cursor was left behind by the journal's max_size and skips batches", **behind)


def translated(error: Exception, *, path: Path) -> Exception:
    """SQLite's errors in the words of the journal's contract; others as they are."""
    if not isinstance(error, sqlite3.Error):
        return error
    if is_corrupt(error):
        return unreadable(path, error, what=WHAT)
    if is_full(error):
        return JournalFull(f"{path}: {error}; is the disk full?")
    return Retry(f"journal {path}: {error}")
