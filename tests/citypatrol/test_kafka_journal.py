"""The order, cursor and replay parts of the journal's contract, and what is Kafka's own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from bench.contracts.journal import CONTRACT, Reopen, ticks
from bench.servers.kafka import Kafka, kafka
from citypatrol import metrics
from citypatrol.chunks import CHUNK_BYTES, cut
from citypatrol.clock import ManualClock
from citypatrol.errors import ConfigError, Retry
from citypatrol.history.reading import History
from citypatrol.history.stage import HistoryStage
from citypatrol.journal import Entry, JournalFull, Snapshot
from citypatrol.journal_kafka import MESSAGE_BYTES, KafkaJournal
from citypatrol.kafka import Cluster
from citypatrol.kafka_topics import Outgoing, Topics
from citypatrol.partitions import partition_of
from citypatrol.records import RulesInForce, SourceSeen, Tick
from citypatrol.samples import Batch, Sample

Open = Callable[..., KafkaJournal]


@pytest.fixture
def topics(prefix: str) -> Topics:
    return Topics.of(prefix)


@pytest.fixture
async def journal_of(kafka_server: Kafka, topics: Topics) -> AsyncIterator[Open]:
    """Opens journals on the test's own topics, each with its own connection."""
    async with contextlib.AsyncExitStack() as held:

        def open_one(*, partitions: int = 1, **more: object) -> KafkaJournal:
            layout = topics.layout(partitions=partitions, keep=86_400_000)
            cluster = Cluster([kafka_server.address], topics=layout)
            held.push_async_callback(cluster.close)
            journal = KafkaJournal(cluster, topics=topics, partitions=partitions, **more)  # type: ignore[arg-type]
            held.push_async_callback(journal.close)
            return journal

        yield open_one


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
async def test_contract(keeps: Callable[[Reopen], Awaitable[None]], journal_of: Open) -> None:
    await keeps(journal_of)


async def test_what_the_broker_has_let_go_is_behind_the_oldest(
    journal_of: Open, kafka_server: Kafka, topics: Topics
) -> None:
    journal = journal_of(partitions=2)
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


async def test_lag_is_shown_by_cursor(journal_of: Open) -> None:
    journal = journal_of()
    await journal.append([Tick(1), Tick(2), Tick(3)])
    await drain(journal, "influx")
    await journal.commit("influx", 2)
    shown = metrics.REGISTRY.get_sample_value("citypatrol_cursor_lag", {"cursor": "influx"})
    assert shown == 1


async def test_one_process_sees_what_another_appends(journal_of: Open) -> None:
    journal, writer = journal_of(), journal_of()
    assert await journal.read("rules", wait_s=0.05) == []
    waiting = asyncio.create_task(journal.read("rules", wait_s=20))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await writer.append([Tick(1)])
    assert ticks(await waiting) == [1]


async def test_all_of_a_site_lies_in_one_partition(journal_of: Open) -> None:
    journal = journal_of(partitions=4, site={"pump-2": "underpass"}.get)
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


async def test_many_partitions_read_as_one_journal(journal_of: Open) -> None:
    journal = journal_of(partitions=3)
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

    later = journal_of(partitions=3)
    rest = await drain(later, "influx", limit=7)
    assert sorted(rows(first) + rows(more[:5]) + rows(rest)) == sorted(samples)
    assert await later.end() == len(samples)


async def test_another_number_of_partitions_is_an_error_that_names_both(journal_of: Open) -> None:
    await journal_of(partitions=3).open()
    with pytest.raises(ConfigError) as caught:
        await journal_of(partitions=5).open()
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


async def test_a_snapshot_is_replaced_and_its_chunks_erased(
    journal_of: Open, kafka_server: Kafka, topics: Topics
) -> None:
    journal = journal_of()
    assert await journal.load_snapshot("rules") is None
    large = Snapshot(7, bytes(n % 251 for n in range(2 * CHUNK_BYTES + 5)))
    await journal.save_snapshot("rules", large)
    assert await journal_of().load_snapshot("rules") == large
    await journal.save_snapshot("rules", Snapshot(9, b"small"))
    assert await journal_of().load_snapshot("rules") == Snapshot(9, b"small")

    cluster = Cluster([kafka_server.address], topics=topics.layout(partitions=1, keep=86_400_000))
    held = cluster.log(topics.snapshots, group="look")
    newest = await held.newest()
    await held.close()
    await cluster.close()
    assert len(newest) == 2, "one chunk and its head"


async def test_a_snapshot_cut_short_leaves_the_one_before_and_is_erased_later(
    journal_of: Open, kafka_server: Kafka, topics: Topics
) -> None:
    journal = journal_of()
    await journal.save_snapshot("rules", Snapshot(1, b"whole"))
    cluster = Cluster([kafka_server.address], topics=topics.layout(partitions=1, keep=86_400_000))
    chunks, _ = cut("rules@all", b"x" * CHUNK_BYTES, position=2, generation="crashed")
    await cluster.produce(
        [Outgoing(topics.snapshots, 0, chunk.value, chunk.key.encode()) for chunk in chunks]
    )
    assert await journal_of().load_snapshot("rules") == Snapshot(1, b"whole")
    await journal.save_snapshot("rules", Snapshot(3, b"next"))
    later = journal_of()
    await later.load_snapshot("rules")
    await later.save_snapshot("rules", Snapshot(4, b"last"))
    held = cluster.log(topics.snapshots, group="look")
    newest = await held.newest()
    await held.close()
    await cluster.close()
    assert not any(b"crashed" in key for key in newest)


async def test_snapshots_of_partitions_and_processes_are_apart(journal_of: Open) -> None:
    journal = journal_of(partitions=2)
    first, second = journal.partition(0), journal.partition(1)
    inputs = [journal_of(partitions=2, process=name) for name in ("mqtt-1", "mqtt-2")]
    everyone = [journal, first, second, *inputs]
    for n, one in enumerate(everyone):
        assert await one.load_snapshot("state") is None
        await one.save_snapshot("state", Snapshot(n, bytes([n])))
    for n, one in enumerate(everyone):
        assert await one.load_snapshot("state") == Snapshot(n, bytes([n]))
    await first.close()
    await second.close()


async def test_a_site_from_a_topic_outlives_the_process(journal_of: Open) -> None:
    site = next(s for s in map(str, range(99)) if partition_of("x", site=s, count=8) == 5)
    assert partition_of("pump-9", site=None, count=8) != 5
    journal = journal_of(partitions=8)
    await journal.append([SourceSeen(1, "pump-9", {"site": site}, 0, 1)])
    await journal.close()
    later = journal_of(partitions=8)
    await later.append([Batch.of([Sample("pump-9", "x", 1, 1.0)])])
    assert {entry.partition for entry in await drain(later, "look")} == {5}


async def test_what_cannot_be_read_is_passed_over(
    journal_of: Open, kafka_server: Kafka, topics: Topics
) -> None:
    journal = journal_of()
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


async def test_a_large_batch_becomes_messages_that_a_broker_takes(journal_of: Open) -> None:
    journal = journal_of()
    count = 3 * MESSAGE_BYTES // 28
    large = Batch.of([Sample("s", "x", n, float(n)) for n in range(count)])
    assert await journal.append([large]) > 1
    found = rows(await drain(journal, "rules"))
    assert found == list(large.samples())


async def test_the_ticks_of_an_input_process_lie_apart_and_go_with_it(
    journal_of: Open, kafka_server: Kafka, topics: Topics
) -> None:
    journal = journal_of(partitions=2, process="mqtt-1")
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


async def test_history_of_two_partitions_goes_on_where_it_was(
    journal_of: Open, tmp_path: Path
) -> None:
    async def write_some(journal: KafkaJournal) -> None:
        stage = HistoryStage(journal, tmp_path, clock=ManualClock(0), gather_s=0.05, flush_s=0.0)
        stop = asyncio.Event()
        running = asyncio.create_task(stage.run(stop))
        async with asyncio.timeout(30):
            while await journal.committed("history") < await journal.end():
                await asyncio.sleep(0.05)
        stop.set()
        await running

    def values() -> list[float]:
        batches = History(tmp_path).batches(since=0, until=3_600_000)
        return sorted(value for rows in batches for value in rows.batch.value.tolist())

    first = journal_of(partitions=2)
    await first.append([Batch.of([Sample(f"s{n}", "x", n, float(n)) for n in range(8)])])
    await write_some(first)
    assert values() == [float(n) for n in range(8)]

    await first.append([Batch.of([Sample(f"s{n}", "x", n - 1, n + 100.0) for n in range(1, 8)])])
    await write_some(journal_of(partitions=2))
    assert len(values()) == 15
    files = History(tmp_path).files()
    assert sum(file.footer.late for file in files) == 7
    assert [problem.message for problem in History(tmp_path).verify(now=0)] == []

    ahead = await first.load_snapshot("history")
    assert ahead is not None
    await first.append([Batch.of([Sample("s1", "x", 0, 200.0)])])
    await first.save_snapshot("history", Snapshot(ahead.position + 1, ahead.data))
    await write_some(journal_of(partitions=2))
    assert values()[-1] == 200.0
    assert sum(file.footer.late for file in History(tmp_path).files()) == 7  # told anew
