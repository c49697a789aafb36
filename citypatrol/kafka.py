"""The only file that knows aiokafka: topics, awaited produce, and logs with named cursors.

Foreign errors become ``Retry`` here (the runtime waits), or ``ConfigError`` where somebody has to
mend a file or a topic.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from citypatrol.errors import ConfigError, Problem, Retry
from citypatrol.kafka_topics import Incoming, Outgoing, Topic

FETCH_S = 5.0
"""How long a read that knows that there is something waits for the broker to hand it over."""


@contextlib.contextmanager
def _foreign(brokers: Sequence[str], verb: str) -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        why = f"({type(error).__name__}); is it up, and is that its address?"
        message = f"Kafka at {', '.join(brokers)} did not {verb} {why}"
        raise Retry(message) from error


class Cluster:
    """One connection for what is produced, and the topics, made on ``open`` where they miss.

    ``open`` raises ``Retry`` where no broker answers and ``ConfigError`` where a topic has another
    number of partitions than it must have. Nothing connects before.
    """

    def __init__(
        self, brokers: Sequence[str], *, topics: Sequence[Topic], replication: int = 1
    ) -> None:
        self.brokers = list(brokers)
        self._topics = {topic.name: topic for topic in topics}
        self._replication = replication
        self._opening = asyncio.Lock()
        self._sending = asyncio.Lock()
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> AIOKafkaProducer:
        async with self._opening:
            if self._producer is not None:
                return self._producer
            with _foreign(self.brokers, "start"):
                await self._make_topics()
                producer = AIOKafkaProducer(
                    bootstrap_servers=self.brokers, acks="all", enable_idempotence=True
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
            self._producer = producer
            return producer

    async def produce(self, messages: Sequence[Outgoing]) -> list[int]:
        """Their positions, once every one is stored by all replicas in sync, in this order in each
        partition. Raises ``Retry``; then some may be stored all the same."""
        producer = await self.open()
        sent = []
        with _foreign(self.brokers, "take what was sent"):
            async with self._sending:  # what is sent at once lies together in its partition
                for message in messages:
                    future = await producer.send(
                        message.topic,
                        message.value,
                        key=message.key,
                        partition=message.partition,
                        headers=list(message.headers),
                    )
                    sent.append(future)
            if sent:
                await asyncio.wait(sent)
            errors = [error for one in sent if (error := one.exception())]
            if errors:
                raise errors[0]
            return [one.result().offset + 1 for one in sent]

    def log(self, topic: str, *, partitions: Sequence[int] | None = None, group: str) -> "Log":
        """The topic as a log to read; ``partitions`` default to all of them."""
        if partitions is None:
            partitions = range(self._topics[topic].partitions)
        return Log(self, topic, partitions=partitions, group=group)

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def _make_topics(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.brokers)
        try:
            await admin.start()
            there = await self._counts(admin)
            new = [topic for name, topic in self._topics.items() if name not in there]
            if new:
                await self._create(admin, new)
                there = await self._counts(admin)
        finally:
            await admin.close()
        differing = [
            f"topic '{name}' has {there[name]} partitions, the configuration says "
            f"{topic.partitions}; set journal.partitions to {there[name]}, or use a new prefix"
            for name, topic in self._topics.items()
            if name in there and there[name] != topic.partitions
        ]
        if differing:
            raise ConfigError([Problem("journal", 0, 0, text) for text in differing])

    async def _counts(self, admin: AIOKafkaAdminClient) -> dict[str, int]:
        described = await admin.describe_topics(list(self._topics))
        return {one["topic"]: len(one["partitions"]) for one in described if not one["error_code"]}

    async def _create(self, admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
        answer = await admin.create_topics(
            [
                NewTopic(one.name, one.partitions, self._replication, topic_configs=one.config)
                for one in topics
            ]
        )
        for name, code, *text in answer.topic_errors:
            error = for_code(code)
            if code and error.retriable:
                raise error(name)
            if code and error is not TopicAlreadyExistsError:
                message = f"topic '{name}' cannot be created: {text[0] if text else error}"
                raise ConfigError([Problem("journal", 0, 0, message)])


@dataclass(slots=True)
class _Cursor:
    consumer: AIOKafkaConsumer
    committed: dict[int, int]
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Log:
    """Partitions of a topic, read from named cursors. One cursor has one reader at a time: its
    committed place is remembered here, so a second reader's commits would not be seen."""

    def __init__(
        self, cluster: Cluster, topic: str, *, partitions: Sequence[int], group: str
    ) -> None:
        self.topic = topic
        self.partitions = tuple(partitions)
        self._cluster = cluster
        self._group = group
        self._cursors: dict[str, _Cursor] = {}
        self._opening = asyncio.Lock()

    async def read(
        self,
        cursor: str,
        *,
        after: Mapping[int, int] | None = None,
        limit: int = 500,
        wait_s: float = 0.0,
    ) -> list[Incoming]:
        """Up to ``limit`` messages behind ``after`` (default: behind what was committed)."""
        state = await self._cursor(cursor)
        async with state.lock:
            with _foreign(self._cluster.brokers, "hand over messages"):
                await self._seek(state, after)
                found = await self._poll(state, limit=limit, wait_s=wait_s)
                if not found and await self._behind(state):
                    found = await self._poll(state, limit=limit, wait_s=FETCH_S)
        return found

    async def commit(self, cursor: str, positions: Mapping[int, int]) -> None:
        """Everything up to these positions is done with. Never moves a cursor back."""
        state = await self._cursor(cursor)
        async with state.lock:
            ahead = {p: at for p, at in positions.items() if at > state.committed[p]}
            if not ahead:
                return
            with _foreign(self._cluster.brokers, "commit a cursor"):
                await state.consumer.commit({self._at(p): at for p, at in ahead.items()})
            state.committed.update(ahead)

    async def committed(self, cursor: str) -> dict[int, int]:
        return dict((await self._cursor(cursor)).committed)

    async def end(self) -> dict[int, int]:
        """The position of the last message of each partition, 0 in an empty one."""
        state = await self._cursor("")
        with _foreign(self._cluster.brokers, "say where its topics end"):
            return await self._ends(state)

    async def beginning(self) -> dict[int, int]:
        """How many messages of each partition are gone by its retention."""
        state = await self._cursor("")
        with _foreign(self._cluster.brokers, "say where its topics begin"):
            places = [self._at(p) for p in self.partitions]
            begins = await state.consumer.beginning_offsets(places)
        return {place.partition: begins[place] for place in places}

    async def newest(self) -> dict[bytes, bytes]:
        """The newest value of every key, in the order of the log: for compacted topics."""
        newest: dict[bytes, bytes] = {}
        state = await self._cursor("")
        async with state.lock:
            with _foreign(self._cluster.brokers, "hand over messages"):
                await self._seek(state, dict.fromkeys(self.partitions, 0))
                while found := await self._poll(state, limit=1000, wait_s=0) or (
                    await self._behind(state)
                    and await self._poll(state, limit=1000, wait_s=FETCH_S)
                ):
                    for message in found:
                        newest.pop(message.key or b"", None)
                        if message.value is not None:
                            newest[message.key or b""] = message.value
        return newest

    async def close(self) -> None:
        cursors, self._cursors = self._cursors, {}
        for state in cursors.values():
            await state.consumer.stop()

    async def _cursor(self, name: str) -> _Cursor:
        async with self._opening:
            if name not in self._cursors:
                await self._cluster.open()
                with _foreign(self._cluster.brokers, f"open the cursor '{name}'"):
                    self._cursors[name] = await self._new_cursor(name)
            return self._cursors[name]

    async def _new_cursor(self, name: str) -> _Cursor:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._cluster.brokers,
            group_id=f"{self._group}.{name}" if name else None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        try:
            await consumer.start()
            consumer.assign([self._at(p) for p in self.partitions])
            committed = dict.fromkeys(self.partitions, 0)
            if name:
                for p in self.partitions:
                    committed[p] = await consumer.committed(self._at(p)) or 0
        except BaseException:
            await consumer.stop()
            raise
        return _Cursor(consumer, committed)

    def _at(self, partition: int) -> TopicPartition:
        return TopicPartition(self.topic, partition)

    async def _seek(self, state: _Cursor, after: Mapping[int, int] | None) -> None:
        for partition, at in (state.committed if after is None else after).items():
            if await state.consumer.position(self._at(partition)) != at:
                state.consumer.seek(self._at(partition), at)

    async def _poll(self, state: _Cursor, *, limit: int, wait_s: float) -> list[Incoming]:
        got = await state.consumer.getmany(timeout_ms=int(wait_s * 1000), max_records=limit)
        return [
            Incoming(
                place.partition, one.offset + 1, one.value, one.key, one.headers, one.timestamp
            )
            for place in sorted(got)
            for one in got[place]
        ]

    async def _ends(self, state: _Cursor) -> dict[int, int]:
        places = [self._at(p) for p in self.partitions]
        ends = await state.consumer.end_offsets(places)
        return {place.partition: ends[place] for place in places}

    async def _behind(self, state: _Cursor) -> bool:
        for partition, end in (await self._ends(state)).items():
            if await state.consumer.position(self._at(partition)) < end:
                return True
        return False
