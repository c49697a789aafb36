"""The order, cursor and replay parts of the journal's contract, and what is Kafka's own."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from bench.contracts.journal import CONTRACT, Reopen, ticks
from bench.servers.kafka import Kafka, kafka
from citypatrol import metrics
from citypatrol.errors import ConfigError, Retry
from citypatrol.journal import Entry, JournalFull
from citypatrol.journal_kafka import MESSAGE_BYTES, KafkaJournal
from citypatrol.kafka import Cluster
from citypatrol.kafka_topics import Outgoing, Topics
from citypatrol.partitions import partition_of
from citypatrol.records import RulesInForce, SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from tests.citypatrol.a_journal import OpenKafkaJournal


def rows(entries: list[Entry]) -> list[Sample]:
    return [
        sample
        for entry in entries
        if isinstance(entry.record, Batch)
        for sample in entry.record.samples()
    ]


async def drain(
    journal: KafkaJournal,
    cursor: str,
    *,
    after: int | None = None,
    count: int | None = None,
    limit: int = 500,
) -> list[Entry]:
    """Page by page to the end, or until ``count`` entries: a page may be shorter than asked."""
    entries: list[Entry] = []
    while count is None or len(entries) < count:
        wanted = limit if count is None else count - len(entries)
        page = await journal.read(
            cursor, after=entries[-1].position if entries else after, limit=wanted
        )
        if not page:
            break
        assert len(page) <= wanted
        entries += page
    return entries


@pytest.mark.parametrize("keeps", CONTRACT, ids=lambda f: f.__name__)
async def test_contract(
    keeps: Callable[[Reopen], Awaitable[None]], kafka_journal: OpenKafkaJournal
) -> None:
    await keeps(kafka_journal)


async def test_what_the_broker_has_let_go_is_behind_the_oldest(
    kafka_journal: OpenKafkaJournal, kafka_server: Kafka, topics: Topics
) -> None:
    journal = kafka_journal(partitions=2)
    await journal.append([Tick(n) for n in range(5)])
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_server.address)
    await admin.start()
    gone = {TopicPartition(topics.samples, 1): RecordsToDelete(before_offset=3)}
    await admin.delete_records(gone)
    await admin.close()
    assert await journal.oldest() == 4
    left = journal.partition(1)
    assert await left.oldest() == 4
    assert ticks(await drain(left, "late")) == [3, 4]
    await left.close()


async def test_lag_is_shown_by_cursor(kafka_journal: OpenKafkaJournal) -> None:
    journal = kafka_journal()
    await journal.append([Tick(1), Tick(2), Tick(3)])
    await drain(journal, "influx")
    await journal.commit("influx", 2)
    shown = metrics.REGISTRY.get_sample_value("citypatrol_cursor_lag", {"cursor": "influx"})
    assert shown == 1


async def test_one_process_sees_what_another_appends(kafka_journal: OpenKafkaJournal) -> None:
    journal, writer = kafka_journal(), kafka_journal()
    assert await journal.read("rules", wait_s=0.05) == []
    waiting = asyncio.create_task(journal.read("rules", wait_s=20))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await writer.append([Tick(1)])
    assert ticks(await waiting) == [1]


async def test_all_of_a_site_lies_in_one_partition(kafka_journal: OpenKafkaJournal) -> None:
    journal = kafka_journal(partitions=4, site={"pump-2": "underpass"}.get)
    seen = SourceSeen(1, "pump-1", {"site": "underpass"}, 0, 1)
    samples = [Sample(f"alone-{n}", "x", n, 1.0) for n in range(30)]
    samples += [Sample("pump-1", "x", 1, 1.0), Sample("pump-2", "x", 1, 2.0)]
    await journal.append([seen, Batch.of(samples), Tick(5), RulesInForce(6, "ab")])

    entries: list[Entry] = []
    for n in range(4):
        view = journal.partition(n)
        part = await drain(view, "look")
        await view.close()
        assert [e.position for e in part] == list(range(1, len(part) + 1))
        assert ticks(part) == [5]
        assert [e.record for e in part][-1] == RulesInForce(6, "ab")
        for sample in rows(part):
            site = "underpass" if sample.source.startswith("pump") else None
            assert partition_of(sample.source, site=site, count=4) == n
        entries += part
    home = partition_of("pump-1", site="underpass", count=4)
    assert [e.partition for e in entries if e.record == seen] == [home]
    assert sorted(rows(entries)) == sorted(samples)


async def test_many_partitions_read_as_one_journal(kafka_journal: OpenKafkaJournal) -> None:
    journal = kafka_journal(partitions=3)
    samples = [Sample(f"s{n}", "x", n, 1.0) for n in range(60)]
    for sample in samples:
        await journal.append([Batch.of([sample])])
    first = await drain(journal, "influx", count=25)
    assert [entry.position for entry in first] == list(range(1, 26))
    more = await drain(journal, "influx", after=25, count=25)
    await journal.commit("influx", more[4].position)
    assert await journal.committed("influx") == more[4].position
    with pytest.raises(ValueError, match="position 1 was not read by this cursor"):
        await journal.read("influx", after=1)

    later = kafka_journal(partitions=3)
    rest = await drain(later, "influx", limit=7)
    assert sorted(rows(first) + rows(more[:5]) + rows(rest)) == sorted(samples)
    assert await later.end() == len(samples)


async def test_another_number_of_partitions_is_an_error_that_names_both(
    kafka_journal: OpenKafkaJournal,
) -> None:
    await kafka_journal(partitions=3).open()
    with pytest.raises(ConfigError) as caught:
        await kafka_journal(partitions=5).open()
    text = str(caught.value)
    assert "samples' has 3 partitions, the configuration says 5" in text
    assert "snapshots' has 3 partitions" in text
    assert "set journal.partitions to 3, or use a new prefix" in text


async def test_a_topic_that_cannot_be_made_is_an_error_with_kafkas_reason(
    kafka_server: Kafka, topics: Topics
) -> None:
    layout = topics.layout(partitions=1, keep=86_400_000)
    cluster = Cluster([kafka_server.address], topics=layout, replication=3)
    with pytest.raises(ConfigError, match=r"samples' cannot be created: .* factor of 3"):
        await cluster.open()
    await cluster.close()


async def test_a_site_from_a_topic_outlives_the_process(kafka_journal: OpenKafkaJournal) -> None:
    site = next(s for s in map(str, range(99)) if partition_of("x", site=s, count=8) == 5)
    assert partition_of("pump-9", site=None, count=8) != 5
    journal = kafka_journal(partitions=8)
    await journal.append([SourceSeen(1, "pump-9", {"site": site}, 0, 1)])
    await journal.close()
    later = kafka_journal(partitions=8)
    await later.append([Batch.of([Sample("pump-9", "x", 1, 1.0)])])
    assert {entry.partition for entry in await drain(later, "look")} == {5}


async def test_what_cannot_be_read_is_passed_over(
    kafka_journal: OpenKafkaJournal, kafka_server: Kafka, topics: Topics
) -> None:
    journal = kafka_journal()
    await journal.append([Tick(1)])
    cluster = Cluster([kafka_server.address], topics=topics.layout(partitions=1, keep=86_400_000))
    garbage = [
        Outgoing(topics.samples, 0, value, b"key") for value in (b"\xff\xff\xff\xffno", b"{}", None)
    ]
    await cluster.produce(garbage)
    await cluster.close()
    await journal.append([Tick(2)])
    entries = await drain(journal, "influx")
    assert [(entry.position, entry.record) for entry in entries] == [(1, Tick(1)), (5, Tick(2))]
    entries = await journal.read("influx", after=1, limit=1)
    assert ticks(entries) == [2], "a page of nothing but garbage is not the end"


async def test_a_large_batch_becomes_messages_that_a_broker_takes(
    kafka_journal: OpenKafkaJournal,
) -> None:
    journal = kafka_journal()
    count = 3 * MESSAGE_BYTES // 28
    large = Batch.of([Sample("s", "x", n, float(n)) for n in range(count)])
    assert await journal.append([large]) > 1
    found = rows(await drain(journal, "rules"))
    assert found == list(large.samples())


async def test_the_ticks_of_an_input_process_lie_apart_and_go_with_it(
    kafka_journal: OpenKafkaJournal, kafka_server: Kafka, topics: Topics
) -> None:
    journal = kafka_journal(partitions=2, process="mqtt-1")
    await journal.append([Tick(1000), Batch.of([Sample("s", "x", 1, 1.0)]), Tick(2000)])
    cluster = Cluster([kafka_server.address], topics=topics.layout(partitions=2, keep=86_400_000))
    times = cluster.log(topics.ticks, group="look")
    assert await times.newest() == {b"mqtt-1": b'{"type":"tick","ts":2000}'}
    assert ticks(await journal.read("rules")) == []
    await journal.close()
    assert await times.newest() == {}
    await times.close()
    await cluster.close()


async def test_no_broker_is_a_reason_to_wait(topics: Topics) -> None:
    cluster = Cluster(["127.0.0.1:1"], topics=topics.layout(partitions=1, keep=1))
    journal = KafkaJournal(cluster, topics=topics, partitions=1)
    with pytest.raises(Retry, match=r"Kafka at 127\.0\.0\.1:1 did not start"):
        await journal.open()
    with pytest.raises(JournalFull, match="nothing is acknowledged until it does"):
        await journal.append([Tick(1)])
    with pytest.raises(Retry):
        await journal.read("rules")
    await journal.close()


async def test_an_outage_delays_and_loses_nothing(topics: Topics) -> None:
    with kafka() as fragile:
        layout = topics.layout(partitions=1, keep=86_400_000)
        cluster = Cluster([fragile.address], topics=layout)
        journal = KafkaJournal(cluster, topics=topics, partitions=1)
        await journal.append([Tick(1)])
        assert ticks(await journal.read("rules")) == [1]
        fragile.stop()
        appending = asyncio.create_task(journal.append([Tick(2)]))
        await asyncio.sleep(2)
        assert not appending.done()
        await asyncio.to_thread(fragile.start)
        assert await asyncio.wait_for(appending, 60) == 2
        assert ticks(await journal.read("rules", after=1, wait_s=30)) == [2]
        await journal.close()
