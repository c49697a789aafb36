"""From ``citypatrol.incidents`` to whoever files them: the tickets' end of the cluster layout."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final

import structlog

from citypatrol.clock import Clock
from citypatrol.kafka_config import KafkaJournalConfig
from citypatrol.kafka_topics import Incoming, dead_letter
from rules.incidents import Incident, decode_incident

if TYPE_CHECKING:
    from citypatrol.kafka import Cluster

_PAGE: Final = 500
_WAIT_S: Final = 0.5

log = structlog.get_logger(__name__)


class IncidentsFromKafka:
    """A stage: reads incidents, applies them, commits.

    Promised: ``apply`` has returned before the cursor moves, so every incident is applied at least
    once, in the order in which it was produced; one that cannot be read lies in
    ``citypatrol.dead``. Not promised: that it is applied once only. One process at a time may run
    this for a city (the tickets' lock sees to it).
    """

    def __init__(
        self,
        config: KafkaJournalConfig,
        *,
        apply: Callable[[list[Incident]], Awaitable[None]],
        clock: Clock,
        cursor: str = "tickets",
    ) -> None:
        self._config = config
        self._apply = apply
        self._clock = clock
        self._cursor = cursor
        self._reading = False

    @property
    def name(self) -> str:
        return "incidents"

    def waiting_for(self) -> str | None:
        return None if self._reading else f"Kafka at {', '.join(self._config.brokers)}"

    async def run(self, stop: asyncio.Event) -> None:
        cluster = self._config.cluster()
        topic = self._config.topics.incidents
        incidents = cluster.log(topic, group=topic)
        try:
            while not stop.is_set():
                page = await incidents.read(self._cursor, limit=_PAGE, wait_s=_WAIT_S)
                self._reading = True
                if page:
                    await self._file(page, cluster=cluster)
                    await incidents.commit(self._cursor, {0: page[-1].position})
        finally:
            self._reading = False
            await incidents.close()
            await cluster.close()

    async def _file(self, page: Sequence[Incoming], *, cluster: "Cluster") -> None:
        readable: list[Incident] = []
        dead = []
        for message in page:
            try:
                readable.append(decode_incident(message.value or b""))
            except ValueError as error:
                origin = f"{self._config.topics.incidents}/0/{message.position}"
                log.warning("an incident is set aside", origin=origin, reason=str(error))
                dead.append(
                    dead_letter(
                        self._config.topics.dead,
                        kind="incident",
                        origin=origin,
                        reason=str(error),
                        payload=message.value or b"",
                        at=self._clock.now(),
                    )
                )
        if dead:
            await cluster.produce(dead)
        if readable:
            await self._apply(readable)
