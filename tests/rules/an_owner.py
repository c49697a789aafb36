"""An owner of a partition whose engine says something at every tick."""

import contextlib
from collections.abc import AsyncIterator, Sequence

import orjson

from citypatrol.clock import ManualClock
from citypatrol.journal_kafka import KafkaJournal
from citypatrol.kafka import Log
from citypatrol.kafka_config import KafkaJournalConfig
from citypatrol.kafka_topics import Incoming, Outgoing
from citypatrol.records import Record, Tick
from rules.incidents import Incident, decode_incident
from rules.owner import Judge, Owner


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
