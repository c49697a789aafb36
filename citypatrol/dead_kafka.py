"""From ``citypatrol.dead`` into the dead-letter store, where people see and replay it."""

import asyncio
from typing import Final

from citypatrol.clock import Clock, Ts
from citypatrol.dead import DeadLetter, DeadStore
from citypatrol.kafka_config import KafkaJournalConfig
from citypatrol.kafka_topics import Incoming

_PAGE: Final = 500
_WAIT_S: Final = 0.5


class DeadFromKafka:
    """A stage: reads letters, stores them, commits. A crash in between stores some twice."""

    def __init__(self, config: KafkaJournalConfig, *, store: DeadStore, clock: Clock) -> None:
        self._config = config
        self._store = store
        self._clock = clock

    @property
    def name(self) -> str:
        return "dead"

    def waiting_for(self) -> str | None:
        return None

    async def run(self, stop: asyncio.Event) -> None:
        cluster = self._config.cluster()
        topic = self._config.topics.dead
        letters = cluster.log(topic, group=topic)
        try:
            while not stop.is_set():
                page = await letters.read("store", limit=_PAGE, wait_s=_WAIT_S)
                if page:
                    found = [letter_of(message, now=self._clock.now()) for message in page]
                    await asyncio.to_thread(self._store.put_many, found)
                    await letters.commit("store", {0: page[-1].position})
        finally:
            await letters.close()
            await cluster.close()


def letter_of(message: Incoming, *, now: Ts) -> DeadLetter:
    """Whatever lies in the topic is a letter: what its headers do not say is said for them."""
    said = {name: value.decode(errors="replace") for name, value in message.headers}
    at = said.get("at", "")
    return DeadLetter(
        kind="incident" if said.get("kind") == "incident" else "batch",
        origin=said.get("origin") or f"citypatrol.dead/{message.position}",
        reason=said.get("reason") or "no reason was given",
        payload=message.value or b"",
        at=int(at) if at.isascii() and at.isdigit() else now,
    )
