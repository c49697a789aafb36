"""The journal's form for a cluster: the contract of ``citypatrol.journal`` over Kafka.

What differs from the SQLite form: ``append`` over several partitions is not all or none (what was
stored is stored again when the caller tries again, and judged once: the same value again is
nothing), and records are kept by age alone, whoever has read them.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Mapping, Sequence

import numpy as np
import structlog

from citypatrol import metrics
from citypatrol.chunks import Message, cut, join
from citypatrol.crashpoints import CrashPoint, crash_point
from citypatrol.errors import Retry
from citypatrol.journal import Entry, JournalFull, Snapshot
from citypatrol.kafka import Cluster
from citypatrol.kafka_topics import Outgoing, Topics
from citypatrol.partitions import SiteOf, partition_of, split, take
from citypatrol.records import Record, SourceSeen, Tick, decode_record, encode_record
from citypatrol.samples import Batch
from citypatrol.trail import Trail

MESSAGE_BYTES = 900_000
"""Brokers refuse messages over 1 MiB unless told otherwise."""

_SITE = "site/"
_WAITING = "{}; nothing is acknowledged until it does"

log = structlog.get_logger(__name__)


class KafkaJournal:
    """All partitions as one journal, or one of them (``only``).

    Over several partitions an entry's position is the number of records read so far in all of
    them, so that one number is a place; it means something to the cursor that read it, and
    ``read(after=)`` takes 0 or one that this cursor was given. Over one partition it is the
    partition's own position.

    ``site`` is the registry's site of a source; where a ``SourceSeen`` names another one (from a
    topic), that is remembered in Kafka. With ``process`` (the name of an input process) a ``Tick``
    does not go into the partitions: it says how far this process has come, and the owner of each
    partition appends the tick.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        topics: Topics,
        partitions: int,
        only: int | None = None,
        site: SiteOf | None = None,
        process: str | None = None,
    ) -> None:
        self.cluster = cluster
        self._topics = topics
        self._count = partitions
        self._only = only
        self._reads = tuple(range(partitions)) if only is None else (only,)
        self._site = site
        self._sites: dict[str, str] = {}
        self._opened = False
        self._process = process
        self._samples = cluster.log(topics.samples, partitions=self._reads, group=topics.samples)
        self._trails: dict[str, Trail] = {}
        self._ends: dict[int, int] = {}
        self._saved: dict[str, tuple[str, ...]] = {}
        self._saving = asyncio.Lock()

    def partition(self, only: int) -> "KafkaJournal":
        """One partition as a journal: for its owner, whose ticks go into it."""
        return KafkaJournal(
            self.cluster,
            topics=self._topics,
            partitions=self._count,
            only=only,
            site=self._site_of,
        )

    async def open(self) -> None:
        """Raises ``Retry`` and ``ConfigError`` as ``Cluster.open`` does; everything else opens
        by itself."""
        await self.cluster.open()
        if not self._opened:
            self._sites |= sites_of(await self._newest(self._topics.snapshots, 0))
            self._opened = True

    async def append(self, records: Sequence[Record]) -> int:
        """Over several partitions the end as far as known here: others may be appending too."""
        ticks = [record for record in records if isinstance(record, Tick)]
        inside = [r for r in records if not isinstance(r, Tick)] if self._process else records
        try:
            await self.open()
            await self._learn(records)
            messages = [
                Outgoing(self._topics.samples, partition, data)
                for record in inside
                for partition, data in self._placed(record)
            ]
            crash_point(CrashPoint.JOURNAL_APPEND_BEFORE)
            stored = await self.cluster.produce(messages)
            crash_point(CrashPoint.JOURNAL_APPEND_AFTER)
            if self._process and ticks:
                # Behind everything that it closes, so that the owner's tick comes behind it too.
                await self._say_time(encode_record(ticks[-1]))
            if not self._ends:
                self._ends = await self._samples.end()
        except Retry as error:
            raise JournalFull(_WAITING.format(error.reason)) from error
        for one, position in zip(messages, stored, strict=True):
            if one.partition in self._ends:
                self._ends[one.partition] = max(position, self._ends[one.partition])
        if len(self._reads) == 1 and stored:
            return stored[-1]
        return sum(self._ends.values())

    async def _learn(self, records: Sequence[Record]) -> None:
        """Sites that no registry knows must outlive this process: they decide the partition."""
        news = {
            record.source: site
            for record in records
            if isinstance(record, SourceSeen)
            if (site := record.labels.get("site", "")) != (self._site_of(record.source) or "")
        }
        await self.cluster.produce(
            [
                Outgoing(self._topics.snapshots, 0, site.encode(), f"{_SITE}{source}".encode())
                for source, site in news.items()
            ]
        )
        self._sites |= news

    async def _say_time(self, value: bytes | None) -> None:
        key = (self._process or "").encode()
        await self.cluster.produce([Outgoing(self._topics.ticks, 0, value, key)])

    def _placed(self, record: Record) -> list[tuple[int, bytes]]:
        if isinstance(record, Batch) and len(record):
            parts = split(record, site=self._site_of, count=self._count)
            return [(at, data) for at, part in parts.items() for data in _encoded(part)]
        data = encode_record(record)
        if isinstance(record, SourceSeen):
            site = self._site_of(record.source)
            return [(partition_of(record.source, site=site, count=self._count), data)]
        if isinstance(record, Batch):
            return [(self._reads[0], data)]
        return [(partition, data) for partition in self._reads]

    def _site_of(self, source: str) -> str | None:
        if source in self._sites:
            return self._sites[source]
        return self._site(source) if self._site else None

    async def read(
        self, cursor: str, *, after: int | None = None, limit: int = 500, wait_s: float = 0.0
    ) -> list[Entry]:
        trail = await self._trail(cursor)
        trail.rewind(after, committed=await self._samples.committed(cursor))
        entries: list[Entry] = []
        while not entries:
            found = await self._samples.read(
                cursor, after=trail.place(), limit=limit, wait_s=wait_s
            )
            if not found:
                break
            for message in found:
                position = trail.step(message.partition, message.position)
                try:
                    record = decode_record(message.value or b"")
                except ValueError as error:
                    metrics.DROPPED.labels("journal", "unreadable").inc()
                    log.error(
                        "unreadable record passed over",
                        cursor=cursor,
                        partition=message.partition,
                        position=message.position,
                        reason=str(error),
                    )
                    continue
                entries.append(Entry(position, record, message.partition))
        return entries

    async def commit(self, cursor: str, position: int) -> None:
        trail = await self._trail(cursor)
        crash_point(CrashPoint.JOURNAL_CURSOR_BEFORE)
        await self._samples.commit(cursor, trail.upto(position))
        crash_point(CrashPoint.JOURNAL_CURSOR_AFTER)
        trail.forget(position)
        if self._only is None:
            with contextlib.suppress(Retry):
                lag = max(0, await self.end() - await self.committed(cursor))
                # An upper bound: Kafka cannot tell control records from samples.
                metrics.CURSOR_LAG.labels(cursor).set(lag)

    async def committed(self, cursor: str) -> int:
        return sum((await self._samples.committed(cursor)).values())

    async def end(self) -> int:
        return sum((await self._samples.end()).values())

    async def oldest(self) -> int:
        """Over several partitions a lower bound: one of them may have lost more."""
        return sum((await self._samples.beginning()).values()) + 1

    async def save_snapshot(self, name: str, snapshot: Snapshot) -> None:
        """Chunks, then the head, then the chunks of the save before are erased."""
        async with self._saving:
            if name not in self._saved:
                await self.load_snapshot(name)
            chunks, head = cut(
                self._full(name),
                snapshot.data,
                position=snapshot.position,
                generation=uuid.uuid4().hex,
            )
            try:
                await self._produce_snapshot(chunks)
                crash_point(CrashPoint.JOURNAL_SNAPSHOT_BEFORE)
                await self._produce_snapshot([head])
                crash_point(CrashPoint.JOURNAL_SNAPSHOT_AFTER)
                await self._produce_snapshot([Message(key, None) for key in self._saved[name]])
            except Retry as error:
                raise JournalFull(_WAITING.format(error.reason)) from error
            self._saved[name] = tuple(chunk.key for chunk in chunks)

    async def load_snapshot(self, name: str) -> Snapshot | None:
        newest = await self._newest(self._topics.snapshots, self._reads[0])
        stored = join(self._full(name), newest)
        self._saved[name] = (*stored.stale, *stored.chunks)
        return None if stored.position is None else Snapshot(stored.position, stored.data)

    def _full(self, name: str) -> str:
        """What belongs to a process or to all partitions lies in the first one, beside its own."""
        if self._only is not None:
            return name
        return f"{name}@{self._process or 'all'}"

    async def _newest(self, topic: str, partition: int) -> dict[str, bytes]:
        log = self.cluster.log(topic, partitions=[partition], group=topic)
        try:
            return {key.decode(): value for key, value in (await log.newest()).items()}
        finally:
            await log.close()

    async def close(self) -> None:
        """A process that has left holds back nobody's time."""
        if self._process and self._ends:
            with contextlib.suppress(Retry):
                await self._say_time(None)
        await self._samples.close()
        if self._only is None:
            await self.cluster.close()

    async def _produce_snapshot(self, messages: Sequence[Message]) -> None:
        topic, partition = self._topics.snapshots, self._reads[0]
        await self.cluster.produce(
            [Outgoing(topic, partition, one.value, one.key.encode()) for one in messages]
        )

    async def _trail(self, cursor: str) -> Trail:
        if cursor not in self._trails:
            self._trails[cursor] = Trail(await self._samples.committed(cursor))
        return self._trails[cursor]


def sites_of(newest: Mapping[str, bytes]) -> dict[str, str]:
    """The sites that were remembered, by source."""
    return {
        key.removeprefix(_SITE): value.decode()
        for key, value in newest.items()
        if key.startswith(_SITE)
    }


def _encoded(batch: Batch) -> list[bytes]:
    """The batch as messages that a broker takes."""
    data = encode_record(batch)
    if len(data) <= MESSAGE_BYTES or len(batch) == 1:
        return [data]
    middle = len(batch) // 2
    rows = np.arange(len(batch))
    return _encoded(take(batch, rows[:middle])) + _encoded(take(batch, rows[middle:]))
