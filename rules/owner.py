"""What the owner of one Kafka partition does: fold, hand out incidents, snapshot; no Faust here.

The snapshot's position is the truth, not the consumer's offset: whatever is at or before it is
skipped, and what was committed to Kafka but is not in the snapshot is read again from the
partition. So a message that the consumer loses, doubles or commits too early changes nothing.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog

from citypatrol.clock import Clock
from citypatrol.journal import Snapshot
from citypatrol.journal_kafka import KafkaJournal
from citypatrol.kafka import Cluster
from citypatrol.kafka_topics import Outgoing, Topics, dead_letter
from citypatrol.records import Record, RulesInForce, decode_record, encode_record
from rules.incidents import Incident, encode_incident

SNAPSHOT: Final = "rules"
_PAGE: Final = 500

log = structlog.get_logger(__name__)


class Judge(Protocol):
    """What is asked of ``rules.engine.Engine``."""

    @property
    def in_force(self) -> str | None: ...

    def fold(self, records: Sequence[Record]) -> list[Incident]: ...

    def snapshot(self) -> bytes: ...


class Owner:
    """One partition's engine and how far it has come. Opens itself; methods raise ``Retry``.

    ``restore`` makes an engine of a snapshot, or a fresh one of None; it raises ValueError where
    the bytes are no snapshot. ``rules_hash`` is of the rules that it judges by.
    """

    def __init__(
        self,
        partition: int,
        *,
        cluster: Cluster,
        topics: Topics,
        journal: KafkaJournal,
        restore: Callable[[bytes | None], Judge],
        rules_hash: str,
        clock: Clock,
    ) -> None:
        self.partition = partition
        self.position = 0
        self._cluster = cluster
        self._topics = topics
        self._journal = journal
        self._restore = restore
        self._rules_hash = rules_hash
        self._clock = clock
        self._engine: Judge | None = None
        self._snapshot: Snapshot | None = None
        self._refused: set[int] = set()
        self._outbox: list[Outgoing] = []
        self._lock = asyncio.Lock()
        self._samples = cluster.log(topics.samples, partitions=[partition], group=topics.samples)

    async def open(self) -> None:
        """Load the snapshot; what lies behind it comes with the next message."""
        async with self._lock:
            await self._open()

    async def judge(self, position: int, value: bytes | None) -> None:
        """Fold one message; returns once what comes of it is stored in Kafka."""
        async with self._lock:
            await self._open()
            await self._say()
            if position > self.position + 1:
                await self._catch_up(position - 1)
            if position > self.position:
                await self._fold(position, value)

    async def save(self) -> None:
        """Store the state with its position, where it has moved."""
        async with self._lock:
            await self._save()

    async def reload(self, restore: Callable[[bytes | None], Judge], *, rules_hash: str) -> None:
        """Judge by other rules from the next message on. What was judged is saved before, so that
        nobody judges it by other rules; may be repeated."""
        async with self._lock:
            await self._save()
            if self._engine is not None and rules_hash != self._rules_hash:
                data = await asyncio.to_thread(self._engine.snapshot)
                self._engine = await asyncio.to_thread(restore, data)
            self._restore, self._rules_hash = restore, rules_hash
            if self._engine is not None:
                await self._announce(self._engine)

    async def close(self) -> None:
        await self._samples.close()
        await self._journal.close()

    async def _save(self) -> None:
        saved = self._snapshot.position if self._snapshot else 0
        if self._engine is None or self.position <= saved:
            return
        await self._say()
        data = await asyncio.to_thread(self._engine.snapshot)
        snapshot = Snapshot(self.position, data)
        await self._journal.save_snapshot(SNAPSHOT, snapshot)
        self._snapshot = snapshot

    async def _open(self) -> None:
        if self._engine is not None:
            return
        try:
            self._snapshot = await self._journal.load_snapshot(SNAPSHOT)
            engine = await self._rewind()
        except ValueError as error:
            log.error(
                "the state is worked out again from what Kafka still holds",
                partition=self.partition,
                reason=str(error),
            )
            self._snapshot = None
            engine = await self._rewind()
        await self._announce(engine)
        self._engine = engine
        log.info("partition taken", partition=self.partition, position=self.position)

    async def _announce(self, engine: Judge) -> None:
        """Say in the partition which rules judge it, where its newest word is another."""
        if engine.in_force != self._rules_hash:
            news = RulesInForce(self._clock.now(), self._rules_hash)
            message = Outgoing(self._topics.samples, self.partition, encode_record(news))
            await self._cluster.produce([message])

    async def _rewind(self) -> Judge:
        """The engine of the snapshot, and the position of it."""
        snapshot = self._snapshot
        engine = await asyncio.to_thread(self._restore, snapshot.data if snapshot else None)
        self.position = snapshot.position if snapshot else 0
        return engine

    async def _catch_up(self, until: int) -> None:
        """Read for ourselves what the consumer did not bring. It has brought a later message, so
        an empty page is a slow broker and never the end."""
        while self.position < until:
            after = {self.partition: self.position}
            for message in await self._samples.read("", after=after, limit=_PAGE):
                if message.position > self.position + 1:
                    log.error(
                        "records are gone that were never judged; is journal.keep too short?",
                        partition=self.partition,
                        first=self.position + 1,
                        last=message.position - 1,
                    )
                    self.position = message.position - 1
                if self.position >= until:
                    return
                await self._fold(message.position, message.value)

    async def _fold(self, position: int, value: bytes | None) -> None:
        """Moves on in any case: what cannot be folded is set aside."""
        assert self._engine is not None  # noqa: S101 - every caller has opened
        record = self._readable(position, value)
        try:
            incidents = self._engine.fold([record]) if record is not None else []
        except Exception as error:
            # A bug. The state may be half changed: go back to the snapshot, and around this one.
            log.exception("a record broke the engine", partition=self.partition, position=position)
            self._set_aside(position, value, reason=f"the engine failed: {error!r}")
            self._refused.add(position)
            self._engine = await self._rewind()
            await self._catch_up(position)
            return
        self._outbox += [
            Outgoing(self._topics.incidents, 0, encode_incident(one), one.id.encode())
            for one in incidents
        ]
        self.position = position
        await self._say()

    def _readable(self, position: int, value: bytes | None) -> Record | None:
        if position in self._refused:
            return None
        try:
            return decode_record(value or b"")
        except ValueError as error:
            self._set_aside(position, value, reason=str(error))
            return None

    def _set_aside(self, position: int, value: bytes | None, *, reason: str) -> None:
        origin = f"{self._topics.samples}/{self.partition}/{position}"
        log.warning("a record is set aside", origin=origin, reason=reason)
        letter = dead_letter(
            self._topics.dead,
            kind="batch",
            origin=origin,
            reason=reason,
            payload=value or b"",
            at=self._clock.now(),
        )
        self._outbox.append(letter)

    async def _say(self) -> None:
        """Before the next record is folded, and before any snapshot."""
        if self._outbox:
            await self._cluster.produce(self._outbox)
            self._outbox = []
