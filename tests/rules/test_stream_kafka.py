"""What stands around Faust, on a real Kafka: the owner of a partition."""

import asyncio
import contextlib

import orjson
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from structlog.testing import capture_logs

from bench.servers.kafka import kafka
from citypatrol.clock import ManualClock
from citypatrol.errors import Retry
from citypatrol.journal import Snapshot
from citypatrol.journal_kafka import KafkaJournal
from citypatrol.kafka_config import KafkaJournalConfig
from citypatrol.kafka_topics import Outgoing
from citypatrol.records import RulesInForce, Tick, encode_record
from rules.owner import Owner
from rules.owners import Owners
from tests.rules.an_owner import Counting, all_of, fill, owner_of, reading, said


async def test_an_owner_goes_on_from_its_snapshot_whatever_the_consumer_brings(
    kafka_journal: KafkaJournal, config: KafkaJournalConfig
) -> None:
    ticks = [encode_record(Tick(n)) for n in range(1, 11)]
    await fill(kafka_journal, config, ticks)
    first = owner_of(kafka_journal, config)
    for position in (1, 2, 2, 1, 3):
        await first.judge(position, ticks[position - 1])
    await first.save()
    await first.judge(4, ticks[3])
    await first.close()  # as a crash would: 4 is said, and not in the snapshot
    assert await said(kafka_journal, config) == [1, 2, 3, 4]

    second = owner_of(kafka_journal, config)
    await second.judge(8, ticks[7])
    assert await said(kafka_journal, config) == [1, 2, 3, 4, 4, 5, 6, 7, 8], "read again from Kafka"
    await second.judge(7, ticks[6])
    assert second.position == 8
    await second.close()


async def test_what_cannot_be_read_or_breaks_the_engine_is_set_aside_alone(
    kafka_journal: KafkaJournal, config: KafkaJournalConfig
) -> None:
    one = owner_of(kafka_journal, config, breaks_at=3)
    good = [encode_record(Tick(n)) for n in range(1, 6)]
    values = [good[0], b"\xff\xff\xff\xffno batch", good[1], good[2], good[3]]
    await fill(kafka_journal, config, values)
    for position, value in enumerate(values, start=1):
        await one.judge(position, value)
    await one.save()
    assert (await kafka_journal.partition(0).load_snapshot("rules")).data == b"[1,2,4]"  # type: ignore[union-attr]
    assert sorted(set(await said(kafka_journal, config))) == [1, 2, 4]
    letters = await all_of(kafka_journal, config.topics.dead)
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
    kafka_journal: KafkaJournal, config: KafkaJournalConfig
) -> None:
    ticks = [encode_record(Tick(n)) for n in range(1, 7)]
    await fill(kafka_journal, config, ticks)
    admin = AIOKafkaAdminClient(bootstrap_servers=config.brokers)
    await admin.start()
    await admin.delete_records(
        {TopicPartition(config.topics.samples, 0): RecordsToDelete(before_offset=3)}
    )
    await admin.close()
    one = owner_of(kafka_journal, config)
    with capture_logs() as logs:
        await one.judge(6, ticks[5])
    assert await said(kafka_journal, config) == [4, 5, 6]
    assert [(e["first"], e["last"]) for e in logs if e["log_level"] == "error"] == [(1, 3)]
    await one.close()


async def test_bytes_that_are_no_state_are_worked_out_again(
    kafka_journal: KafkaJournal, config: KafkaJournalConfig
) -> None:
    await fill(kafka_journal, config, [encode_record(Tick(1))])
    view = kafka_journal.partition(0)
    await view.save_snapshot("rules", Snapshot(1, b"no state"))
    await view.close()
    one = owner_of(kafka_journal, config)
    await one.judge(1, encode_record(Tick(1)))
    assert await said(kafka_journal, config) == [1]
    await one.close()


async def test_a_damaged_snapshot_is_worked_out_again(
    kafka_journal: KafkaJournal, config: KafkaJournalConfig
) -> None:
    await fill(kafka_journal, config, [encode_record(Tick(n)) for n in range(1, 4)])
    one = owner_of(kafka_journal, config)
    await one.judge(3, encode_record(Tick(3)))
    await one.save()
    await one.close()
    async with reading(kafka_journal, config.topics.snapshots) as log:
        chunks = [key for key in await log.newest() if key.startswith(b"rules/")]
    await kafka_journal.cluster.produce(
        [Outgoing(config.topics.snapshots, 0, None, k) for k in chunks]
    )
    again = owner_of(kafka_journal, config)
    await again.judge(3, encode_record(Tick(3)))
    assert await said(kafka_journal, config) == [1, 2, 3, 1, 2, 3]
    await again.close()


async def test_an_owner_judges_by_other_rules_and_says_so(
    kafka_journal: KafkaJournal, config: KafkaJournalConfig
) -> None:
    """What the old rules judged is saved before; a second call, as after an outage, is harmless."""
    ticks = [encode_record(Tick(n)) for n in (1, 2)]
    await fill(kafka_journal, config, ticks)
    owner = owner_of(kafka_journal, config)
    await owner.judge(1, ticks[0])
    restored: list[bytes | None] = []

    def restore(data: bytes | None) -> Counting:
        restored.append(data)
        return Counting([*orjson.loads(data or b"[]"), 2])

    await owner.reload(restore, rules_hash="cd34")
    kept = await kafka_journal.partition(0).load_snapshot("rules")
    assert kept is not None
    assert (kept.position, kept.data) == (1, b"[1]")
    await owner.reload(restore, rules_hash="cd34")
    assert restored == [b"[1]"]
    await owner.judge(2, ticks[1])
    assert await said(kafka_journal, config) == [1], "the other rules say nothing of 2"
    news = [one.value for one in await all_of(kafka_journal, config.topics.samples)][2:]
    assert set(news) == {encode_record(RulesInForce(7, "cd34"))}
    await owner.close()


async def test_owners_tick_every_partition_and_give_their_states_over(
    kafka_journal: KafkaJournal, config: KafkaJournalConfig
) -> None:
    def make(partition: int) -> Owner:
        return Owner(
            partition,
            cluster=kafka_journal.cluster,
            topics=config.topics,
            journal=kafka_journal.partition(partition),
            restore=lambda data: Counting(orjson.loads(data or b"[]")),
            rules_hash="ab12",
            clock=ManualClock(7),
        )

    owners = Owners(make, cluster=kafka_journal.cluster, samples=config.topics.samples)
    owners.take([0, 1])
    await owners.tick(1000)
    for partition in (0, 1):
        view = kafka_journal.partition(partition)
        assert [entry.record for entry in await view.read("look", wait_s=10)] == [Tick(1000)]
        await view.close()
        await owners.judge(partition, 1, encode_record(Tick(1000)))
    assert owners.positions() == {0: 1, 1: 1}

    refusals, reloaded = [Retry("away")], []

    async def reload(owner: Owner) -> None:
        if refusals:
            raise refusals.pop()
        reloaded.append(owner.partition)

    await owners.reload(reload)
    assert reloaded == [0, 1]
    await owners.give([1, 5])
    assert owners.positions() == {0: 1}
    handed = await kafka_journal.partition(1).load_snapshot("rules")
    assert handed is not None
    assert (handed.position, handed.data) == (1, b"[1000]")
    await owners.give([0])
