"""What stands around Faust, on a real Kafka: the owner of a partition, and the stages of serve."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import orjson
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from structlog.testing import capture_logs

from bench.servers.kafka import kafka
from citypatrol.clock import ManualClock
from citypatrol.dead import DeadStore
from citypatrol.dead_kafka import DeadFromKafka
from citypatrol.errors import Retry
from citypatrol.journal import Snapshot
from citypatrol.journal_kafka import KafkaJournal
from citypatrol.kafka import Log
from citypatrol.kafka_config import KafkaJournalConfig
from citypatrol.kafka_topics import Incoming, Outgoing
from citypatrol.records import Record, Tick, encode_record
from rules.incidents import Incident, decode_incident, encode_incident
from rules.incidents_kafka import IncidentsFromKafka
from rules.owner import Judge, Owner
from rules.owners import Owners


@pytest.fixture
async def journal(config: KafkaJournalConfig) -> AsyncIterator[KafkaJournal]:
    journal = config.build()
    await journal.open()
    yield journal
    await journal.close()


@contextlib.asynccontextmanager
async def reading(journal: KafkaJournal, topic: str) -> AsyncIterator[Log]:
    log = journal.cluster.log(topic, group="look")
    yield log
    await log.close()


async def all_of(journal: KafkaJournal, topic: str) -> list[Incoming]:
    found: list[Incoming] = []
    async with reading(journal, topic) as log:
        while page := await log.read("", after={0: found[-1].position if found else 0}):
            found += page
    return found


class Counting:
    """An engine whose every tick is an incident. A tick at ``breaks_at`` is a bug in it, and one
    that leaves its state half changed."""

    def __init__(self, ticks: list[int], *, breaks_at: int = -1) -> None:
        self.ticks = ticks
        self.breaks_at = breaks_at
        self.in_force: str | None = "ab12"

    def fold(self, records: Sequence[Record]) -> list[Incident]:
        said = []
        for record in records:
            if isinstance(record, Tick) and record.ts not in self.ticks:
                self.ticks.append(record.ts)
                if record.ts == self.breaks_at:
                    raise ZeroDivisionError
                said.append(incident(record.ts))
        return said

    def snapshot(self) -> bytes:
        return orjson.dumps(self.ticks)


def incident(at: int) -> Incident:
    return Incident(f"inc_{at}", "r", "s", "m", at, at, float(at))


def owner_of(journal: KafkaJournal, config: KafkaJournalConfig, *, breaks_at: int = -1) -> Owner:
    def restore(data: bytes | None) -> Judge:
        return Counting(orjson.loads(data or b"[]"), breaks_at=breaks_at)

    return Owner(
        0,
        cluster=journal.cluster,
        topics=config.topics,
        journal=journal.partition(0),
        restore=restore,
        rules_hash="ab12",
        clock=ManualClock(7),
    )


async def fill(journal: KafkaJournal, config: KafkaJournalConfig, values: Sequence[bytes]) -> None:
    await journal.cluster.produce([Outgoing(config.topics.samples, 0, one) for one in values])


async def said(journal: KafkaJournal, config: KafkaJournalConfig) -> list[int]:
    found = await all_of(journal, config.topics.incidents)
    return [decode_incident(message.value or b"").since for message in found]


async def test_an_owner_goes_on_from_its_snapshot_whatever_the_consumer_brings(
    journal: KafkaJournal, config: KafkaJournalConfig
) -> None:
    ticks = [encode_record(Tick(n)) for n in range(1, 11)]
    await fill(journal, config, ticks)
    first = owner_of(journal, config)
    for position in (1, 2, 2, 1, 3):
        await first.judge(position, ticks[position - 1])
    await first.save()
    await first.judge(4, ticks[3])
    await first.close()  # as a crash would: 4 is said, and not in the snapshot
    assert await said(journal, config) == [1, 2, 3, 4]

    second = owner_of(journal, config)
    await second.judge(8, ticks[7])
    assert await said(journal, config) == [1, 2, 3, 4, 4, 5, 6, 7, 8], "read again from Kafka"
    await second.judge(7, ticks[6])
    assert second.position == 8
    await second.close()


async def test_what_cannot_be_read_or_breaks_the_engine_is_set_aside_alone(
    journal: KafkaJournal, config: KafkaJournalConfig
) -> None:
    one = owner_of(journal, config, breaks_at=3)
    good = [encode_record(Tick(n)) for n in range(1, 6)]
    values = [good[0], b"\xff\xff\xff\xffno batch", good[1], good[2], good[3]]
    await fill(journal, config, values)
    for position, value in enumerate(values, start=1):
        await one.judge(position, value)
    await one.save()
    assert (await journal.partition(0).load_snapshot("rules")).data == b"[1,2,4]"  # type: ignore[union-attr]
    assert sorted(set(await said(journal, config))) == [1, 2, 4]
    letters = await all_of(journal, config.topics.dead)
    reasons = [dict(letter.headers)["reason"].decode() for letter in letters]
    assert {letter.value for letter in letters} == {values[1], good[2]}
    assert any("not an Arrow stream" in reason for reason in reasons)
    assert any("the engine failed: ZeroDivisionError" in reason for reason in reasons)
    await one.close()


async def test_incidents_that_kafka_did_not_take_are_said_before_anything_else(
    config: KafkaJournalConfig,
) -> None:
    with kafka() as fragile:
        address = {"brokers": [fragile.address]}
        config = config.model_copy(update=address)
        journal = config.build()
        one = owner_of(journal, config)
        await one.open()
        await fill(journal, config, [encode_record(Tick(1))])
        fragile.stop()
        judging = asyncio.create_task(one.judge(1, encode_record(Tick(1))))
        await asyncio.sleep(1)
        judging.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await judging
        assert one.position == 1
        await asyncio.to_thread(fragile.start)
        await one.save()
        assert set(await said(journal, config)) == {1}
        snapshot = await journal.partition(0).load_snapshot("rules")
        assert snapshot is not None
        assert snapshot.position == 1
        await one.close()
        await journal.close()


async def test_records_that_kafka_no_longer_holds_are_missed_loudly(
    journal: KafkaJournal, config: KafkaJournalConfig
) -> None:
    ticks = [encode_record(Tick(n)) for n in range(1, 7)]
    await fill(journal, config, ticks)
    admin = AIOKafkaAdminClient(bootstrap_servers=config.brokers)
    await admin.start()
    await admin.delete_records(
        {TopicPartition(config.topics.samples, 0): RecordsToDelete(before_offset=3)}
    )
    await admin.close()
    one = owner_of(journal, config)
    with capture_logs() as logs:
        await one.judge(6, ticks[5])
    assert await said(journal, config) == [4, 5, 6]
    assert [(e["first"], e["last"]) for e in logs if e["log_level"] == "error"] == [(1, 3)]
    await one.close()


async def test_bytes_that_are_no_state_are_worked_out_again(
    journal: KafkaJournal, config: KafkaJournalConfig
) -> None:
    await fill(journal, config, [encode_record(Tick(1))])
    view = journal.partition(0)
    await view.save_snapshot("rules", Snapshot(1, b"no state"))
    await view.close()
    one = owner_of(journal, config)
    await one.judge(1, encode_record(Tick(1)))
    assert await said(journal, config) == [1]
    await one.close()


async def test_a_damaged_snapshot_is_worked_out_again(
    journal: KafkaJournal, config: KafkaJournalConfig
) -> None:
    await fill(journal, config, [encode_record(Tick(n)) for n in range(1, 4)])
    one = owner_of(journal, config)
    await one.judge(3, encode_record(Tick(3)))
    await one.save()
    await one.close()
    async with reading(journal, config.topics.snapshots) as log:
        chunks = [key for key in await log.newest() if key.startswith(b"rules/")]
    await journal.cluster.produce([Outgoing(config.topics.snapshots, 0, None, k) for k in chunks])
    again = owner_of(journal, config)
    await again.judge(3, encode_record(Tick(3)))
    assert await said(journal, config) == [1, 2, 3, 1, 2, 3]
    await again.close()


async def test_owners_tick_every_partition_and_give_their_states_over(
    journal: KafkaJournal, config: KafkaJournalConfig
) -> None:
    def make(partition: int) -> Owner:
        return Owner(
            partition,
            cluster=journal.cluster,
            topics=config.topics,
            journal=journal.partition(partition),
            restore=lambda data: Counting(orjson.loads(data or b"[]")),
            rules_hash="ab12",
            clock=ManualClock(7),
        )

    owners = Owners(make, cluster=journal.cluster, samples=config.topics.samples)
    owners.take([0, 1])
    await owners.tick(1000)
    for partition in (0, 1):
        view = journal.partition(partition)
        assert [entry.record for entry in await view.read("look", wait_s=10)] == [Tick(1000)]
        await view.close()
        await owners.judge(partition, 1, encode_record(Tick(1000)))
    assert owners.positions() == {0: 1, 1: 1}
    await owners.give([1, 5])
    assert owners.positions() == {0: 1}
    handed = await journal.partition(1).load_snapshot("rules")
    assert handed is not None
    assert (handed.position, handed.data) == (1, b"[1000]")
    await owners.give([0])


async def stopped_when(task: "asyncio.Task[None]", stop: asyncio.Event, seen: list[object]) -> None:
    for _ in range(300):
        if seen or task.done():
            break
        await asyncio.sleep(0.1)
    stop.set()
    await asyncio.wait_for(task, 30)


async def test_incidents_are_applied_before_the_cursor_moves(
    journal: KafkaJournal, config: KafkaJournalConfig
) -> None:
    topics = config.topics
    values = [encode_incident(incident(1)), b"no incident", encode_incident(incident(2))]
    await journal.cluster.produce([Outgoing(topics.incidents, 0, value) for value in values])

    async def refuse(incidents: list[Incident]) -> None:
        message = "the database is away"
        raise Retry(message)

    clock = ManualClock(1234)
    stage = IncidentsFromKafka(config, apply=refuse, clock=clock)
    assert stage.waiting_for() == f"Kafka at {config.brokers[0]}"
    with pytest.raises(Retry, match="the database is away"):
        await asyncio.wait_for(stage.run(asyncio.Event()), 30)

    applied: list[object] = []

    async def apply(incidents: list[Incident]) -> None:
        applied.extend(incidents)

    stage = IncidentsFromKafka(config, apply=apply, clock=clock)
    stop = asyncio.Event()
    await stopped_when(asyncio.create_task(stage.run(stop)), stop, applied)
    assert applied == [incident(1), incident(2)]

    applied.clear()
    await journal.cluster.produce([Outgoing(topics.incidents, 0, encode_incident(incident(3)))])
    stop = asyncio.Event()
    await stopped_when(asyncio.create_task(stage.run(stop)), stop, applied)
    assert applied == [incident(3)], "what was applied is committed"
    letters = await all_of(journal, topics.dead)
    assert {letter.value for letter in letters} == {b"no incident"}


async def test_dead_letters_come_into_the_store(
    journal: KafkaJournal, config: KafkaJournalConfig, tmp_path: Path
) -> None:
    one = owner_of(journal, config)
    await fill(journal, config, [b"garbage"])
    await one.judge(1, b"garbage")
    await one.close()
    await journal.cluster.produce([Outgoing(config.topics.dead, 0, b"from elsewhere")])
    store = DeadStore(tmp_path / "dead.db")
    stop = asyncio.Event()
    stage = DeadFromKafka(config, store=store, clock=ManualClock(99))
    task = asyncio.create_task(stage.run(stop))
    for _ in range(300):
        if len(await asyncio.to_thread(store.list)) == 2:
            break
        await asyncio.sleep(0.1)
    stop.set()
    await asyncio.wait_for(task, 30)
    other, letter = await asyncio.to_thread(store.list)
    assert (letter.kind, letter.payload, letter.at) == ("batch", b"garbage", 7)
    assert letter.origin == f"{config.topics.samples}/0/1"
    assert "not a journal record" in letter.reason
    assert (other.payload, other.reason, other.at) == (b"from elsewhere", "no reason was given", 99)
    store.close()
