"""Snapshots in Kafka: cut into chunks, replaced whole, and apart by partition and process."""

import asyncio
from pathlib import Path

from bench.servers.kafka import Kafka
from citypatrol.chunks import CHUNK_BYTES, cut
from citypatrol.clock import ManualClock
from citypatrol.history.reading import History
from citypatrol.history.stage import HistoryStage
from citypatrol.journal import Snapshot
from citypatrol.journal_kafka import KafkaJournal
from citypatrol.kafka import Cluster
from citypatrol.kafka_topics import Outgoing, Topics
from citypatrol.samples import Batch, Sample
from tests.citypatrol.a_journal import OpenKafkaJournal


async def test_a_snapshot_is_replaced_and_its_chunks_erased(
    kafka_journal: OpenKafkaJournal, kafka_server: Kafka, topics: Topics
) -> None:
    journal = kafka_journal()
    assert await journal.load_snapshot("rules") is None
    large = Snapshot(7, bytes(n % 251 for n in range(2 * CHUNK_BYTES + 5)))
    await journal.save_snapshot("rules", large)
    assert await kafka_journal().load_snapshot("rules") == large
    await journal.save_snapshot("rules", Snapshot(9, b"small"))
    assert await kafka_journal().load_snapshot("rules") == Snapshot(9, b"small")

    cluster = Cluster([kafka_server.address], topics=topics.layout(partitions=1, keep=86_400_000))
    held = cluster.log(topics.snapshots, group="look")
    newest = await held.newest()
    await held.close()
    await cluster.close()
    assert len(newest) == 2, "one chunk and its head"


async def test_a_snapshot_cut_short_leaves_the_one_before_and_is_erased_later(
    kafka_journal: OpenKafkaJournal, kafka_server: Kafka, topics: Topics
) -> None:
    journal = kafka_journal()
    await journal.save_snapshot("rules", Snapshot(1, b"whole"))
    cluster = Cluster([kafka_server.address], topics=topics.layout(partitions=1, keep=86_400_000))
    chunks, _ = cut("rules@all", b"x" * CHUNK_BYTES, position=2, generation="crashed")
    await cluster.produce(
        [Outgoing(topics.snapshots, 0, chunk.value, chunk.key.encode()) for chunk in chunks]
    )
    assert await kafka_journal().load_snapshot("rules") == Snapshot(1, b"whole")
    await journal.save_snapshot("rules", Snapshot(3, b"next"))
    later = kafka_journal()
    await later.load_snapshot("rules")
    await later.save_snapshot("rules", Snapshot(4, b"last"))
    held = cluster.log(topics.snapshots, group="look")
    newest = await held.newest()
    await held.close()
    await cluster.close()
    assert not any(b"crashed" in key for key in newest)


async def test_snapshots_of_partitions_and_processes_are_apart(
    kafka_journal: OpenKafkaJournal,
) -> None:
    journal = kafka_journal(partitions=2)
    first, second = journal.partition(0), journal.partition(1)
    inputs = [kafka_journal(partitions=2, process=name) for name in ("mqtt-1", "mqtt-2")]
    everyone = [journal, first, second, *inputs]
    for n, one in enumerate(everyone):
        assert await one.load_snapshot("state") is None
        await one.save_snapshot("state", Snapshot(n, bytes([n])))
    for n, one in enumerate(everyone):
        assert await one.load_snapshot("state") == Snapshot(n, bytes([n]))
    await first.close()
    await second.close()


async def test_history_of_two_partitions_goes_on_where_it_was(
    kafka_journal: OpenKafkaJournal, tmp_path: Path
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

    first = kafka_journal(partitions=2)
    await first.append([Batch.of([Sample(f"s{n}", "x", n, float(n)) for n in range(8)])])
    await write_some(first)
    assert values() == [float(n) for n in range(8)]

    await first.append([Batch.of([Sample(f"s{n}", "x", n - 1, n + 100.0) for n in range(1, 8)])])
    await write_some(kafka_journal(partitions=2))
    assert len(values()) == 15
    files = History(tmp_path).files()
    assert sum(file.footer.late for file in files) == 7
    assert [problem.message for problem in History(tmp_path).verify(now=0)] == []

    ahead = await first.load_snapshot("history")
    assert ahead is not None
    await first.append([Batch.of([Sample("s1", "x", 0, 200.0)])])
    await first.save_snapshot("history", Snapshot(ahead.position + 1, ahead.data))
    await write_some(kafka_journal(partitions=2))
    assert values()[-1] == 200.0
    assert sum(file.footer.late for file in History(tmp_path).files()) == 7  # told anew
