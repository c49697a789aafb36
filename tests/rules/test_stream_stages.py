"""The stages of serve on a real Kafka: incidents to the tickets, dead letters to their store."""

import asyncio
from pathlib import Path

import pytest

from citypatrol.clock import ManualClock
from citypatrol.dead import DeadStore
from citypatrol.dead_kafka import DeadFromKafka
from citypatrol.errors import Retry
from citypatrol.journal_kafka import KafkaJournal
from citypatrol.kafka_config import KafkaJournalConfig
from citypatrol.kafka_topics import Outgoing
from rules.incidents import Incident, encode_incident
from rules.incidents_kafka import IncidentsFromKafka
from tests.rules.an_owner import all_of, fill, incident, owner_of


async def stopped_when(task: "asyncio.Task[None]", stop: asyncio.Event, seen: list[object]) -> None:
    for _ in range(300):
        if seen or task.done():
            break
        await asyncio.sleep(0.1)
    stop.set()
    await asyncio.wait_for(task, 30)


async def test_incidents_are_applied_before_the_cursor_moves(
    kafka_journal: KafkaJournal, config: KafkaJournalConfig
) -> None:
    topics = config.topics
    values = [encode_incident(incident(1)), b"no incident", encode_incident(incident(2))]
    await kafka_journal.cluster.produce([Outgoing(topics.incidents, 0, value) for value in values])

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
    await kafka_journal.cluster.produce(
        [Outgoing(topics.incidents, 0, encode_incident(incident(3)))]
    )
    stop = asyncio.Event()
    await stopped_when(asyncio.create_task(stage.run(stop)), stop, applied)
    assert applied == [incident(3)], "what was applied is committed"
    letters = await all_of(kafka_journal, topics.dead)
    assert {letter.value for letter in letters} == {b"no incident"}


async def test_dead_letters_come_into_the_store(
    kafka_journal: KafkaJournal, config: KafkaJournalConfig, tmp_path: Path
) -> None:
    one = owner_of(kafka_journal, config)
    await fill(kafka_journal, config, [b"garbage"])
    await one.judge(1, b"garbage")
    await one.close()
    await kafka_journal.cluster.produce([Outgoing(config.topics.dead, 0, b"from elsewhere")])
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
