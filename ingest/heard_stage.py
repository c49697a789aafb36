"""What was heard, for threads that ask while the intake tells; kept over restarts."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from citypatrol import metrics
from citypatrol.clock import Ts
from citypatrol.errors import Retry
from citypatrol.journal import Journal, JournalFull, Snapshot
from citypatrol.records import Record
from ingest.heard import Heard
from ingest.heard_facts import Copied, SeriesFacts, Totals, series_of
from ingest.heard_state import Copy, load

log = structlog.get_logger(__name__)

SNAPSHOT: Final = "heard"
_SAVE_S: Final = 300.0


class HeardStage:
    """A stage that keeps what was heard as a snapshot of the journal, every five minutes and at
    the end. After a kill the facts of the last minutes are missing; a snapshot that cannot be read
    is left alone and begun anew. ``load`` before the first ``take``.

    ``take`` is the intake's; every other method may be called from any thread.
    """

    def __init__(self, journal: Journal, *, heard: Heard | None = None) -> None:
        self.name = "heard"
        self._journal = journal
        self._heard = heard or Heard()
        self._lock = threading.Lock()
        self._forgotten = 0
        self._unsaved = False

    def waiting_for(self) -> str | None:
        return None

    def take(self, records: Iterable[Record], *, at: Ts) -> None:
        """What goes into the journal at ``at``."""
        with self._lock:
            self._heard.take(records, at=at)
            gone = self._heard.forgotten - self._forgotten
        self._unsaved = True
        if gone:
            self._forgotten += gone
            metrics.DROPPED.labels("heard", "forgotten").inc(gone)
            log.warning(
                "more series than are followed: those heard least are forgotten", series=gone
            )

    def totals(self) -> Totals:
        with self._lock:
            copied = Copied.of(self._heard)
        return copied.totals()

    def series_of(self, source: str) -> list[SeriesFacts]:
        """By metric; [] of a source that was never heard."""
        with self._lock:
            return series_of(self._heard, source)

    def newest_before(self) -> Callable[[str, str], tuple[Ts | None, int]]:
        """Says of a series the newest time that it had when this was asked for, and its source's
        lateness."""
        with self._lock:
            newest, generation = self._heard.column("newest").copy(), self._heard.generation

        def of(source: str, metric: str) -> tuple[Ts | None, int]:
            with self._lock:
                number = self._heard.number(source)
                lateness = 0 if number is None else int(self._heard.lateness.data[number])
                row = self._heard.row(source, metric)
                same = self._heard.generation == generation
            if row is None or row >= len(newest) or not same:
                return None, lateness
            return int(newest[row]), lateness

        return of

    async def load(self) -> None:
        snapshot = await self._journal.load_snapshot(SNAPSHOT)
        if snapshot is None:
            return
        try:
            await asyncio.to_thread(load, self._heard, snapshot.data)
        except ValueError as error:
            log.warning("what was heard before is not known any more", reason=str(error))

    async def run(self, stop: asyncio.Event) -> None:
        next_save = time.monotonic() + _SAVE_S
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), max(0.0, next_save - time.monotonic()))
            except TimeoutError:
                next_save = time.monotonic() + _SAVE_S
            await self.save()

    async def save(self) -> None:
        if not self._unsaved:
            return
        self._unsaved = False
        data = await asyncio.to_thread(self._dump)
        try:
            position = await self._journal.end()
            await self._journal.save_snapshot(SNAPSHOT, Snapshot(position, data))
        except (JournalFull, Retry) as error:
            self._unsaved = True
            log.warning("what was heard could not be kept; tried again later", reason=str(error))

    def _dump(self) -> bytes:
        with self._lock:
            copied = Copy(self._heard)
        return copied.encode()
