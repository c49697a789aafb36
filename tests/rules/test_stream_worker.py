"""Faust workers as processes, on a real Kafka: judged, killed, joined, poisoned, stuck."""

import asyncio
import contextlib
import itertools
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from bench.servers.kafka import kafka
from citypatrol.journal_kafka import KafkaJournal
from citypatrol.kafka_config import KafkaJournalConfig
from citypatrol.kafka_topics import Outgoing
from citypatrol.records import Record, SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from rules.engine import Engine
from rules.incidents import Incident, decode_incident
from rules.load import load_rules
from rules.stream import build_app

RULES = """
rules:
  - {name: high, select: {metric: x}, when: {above: 10, for: 5s}, clear: {for: 3s}}
  - {name: silent, select: {metric: x}, when: {missing: 20s}}
"""
SOURCES = [f"s{n}" for n in range(24)]
START = 1_778_630_400_000
StartWorker = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start_worker(config: KafkaJournalConfig, tmp_path: Path) -> Iterator[StartWorker]:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    workers: list[subprocess.Popen[bytes]] = []

    def start(*, patience_s: float = 60, journal: KafkaJournalConfig = config) -> object:
        words = [journal.model_dump_json(), str(rules), str(patience_s)]
        with (tmp_path / f"worker-{len(workers)}.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "tests.rules.a_worker", *words], stdout=log, stderr=log
            )
        workers.append(worker)
        return worker

    yield start  # type: ignore[misc]
    for worker in workers:
        worker.kill()
        worker.wait()
    for path in sorted(tmp_path.glob("worker-*.log")):
        print(path.name, path.read_text()[-4000:])  # noqa: T201 - pytest shows it when a test fails


@pytest.fixture
async def journal(config: KafkaJournalConfig) -> AsyncIterator[KafkaJournal]:
    journal = config.build(process="mqtt")
    await journal.open()
    yield journal
    await journal.close()


def rounds() -> list[list[Record]]:
    """Forty seconds, of which each is one flush: highs of different lengths, some too short."""
    found: list[list[Record]] = []
    seen: list[Record] = [SourceSeen(START, one, {}, 0, 7_200_000) for one in SOURCES]
    for second in range(40):
        samples = [
            Sample(source, "x", START + 1000 * second, 20.0 if 4 <= second - n < 6 + n else 1.0)
            for n, source in enumerate(SOURCES)
            if not (n == 3 and second > 10)
        ]
        found.append([*seen, Batch.of(samples), Tick(START + 1000 * second + 500)])
        seen = []
    return found


def expected(records: Sequence[Record], tmp_path: Path) -> "Counter[tuple[object, ...]]":
    path = tmp_path / "rules.yaml"
    rules, _ = load_rules([path])
    assert rules is not None
    return Counter(map(facts, Engine(rules).fold(records)))


def facts(one: Incident) -> tuple[object, ...]:
    return (one.id, one.since, one.fired_at, one.cleared_at, one.value)


class Said:
    """What lies in the topic of incidents, in order."""

    def __init__(self, journal: KafkaJournal, topic: str) -> None:
        self._journal = journal
        self._log = journal.cluster.log(topic, group="look")
        self._at = 0
        self._now = 0
        self.found: Counter[tuple[object, ...]] = Counter()

    async def until(
        self, wanted: "Counter[tuple[object, ...]]", *, timeout_s: float = 90
    ) -> "Counter[tuple[object, ...]]":
        """Reads on until every one is there. Time goes on meanwhile, as it does from an input, but
        by so little that no timer ends: a worker that has just begun waits to be told the time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not set(wanted) <= set(self.found):
                    self._now += 1
                    await self._journal.append([Tick(self._now)])
                    await self.more()
        return self.found

    async def send(self, records: Sequence[Record]) -> None:
        await self._journal.append(records)
        self._now = max(one.ts for one in records if isinstance(one, Tick))

    async def more(self, *, wait_s: float = 1.0) -> None:
        for message in await self._log.read("", after={0: self._at}, wait_s=wait_s):
            self._at = message.position
            self.found[facts(decode_incident(message.value or b""))] += 1

    async def close(self) -> None:
        await self._log.close()


@pytest.fixture
async def said(journal: KafkaJournal, config: KafkaJournalConfig) -> AsyncIterator[Said]:
    said = Said(journal, config.topics.incidents)
    yield said
    await said.close()


async def test_samples_in_incidents_out_once_and_poison_aside(
    journal: KafkaJournal,
    config: KafkaJournalConfig,
    said: Said,
    start_worker: StartWorker,
    tmp_path: Path,
) -> None:
    worker = start_worker()
    everything = rounds()
    for n, records in enumerate(everything):
        await said.send(records)
        if n % 10 == 0:
            garbage = [Outgoing(config.topics.samples, p, b"garbage") for p in range(4)]
            await journal.cluster.produce(garbage)
    wanted = expected([one for records in everything for one in records], tmp_path)
    assert len(wanted) > 30
    assert await said.until(wanted) == wanted, "each once"
    letters = journal.cluster.log(config.topics.dead, group="look")
    assert [one.value for one in await letters.read("", wait_s=5)] == [b"garbage"] * 16
    await letters.close()
    worker.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait, 15) == 0


async def test_kill_9_in_the_middle_loses_none_and_changes_none(
    journal: KafkaJournal, said: Said, start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = start_worker()
    everything = rounds()
    for n, records in enumerate(everything):
        await said.send(records)
        await said.more(wait_s=0.2)
        if n == 20:
            await said.until(expected(list(itertools.chain(*everything[:15])), tmp_path))
            assert said.found, "it was at work"
            worker.kill()
            await asyncio.to_thread(worker.wait)
            start_worker()
    wanted = expected(list(itertools.chain(*everything)), tmp_path)
    assert set(await said.until(wanted)) == set(wanted)


async def test_a_second_worker_takes_over_timers_and_all(
    journal: KafkaJournal, said: Said, start_worker: StartWorker, tmp_path: Path
) -> None:
    """Partitions go over by snapshots: to a worker that joins, and from one that is told to end."""
    first = start_worker()
    everything = rounds()
    for n, records in enumerate(everything):
        await said.send(records)
        await said.more(wait_s=0.2)
        if n == 12:
            await said.until(expected(list(itertools.chain(*everything[:10])), tmp_path))
            start_worker()
        if n == 25:
            await asyncio.sleep(5)
            first.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(first.wait, 15) == 0
    wanted = expected(list(itertools.chain(*everything)), tmp_path)
    assert set(await said.until(wanted)) == set(wanted)


async def test_a_group_that_stands_still_ends_the_worker(
    config: KafkaJournalConfig, start_worker: StartWorker, tmp_path: Path
) -> None:
    """A dead consumer that keeps its partition: another member, which reads and never moves."""
    one = config.model_copy(update={"partitions": 1})
    journal = one.build()
    await journal.append(rounds()[0])
    await journal.close()
    hog = AIOKafkaConsumer(
        one.topics.samples,
        bootstrap_servers=one.brokers,
        group_id=f"{one.topics.samples}.rules",
        client_id="0-hog",  # the first by name gets the only partition
        enable_auto_commit=False,
    )
    await hog.start()
    held = asyncio.create_task(_hold(hog))
    try:
        worker = start_worker(patience_s=4, journal=one)
        assert await asyncio.to_thread(worker.wait, 90) == 1
        assert "the consumer is stuck" in (tmp_path / "worker-0.log").read_text()
    finally:
        held.cancel()
        await hog.stop()


async def test_an_outage_of_kafka_delays_and_loses_nothing(
    start_worker: StartWorker, tmp_path: Path
) -> None:
    with kafka() as fragile:
        config = KafkaJournalConfig(type="kafka", brokers=[fragile.address], partitions=2)
        journal = config.build(process="mqtt")
        said = Said(journal, config.topics.incidents)
        start_worker(journal=config)
        everything = rounds()
        for n, records in enumerate(everything):
            await said.send(records)
            await said.more(wait_s=0.1)
            if n == 15:
                await said.until(expected(list(itertools.chain(*everything[:12])), tmp_path))
                await asyncio.to_thread(fragile.stop)
                await asyncio.sleep(4)
                await asyncio.to_thread(fragile.start)
        wanted = expected(list(itertools.chain(*everything)), tmp_path)
        assert set(await said.until(wanted)) == set(wanted)
        await said.close()
        await journal.close()


async def _hold(consumer: AIOKafkaConsumer) -> None:
    while True:
        await consumer.getmany(timeout_ms=200)


def test_faust_is_set_up_so_that_it_loses_nothing(tmp_path: Path) -> None:
    """``concurrency`` above one loses messages after kill -9 (faust-streaming #606)."""

    async def judge(partition: int, position: int, value: bytes | None) -> None:
        raise AssertionError

    app = build_app(
        group="g", topic="t", brokers=["127.0.0.1:1"], folder=str(tmp_path), judge=judge
    )
    assert [agent.concurrency for agent in app.agents.values()] == [1]
    assert not app.conf.web_enabled
    assert app.conf.topic_disable_leader
    assert app.conf.processing_guarantee.value == "at_least_once"
    assert app.conf.broker_session_timeout == 10
    assert app.conf.broker_heartbeat_interval == 3
    assert not app.tables
