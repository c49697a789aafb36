"""Intake and one MQTT input on a journal of their own, and devices that publish to their broker.

``python -m bench.servers.ingest FOLDER URL`` runs it as a process of its own, to be killed.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from citypatrol.clock import SystemClock
from citypatrol.dead import DeadStore
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.kinds import Kinds
from citypatrol.records import Record
from citypatrol.registry import Registry
from citypatrol.samples import Batch, Sample
from ingest.config import MqttInput
from ingest.gates import InputGate
from ingest.intake import Intake
from ingest.progress import Progress
from ingest.subscriber import Subscriber

TOPICS = (
    {"match": "city/{district}/{kind}/{source}/{metric}", "payload": "plain"},
    {"match": "city/{district}/{kind}/{source}", "payload": "json"},
)
PATIENCE_S = 30.0


async def records_of(journal: SqliteJournal) -> list[Record]:
    """Everything in the journal, in order."""
    found: list[Record] = []
    position = 0
    while entries := await journal.read("test", after=position, limit=1000):
        position = entries[-1].position
        found += [entry.record for entry in entries]
    return found


def samples_of(records: list[Record]) -> list[Sample]:
    return [row for record in records if isinstance(record, Batch) for row in record.samples()]


@dataclass
class Ingest:
    """Intake and one MQTT input on one journal; started and stopped at will."""

    folder: Path
    url: str
    options: dict[str, Any] = field(default_factory=dict)
    journal_options: dict[str, Any] = field(default_factory=dict)
    intake_options: dict[str, Any] = field(default_factory=dict)

    async def start(self) -> "Ingest":
        clock = SystemClock()
        self.journal = SqliteJournal(
            self.folder / "journal.db", clock=clock, **self.journal_options
        )
        self.dead = DeadStore(self.folder / "dead.db")
        self.intake = Intake(
            self.journal,
            registry=Registry.empty(),
            kinds=Kinds(),
            clock=clock,
            **self.intake_options,
        )
        options = {"type": "mqtt", "url": self.url, "topics": TOPICS, **self.options}
        self.input: Subscriber = MqttInput.model_validate(options).build(
            name=f"mqtt {self.folder.name}",
            folder=self.folder,
            intake=self.intake,
            dead=self.dead,
            journal=self.journal,
            clock=clock,
        )
        self._stops = (asyncio.Event(), asyncio.Event())
        self._tasks = (
            asyncio.create_task(self.input.run(self._stops[0])),
            asyncio.create_task(self.intake.run(self._stops[1])),
        )
        return self

    @property
    def gate(self) -> InputGate:
        return self.intake.input(self.input.name)

    @property
    def progress(self) -> Progress:
        """Of the connection; only while the input runs."""
        assert self.input.progress is not None
        return self.input.progress

    async def ready(self) -> None:
        await self.until(lambda: not (self.input.waiting_for() or self.intake.waiting_for()))

    async def waits_for(self, words: str) -> str:
        """Until ``waiting_for()`` says these words; what it says."""
        await self.until(lambda: words in (self.input.waiting_for() or ""))
        return self.input.waiting_for() or ""

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            for task in self._tasks:
                if task.done():
                    task.result()
            assert time.monotonic() < deadline, f"not in time; {self.input.waiting_for()}"
            await asyncio.sleep(0.02)

    async def records(self) -> list[Record]:
        return await records_of(self.journal)

    async def samples(self, *, at_least: int = 0) -> list[Sample]:
        """Every sample in the journal, once there are so many different ones."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            found = samples_of(await self.records())
            different = len({row[:4] for row in found})
            if different >= at_least:
                return found
            assert time.monotonic() < deadline, f"{different} of {at_least} samples: {found[-3:]}"
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """As the supervisor does it: the input first."""
        for stop, task in zip(self._stops, self._tasks, strict=True):
            stop.set()
            await asyncio.wait_for(task, 10)
        await self.journal.close()
        self.dead.close()


@contextlib.asynccontextmanager
async def running(ingest: Ingest) -> AsyncIterator[Ingest]:
    await ingest.start()
    try:
        yield ingest
    finally:
        await ingest.stop()


class Device:
    """Publishes, and knows what the broker has taken over (PUBACK)."""

    def __init__(
        self,
        port: int,
        *,
        name: str = "device",
        user: tuple[str, str] | None = None,
        tls: tuple[Path, Path, Path] | None = None,
        **options: Any,
    ) -> None:
        """``user``: with a password; ``tls``: files of authority, certificate and key."""
        self.acknowledged = 0
        self._published = 0
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, **options)
        self._client.max_inflight_messages_set(200)
        self._client.on_publish = self._on_publish
        if user is not None:
            self._client.username_pw_set(*user)
        if tls is not None:
            authority, certificate, key = map(str, tls)
            self._client.tls_set(authority, certificate, key)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _on_publish(self, *_: Any) -> None:
        self.acknowledged += 1

    def publish(
        self, topic: str, payload: bytes | str, *, qos: int = 1, retain: bool = False
    ) -> None:
        self._published += qos > 0
        self._client.publish(topic, payload, qos=qos, retain=retain)

    def settle(self) -> None:
        """Until the broker has taken over everything that was published."""
        deadline = time.monotonic() + PATIENCE_S
        while self.acknowledged < self._published:
            assert time.monotonic() < deadline, "the broker does not take what is published"
            time.sleep(0.01)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


async def _serve(folder: Path, url: str) -> None:
    """Until it is killed; makes the file ``ready`` when it is."""
    async with running(Ingest(folder, url)) as ingest:
        await ingest.ready()
        await asyncio.to_thread((folder / "ready").touch)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), sys.argv[2]))
