"""Writes the journal's samples to InfluxDB 1.x or 2.x, from a cursor of its own.

Synchronous on purpose: a client that batches in memory drops batches when the server is away
(docs/decisions/influx-over-plain-http.md). Here the cursor moves only after the server said 204.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final, Protocol

import numpy as np
import structlog

from citypatrol.clock import Clock
from citypatrol.crashpoints import CrashPoint, crash_point
from citypatrol.dead import DeadStore
from citypatrol.journal import Journal, Snapshot
from citypatrol.metrics import DROPPED, FROM_HISTORY, SAMPLES
from citypatrol.records import Record, SourceSeen
from citypatrol.samples import Batch
from sinks.config import InfluxConfig
from sinks.influx_http import Post, poster, session
from sinks.influx_writer import LineWriter
from sinks.line_protocol import lines
from sinks.page import MAX_LINES, Page
from sinks.tags import Tags

log = structlog.get_logger(__name__)

LABELS_EVERY_S: Final = 5.0
"""While sources introduce themselves by the thousand, their labels are saved this often."""
GATHER_S: Final = 1.0
"""What comes within this time goes out together, unless it fills a request."""
_MOST_READ: Final = 500
_STOP_S: Final = 1.5


class History(Protocol):
    """What a sink that was left behind goes on from."""

    def records(self, *, after: int, before: int) -> Iterator[Record]:
        """At least what the journal held between these positions; a reader is idempotent."""
        ...


class InfluxSink:
    """A stage: reads its cursor, writes, commits.

    Promised: every sample of the journal is written at least once, or lies in the dead-letter store
    with the server's reason; a point written twice is one point. A sink that was away for so long
    that the journal has let go of what it missed takes that from ``history``, then goes on. Not
    promised: any delay while the server is away, or that points come in order after that.
    """

    def __init__(
        self,
        journal: Journal,
        config: InfluxConfig,
        *,
        dead: DeadStore,
        clock: Clock,
        cursor: str = "influx",
        history: History | None = None,
        post: Post | None = None,
    ) -> None:
        self.name = cursor
        self._journal = journal
        self._config = config
        self._dead = dead
        self._clock = clock
        self._history = history
        self._post = post
        self._tags = Tags()
        self._unsaved = False
        self._saved_at = 0.0

    def waiting_for(self) -> str | None:
        return None  # DOORS: readiness does not wait for Influx

    @property
    def url(self) -> str:
        """The server's address: the origin of its dead letters."""
        return self._config.url

    async def rewrite(self, line: bytes) -> None:
        """Write one line of the dead-letter store again.

        Raises ``Reject`` where it is still refused, ``Retry`` where no answer came.
        """
        async with self._writer() as writer:
            await writer.send(line)

    async def run(self, stop: asyncio.Event) -> None:
        """What is there when the stop comes is written, if that is quick; what has no answer then
        is written again at the next start."""
        following = asyncio.create_task(self._follow(stop), name=self.name)
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({following, stopped}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({following}, timeout=_STOP_S)
            if following.done():
                following.result()
        finally:
            following.cancel()
            stopped.cancel()
            await asyncio.wait({following, stopped})

    @asynccontextmanager
    async def _writer(self) -> AsyncIterator[LineWriter]:
        async with session(self._config) as opened:
            yield LineWriter(
                self._config,
                dead=self._dead,
                clock=self._clock,
                stage=self.name,
                post=self._post or poster(opened),
            )

    async def _follow(self, stop: asyncio.Event) -> None:
        await self._recall_labels()
        position = await self._journal.committed(self.name)
        async with self._writer() as writer:
            while not stop.is_set():
                began = time.monotonic()
                position, written = await self._step(writer, position, wait_s=1.0)
                if written and written < MAX_LINES:
                    await _wait(stop, began + GATHER_S - time.monotonic())
            await self._step(writer, position, wait_s=0.0)

    async def _step(self, writer: LineWriter, position: int, *, wait_s: float) -> tuple[int, int]:
        """Write what is there; the new position, and how many samples that was."""
        entries = await self._journal.read(
            self.name, after=position, limit=_MOST_READ, wait_s=wait_s
        )
        if self._history is not None:
            oldest = await self._journal.oldest()  # after the read: what it gave had none before it
            if position + 1 < oldest:
                return await self._catch_up(writer, self._history, after=position, before=oldest)
        page, written = Page(), 0
        for entry in entries:
            position = entry.position
            self._take(entry.record, page)
            if page.is_full:
                written += await self._write(writer, page)
                await self._commit(position)
        written += await self._write(writer, page)
        await self._commit(position)
        return position, written

    async def _catch_up(
        self, writer: LineWriter, history: History, *, after: int, before: int
    ) -> tuple[int, int]:
        """The journal has let go of what lies between: the history has it still."""
        about = {"sink": self.name, "after": after, "before": before}
        log.warning("influx was left behind by the journal and goes on from the history", **about)
        began, page, written = time.monotonic(), Page(), 0
        records = history.records(after=after, before=before)
        while some := await asyncio.to_thread(_some, records):
            for record in some:
                self._take(record, page)
            count = await self._write(writer, page)
            FROM_HISTORY.labels(self.name).inc(count)
            written += count
        await self._commit(before - 1)
        took_s = round(time.monotonic() - began, 1)
        log.warning("influx is through the history", samples=written, took_s=took_s, **about)
        return before - 1, MAX_LINES

    def _take(self, record: Record, page: Page) -> None:
        if isinstance(record, Batch):
            page.add(self._writable(record))
        elif isinstance(record, SourceSeen):
            self._unsaved |= self._tags.learn(record)

    def _writable(self, batch: Batch) -> Batch:
        """Without values that line protocol has no word for; the contract of ``Batch`` has none."""
        finite = np.isfinite(batch.value)
        if finite.all():
            return batch
        DROPPED.labels(self.name, "not_finite").inc(int(len(batch) - finite.sum()))
        return batch.rows(finite)

    async def _write(self, writer: LineWriter, page: Page) -> int:
        samples = 0
        for batch in page.take():
            await writer.write(await asyncio.to_thread(lines, batch, tags=self._tags))
            samples += len(batch)
        SAMPLES.labels(self.name).inc(samples)
        return samples

    async def _recall_labels(self) -> None:
        """Sources introduce themselves once, perhaps before the part that a restart reads again."""
        snapshot = await self._journal.load_snapshot(self.name)
        if snapshot is not None:
            await asyncio.to_thread(self._tags.load, snapshot.data)

    async def _commit(self, position: int) -> None:
        """The labels first: the cursor must not pass an introduction that is not saved."""
        if self._unsaved:
            if time.monotonic() < self._saved_at + LABELS_EVERY_S:
                return
            data = await asyncio.to_thread(self._tags.dump)
            await self._journal.save_snapshot(self.name, Snapshot(position, data))
            self._unsaved, self._saved_at = False, time.monotonic()
            crash_point(CrashPoint.INFLUX_LABELS_AFTER)
        if position > await self._journal.committed(self.name):
            await self._journal.commit(self.name, position)
            crash_point(CrashPoint.INFLUX_CURSOR_AFTER)


def _some(records: Iterator[Record]) -> list[Record]:
    """The next ones, about as many samples as one request holds."""
    some, samples = [], 0
    for record in records:
        some.append(record)
        samples += len(record) if isinstance(record, Batch) else 1
        if samples >= MAX_LINES:
            break
    return some


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), max(seconds, 0.0))
    except TimeoutError:
        return
