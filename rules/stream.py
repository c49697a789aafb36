"""The only file that knows Faust: the rule engine per Kafka partition, as ``citypatrol worker``.

Faust shares the partitions out and brings their messages; ``rules.owner`` does the rest, and
trusts neither Faust's offsets nor that every message arrives (docs/decisions/kafka.md). Order for
every message: fold, await what comes of it; for every few seconds: snapshot, then the offset.
"""

import asyncio
import contextlib
import logging
import os
import signal
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final

import faust
import structlog

from citypatrol import metrics
from citypatrol.again import Again
from citypatrol.clock import Clock, SystemClock
from citypatrol.errors import Retry
from citypatrol.journal import JournalFull
from citypatrol.kafka_config import KafkaJournalConfig
from citypatrol.records import Tick, decode_record
from rules.engine import Engine
from rules.load import RuleSet
from rules.owner import Owner
from rules.owners import Owners
from rules.pace import Pace, Watchdog

SAVE_S: Final = 5.0
WATCH_S: Final = 5.0
STOP_S: Final = 6.0
PATIENCE_S: Final = 60.0
_SHARE: Final = 20
_NEVER_S: Final = 10 * 365 * 86_400.0

Judge = Callable[[int, int, bytes | None], Awaitable[None]]
Reading = Callable[
    [Callable[[RuleSet], Awaitable[None]]], Callable[[], Coroutine[None, None, None]]
]

log = structlog.get_logger(__name__)


def build_app(
    *, group: str, topic: str, brokers: Iterable[str], folder: str, judge: Judge
) -> faust.App:
    """The app: one agent, raw bytes, one message after the other.

    Never ``concurrency``: it loses messages after kill -9 (faust-streaming #606); partitions
    scale. No tables, no windows, no ``take`` or ``noack``. Offsets are committed by hand, after
    snapshots. ``judge`` gets partition, position and bytes, and must not raise.
    """
    app = faust.App(
        group,
        broker=[f"kafka://{broker}" for broker in brokers],
        datadir=folder,
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        table_standby_replicas=0,
        key_serializer="raw",
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=10.0,
        broker_heartbeat_interval=3.0,
        broker_commit_interval=_NEVER_S,
        broker_commit_every=2**60,
    )
    samples = app.topic(
        topic, key_serializer="raw", value_serializer="raw", allow_empty=True, acks=True
    )

    @app.agent(samples, name=f"{group}.agent")
    async def rules(stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            await judge(message.partition, message.offset + 1, message.value)

    return app


class Worker:
    """One process of the group. ``run`` returns when ``stop`` is set, or the exit status 1 when
    its consumer has died."""

    def __init__(
        self,
        rules: RuleSet,
        config: KafkaJournalConfig,
        *,
        clock: Clock,
        folder: str,
        patience_s: float,
    ) -> None:
        self._topics = config.topics
        self._rules = rules
        self._journal = config.build()
        self._cluster = self._journal.cluster
        self._owners = Owners(
            lambda partition: Owner(
                partition,
                cluster=self._cluster,
                topics=self._topics,
                journal=self._journal.partition(partition),
                restore=_restoring(self._rules),
                rules_hash=self._rules.hash,
                clock=clock,
            ),
            cluster=self._cluster,
            samples=self._topics.samples,
        )
        self._group = f"{self._topics.samples}.rules"
        self._pace = Pace()
        self._patience_s = patience_s
        self._watchdog = Watchdog(patience_s=patience_s)
        self._samples = self._cluster.log(self._topics.samples, group=self._topics.samples)
        self._said = self._cluster.log(self._topics.ticks, group=self._topics.ticks)
        self._app = build_app(
            group=self._group,
            topic=self._topics.samples,
            brokers=config.brokers,
            folder=folder,
            judge=self._owners.judge,
        )
        # mode's annotation of a signal's handler fits no function that names its arguments.
        self._app.on_partitions_assigned.connect(self._assigned)  # type: ignore[arg-type]
        self._app.on_partitions_revoked.connect(self._revoked)  # type: ignore[arg-type]

    async def run(self, stop: asyncio.Event) -> int:
        await self._journal.open()
        await self._app.start()
        log.info("worker started", brokers=self._cluster.brokers, group=self._group)
        loops = [self._follow_time, self._save_often, self._watch]
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(loop(), name=loop.__name__) for loop in loops
        ]
        tasks += [asyncio.create_task(stop.wait()), asyncio.create_task(self._app._crashed.wait())]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        failed = not stop.is_set()
        if failed:
            log.error("the worker gives up", after=[task.get_name() for task in done])
        try:
            async with asyncio.timeout(STOP_S):
                await self._app.stop()
        except TimeoutError:
            log.warning("Faust did not stop in time", timeout_s=STOP_S)
        await self._owners.give(list(self._owners.positions()))
        await self._samples.close()
        await self._said.close()
        await self._journal.close()
        return 1 if failed else 0

    async def reload(self, rules: RuleSet) -> None:
        """Judge every partition owned here by these rules; returns once they do."""
        self._rules = rules
        restore, rules_hash = _restoring(rules), rules.hash
        await self._owners.reload(lambda owner: owner.reload(restore, rules_hash=rules_hash))

    async def _follow_time(self) -> None:
        """Ticks for the partitions owned here, as far as the slowest input process has come."""
        after: dict[int, int] | None = None
        while True:
            try:
                after = after or await self._said.end()
                for message in await self._said.read("", after=after, wait_s=1.0):
                    after = {message.partition: message.position}
                    self._hear((message.key or b"").decode(), message.value)
                due = self._pace.due(now_s=time.monotonic())
                if due is not None:
                    await self._owners.tick(due)
            except Retry as error:
                log.warning("time stands still", reason=error.reason)
                await asyncio.sleep(1.0)

    def _hear(self, process: str, value: bytes | None) -> None:
        if value is None:
            self._pace.leave(process)
            return
        with contextlib.suppress(ValueError):
            record = decode_record(value)
            if isinstance(record, Tick):
                self._pace.hear(process, record.ts, now_s=time.monotonic())

    async def _save_often(self) -> None:
        pause = SAVE_S
        while True:
            await asyncio.sleep(pause)
            began = time.monotonic()
            try:
                await self._owners.save()
                await self._app.consumer.commit()
            except (Retry, JournalFull) as error:
                log.warning("state not saved", reason=str(error))
            pause = max(SAVE_S, _SHARE * (time.monotonic() - began))

    async def _watch(self) -> None:
        """Returns when something waits and nothing has moved for too long: a dead consumer says
        nothing (faust-streaming #175 #629 #640)."""
        while True:
            await asyncio.sleep(WATCH_S)
            try:
                places = self._owners.positions() or await self._committed()
                ends = {p: end for p, end in (await self._samples.end()).items() if p in places}
            except Retry:
                self._watchdog = Watchdog(patience_s=self._patience_s)
                continue
            lag = sum(end - places[p] for p, end in ends.items() if end > places[p])
            metrics.CURSOR_LAG.labels(cursor="rules").set(lag)
            if self._watchdog.is_stuck(places, ends=ends, now_s=time.monotonic()):
                log.error("the consumer is stuck", lag=lag, places=places, ends=ends)
                return

    async def _committed(self) -> dict[int, int]:
        """Of the whole group: a worker without partitions watches whether the others move."""
        group = self._cluster.log(self._topics.samples, group=self._topics.samples)
        try:
            return await group.committed("rules")
        finally:
            await group.close()

    async def _assigned(self, _app: object, assigned: Iterable[Any], **_: object) -> None:
        self._owners.take(place.partition for place in assigned)

    async def _revoked(self, _app: object, revoked: Iterable[Any], **_: object) -> None:
        await self._owners.give(place.partition for place in revoked)


def _restoring(rules: RuleSet) -> Callable[[bytes | None], Engine]:
    return lambda data: Engine(rules) if data is None else Engine.restore(rules, data)


async def _run(worker: Worker, reading: Reading | None, hung_up: Callable[[], bool]) -> int:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stop.set)
    if reading is not None:
        read_again = Again(reading(worker.reload))
        loop.add_signal_handler(signal.SIGHUP, read_again)
        if hung_up():
            read_again()
    return await worker.run(stop)


def run_worker(
    rules: RuleSet,
    config: KafkaJournalConfig,
    *,
    clock: Clock | None = None,
    patience_s: float = PATIENCE_S,
    reading: Reading | None = None,
    hung_up: Callable[[], bool] = lambda: False,
) -> int:
    """Judge the partitions that fall to this process until SIGTERM; returns the exit status.
    SIGHUP does what ``reading`` makes of how rules are put in force; ``hung_up``: whether one came
    before this answers it.

    0 after a clean stop; 1 where the consumer died (something waits, and nothing has moved for
    ``patience_s``), so that the supervisor starts another process.
    Raises ``Retry`` where Kafka does not answer at the start, ``ConfigError`` where its topics
    have another number of partitions.
    """

    async def main(folder: str) -> int:
        worker = Worker(
            rules, config, clock=clock or SystemClock(), folder=folder, patience_s=patience_s
        )
        return await _run(worker, reading, hung_up)

    for noisy in ("faust", "mode", "aiokafka"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="citypatrol-worker-") as folder:
        status = asyncio.run(main(folder))
    left = [one.name for one in threading.enumerate() if not one.daemon][1:]
    if left:
        log.warning("threads of Faust are left behind", threads=left)
        os._exit(status)
    return status
