"""The MQTT input as a Stage: threads for the network, the parsing and the letters."""

import asyncio
import contextlib
import secrets
import threading
from collections.abc import Callable
from typing import Final, NamedTuple

import orjson
import structlog

from citypatrol.clock import Clock
from citypatrol.dead import DeadStore
from citypatrol.journal import Journal, Snapshot
from ingest.broker import Broker
from ingest.flood import Allowance, Sieve
from ingest.inbox import Inbox
from ingest.intake import Intake
from ingest.limit import Limiter
from ingest.message import ClockBounds
from ingest.mqtt import Link
from ingest.parse import Parser
from ingest.progress import Progress
from ingest.routes import Routes
from ingest.tap import Tap
from ingest.worker import Worker

log = structlog.get_logger(__name__)

_LAST_COMMIT_S: Final = 1.5
_JOIN_S: Final = 0.7
_LOOK_S: Final = 0.02


class Subscriber:
    """Promised: a QoS 1 message is acknowledged after its samples are in the journal and what
    could not be read of it is in the dead-letter store. Not promised: that a reading without a time
    is stored once only, or anything for QoS 0."""

    def __init__(
        self,
        broker: Broker,
        *,
        name: str,
        routes: Routes,
        bounds: ClockBounds,
        intake: Intake,
        dead: DeadStore,
        journal: Journal,
        clock: Clock,
        client_id: str | None = None,
        share: str | None = None,
        allowance: Allowance | None = None,
        tap: Tap | None = None,
    ) -> None:
        self.name = name
        self._broker = broker
        self._routes = routes
        self._bounds = bounds
        self._intake = intake
        self._dead = dead
        self._journal = journal
        self._clock = clock
        self._client_id = client_id
        self._filters = [f"$share/{share}/{one}" if share else one for one in routes.filters]
        self._allowance = allowance
        self._tap = tap
        self._gate = intake.input(name)
        self._link: Link | None = None
        self.progress: Progress | None = None

    def waiting_for(self) -> str | None:
        if self._link is None:
            return f"is not connected to {self._broker.url}"
        return self._link.waiting_for

    async def run(self, stop: asyncio.Event) -> None:
        session = await self._session()
        inbox = Inbox()
        progress = self.progress = Progress(self._gate, clock=self._clock)
        link = self._link = Link(
            self._broker,
            name=self.name,
            client_id=session.client_id,
            filters=self._filters,
            former=session.former,
            had_session=session.known,
            inbox=inbox,
            progress=progress,
            clock=self._clock,
        )
        worker = Worker(
            inbox,
            Parser(self._routes, clock=self._bounds),
            name=self.name,
            intake=self._intake,
            dead=self._dead,
            done=link.done,
            tap=self._tap,
            sift=self._limiter(),
        )
        ended = asyncio.Event()
        threads = [
            self._thread(work, ended) for work in (link.run, worker.run, worker.letterbox.run)
        ]
        first = asyncio.create_task(_either(stop, ended))
        try:
            await first
            link.pause()
            if not ended.is_set():
                await _until(lambda: progress.in_hand == 0, timeout_s=_LAST_COMMIT_S)
        finally:
            first.cancel()
            link.close()
            worker.stop()
            self._link = None
            self._gate.behind()
            await asyncio.to_thread(_join, threads)
        if not stop.is_set():
            message = f"{self.name}: a thread ended; see the log above"
            raise RuntimeError(message)

    def _limiter(self) -> Limiter | None:
        if self._allowance is None:
            return None
        sieve = Sieve(self._routes, self._allowance)
        return Limiter(sieve, name=self.name, gate=self._gate, clock=self._clock)

    async def _session(self) -> "_Session":
        """What the broker may still keep for us; and kept here for the next start."""
        key = f"input {self.name}"
        kept = await self._journal.load_snapshot(key)
        facts = orjson.loads(kept.data) if kept else {}
        client_id = self._client_id or facts.get("client_id") or _new_client_id()
        known = facts.get("client_id") == client_id
        filters = self._filters
        former = [one for one in facts["filters"] if one not in filters] if known else []
        now = {"client_id": client_id, "filters": [*former, *filters]}
        if now != facts:
            position = await self._journal.end()
            await self._journal.save_snapshot(key, Snapshot(position, orjson.dumps(now)))
        return _Session(client_id, former, known)

    def _thread(self, work: Callable[[], None], ended: asyncio.Event) -> threading.Thread:
        loop = asyncio.get_running_loop()

        def guarded() -> None:
            try:
                work()
            except Exception:  # the process loop: log, then the stage starts again
                log.exception("the input's thread failed", input=self.name)
            with contextlib.suppress(RuntimeError):  # the loop has ended before us
                loop.call_soon_threadsafe(ended.set)

        thread = threading.Thread(target=guarded, name=f"{self.name} {work.__qualname__}")
        thread.daemon = True  # a name server that does not answer must not hold the process
        thread.start()
        return thread


class _Session(NamedTuple):
    """``former``: filters that it may still have and is to lose; ``known``: it has been before."""

    client_id: str
    former: list[str]
    known: bool


def _new_client_id() -> str:
    """23 characters, which every broker of MQTT 3.1.1 takes (3.1.3.1)."""
    return f"citypatrol-{secrets.token_hex(6)}"


async def _either(one: asyncio.Event, other: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait()) for event in (one, other)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _until(condition: Callable[[], bool], *, timeout_s: float) -> None:
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not condition() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - of a thread
        await asyncio.sleep(_LOOK_S)


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(_JOIN_S)
