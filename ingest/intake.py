"""The one writer of a process: every batch goes through here into the journal.

Promised: ``committed`` is called after the batch, with the ``SourceSeen`` records that it needs
before it, is durable; batches of one caller stay in order; ticks obey the pauses of RULES 8.
Not promised: that a batch that was offered survives the process (its sender sends it again).
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, Protocol

import structlog

from citypatrol import metrics
from citypatrol.clock import Clock, Ts
from citypatrol.crashpoints import CrashPoint, crash_point
from citypatrol.errors import Retry
from citypatrol.journal import Journal, JournalFull, Snapshot
from citypatrol.records import Record
from citypatrol.samples import Batch
from ingest.announce import Announcements, Labels, LabelSource, Lives
from ingest.gates import InputGate, Ticks
from ingest.merge import merge

log = structlog.get_logger(__name__)

SNAPSHOT: Final = "intake"
_MOST_WAITING: Final = 200_000  # samples
_MOST_RECORD: Final = 20_000  # samples in one batch of the journal
_MANY_SOURCES: Final = 500  # a new one costs 25 us, and the event loop is everybody's
_TICK_S: Final = 1.0
_SAVE_S: Final = 30.0
_AGAIN_S: Final = 1.0
_LOG_EVERY: Final = 30


class _Offer(NamedTuple):
    batch: Batch
    labels: Mapping[str, Labels] | None
    committed: Callable[[], None] | None


class Hears(Protocol):
    """What is asked of ``ingest.heard_stage.HeardStage``. Called in order, from one thread at a
    time."""

    def take(self, records: Sequence[Record], /, *, at: Ts) -> None: ...


class Intake:
    """A Stage. ``offer`` may be called from any thread, before ``run`` and between two runs too."""

    def __init__(
        self,
        journal: Journal,
        *,
        registry: LabelSource,
        kinds: Lives,
        clock: Clock,
        most_waiting: int = _MOST_WAITING,
        heard: Hears | None = None,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._announcements = Announcements(registry, kinds)
        self._ticks = Ticks()
        self._heard = heard
        self._most_waiting = most_waiting
        self._lock = threading.Lock()
        self._waiting: deque[_Offer] = deque()
        self._samples = 0
        self._wake: Callable[[], None] | None = None
        self._closed = False
        self._unwritten: tuple[list[Record], list[_Offer]] | None = None
        self._loaded = False
        self._unsaved = False
        self._position = 0
        self._still = 0
        self._refused = 0
        self._why = ""

    @property
    def name(self) -> str:
        return "intake"

    def waiting_for(self) -> str | None:
        if self._refused:
            return f"the journal {self._why}: nothing is taken in until that is mended"
        return None if self._loaded else "reads which sources are known"

    def topic_labels(self, source: str) -> Labels:
        """What the topics of a source say of it."""
        return self._announcements.topic(source)

    def input(self, name: str) -> InputGate:
        """The gate of one input; time stands still until it has caught up."""
        return self._ticks.input(name)

    def offer(
        self,
        batch: Batch,
        *,
        labels: Mapping[str, Labels] | None = None,
        committed: Callable[[], None] | None = None,
    ) -> bool:
        """False when there is no room, or the process stops: keep the batch and offer it again.

        ``labels``: what each source's topic says of it. ``committed`` is called in the event loop,
        and must be quick and not raise.
        """
        with self._lock:
            room = self._most_waiting - self._samples
            if self._closed or (self._samples and len(batch) > room):
                return False
            self._waiting.append(_Offer(batch, labels, committed))
            self._samples += len(batch)
            if self._wake is not None and len(self._waiting) == 1:
                self._wake()
        return True

    async def run(self, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        wake = asyncio.Event()
        stopping = asyncio.create_task(_set_after(stop, wake))
        with self._lock:
            self._closed = False
            self._wake = partial(_wake, loop, wake)
        try:
            await self._load()
            await self._write_until(stop, wake)
        finally:
            with self._lock:
                self._wake = None
            stopping.cancel()
        await self._save()

    async def _write_until(self, stop: asyncio.Event, wake: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        next_tick = loop.time()
        next_save = loop.time() + _SAVE_S
        while True:
            now_s = loop.time()
            tick = now_s >= next_tick and not stop.is_set()
            if tick:
                on_time = next_tick + _TICK_S
                next_tick = on_time if on_time > now_s else now_s + _TICK_S
            offers = self._take()
            if self._unwritten is None and (offers or tick):
                if sum(len(one.batch.sources) for one in offers) > _MANY_SOURCES:
                    self._unwritten = await asyncio.to_thread(self._records, offers, tick=tick)
                else:
                    self._unwritten = self._records(offers, tick=tick)
            if self._unwritten is not None and not await self._append(stop):
                return
            if now_s >= next_save:
                next_save = now_s + _SAVE_S
                await self._save()
            if stop.is_set() and self._close_if_idle():
                return
            if not self._waiting and not stop.is_set():
                await _wait(wake, max(0.0, next_tick - loop.time()))
            wake.clear()

    def _take(self) -> list[_Offer]:
        """As many of the waiting batches as one group may hold."""
        if self._unwritten is not None:
            return []
        offers: list[_Offer] = []
        count = 0
        with self._lock:
            while self._waiting and count < _MOST_RECORD:
                offers.append(self._waiting.popleft())
                count += len(offers[-1].batch)
            self._samples -= count
        return offers

    def _records(self, offers: list[_Offer], *, tick: bool) -> tuple[list[Record], list[_Offer]]:
        now = self._clock.now()
        records: list[Record] = []
        for one in offers:
            records += self._announcements.of(one.batch, labels=one.labels, now=now)
        self._unsaved = self._unsaved or bool(records)
        batches = [one.batch for one in offers if len(one.batch)]
        if batches:
            records.append(merge(batches))
        if records and self._heard is not None:
            self._heard.take(records, at=now)
        due = self._ticks.due(now) if tick else None
        if due is not None:
            records.append(due)
        elif tick:
            self._stand_still()
        self._still = 0 if due is not None else self._still + tick
        return records, offers

    def _stand_still(self) -> None:
        if self._still and self._still % _LOG_EVERY == 0:
            log.warning(
                "time stands still: rules that wait for time are not judged until these inputs have"
                " caught up",
                inputs=self._ticks.behind,
                for_s=self._still * _TICK_S,
            )

    async def _append(self, stop: asyncio.Event) -> bool:
        """Write the group that is due, however long it takes; False where the stop comes first.

        It is kept over an error too, for the next ``run``.
        """
        assert self._unwritten is not None  # noqa: S101 - the caller has looked
        records, offers = self._unwritten
        while records:
            try:
                self._position = await self._journal.append(records)
                crash_point(CrashPoint.INTAKE_COMMITTED)
                break
            except (JournalFull, Retry) as error:
                self._complain(error, records)
            if await _wait(stop, _AGAIN_S):
                log.error(
                    "stopping while the journal takes nothing: what waits is not acknowledged"
                )
                return False
        if self._refused:
            log.info("the journal takes records again", after_s=self._refused * _AGAIN_S)
            self._refused, self._why = 0, ""
        self._unwritten = None
        metrics.SAMPLES.labels("ingest").inc(sum(len(one.batch) for one in offers))
        for one in offers:
            if one.committed is not None:
                one.committed()
        return True

    def _complain(self, error: JournalFull | Retry, records: list[Record]) -> None:
        self._why = "is full" if isinstance(error, JournalFull) else "cannot be written"
        if self._refused % _LOG_EVERY == 0:
            log.error(
                f"the journal {self._why}: nothing is taken in or acknowledged until that is mended"
                " (is there room on the disk? raise journal.max_size?)",
                error=str(error),
                records=len(records),
                waiting_samples=self._samples,
            )
        self._refused += 1

    def _close_if_idle(self) -> bool:
        """After a stop: nothing waits, and from here on nothing is taken."""
        with self._lock:
            self._closed = not self._waiting
            return self._closed

    async def _load(self) -> None:
        if self._loaded:
            return
        snapshot = await self._journal.load_snapshot(SNAPSHOT)
        if snapshot is not None:
            try:
                await asyncio.to_thread(self._announcements.load, snapshot.data)
            except ValueError as error:
                log.warning("every source is announced again", reason=str(error))
        self._loaded = True

    async def _save(self) -> None:
        """After a kill the sources of the last seconds are announced once more: no harm."""
        if not self._unsaved or self._unwritten is not None:
            return
        data = await asyncio.to_thread(self._announcements.dump)
        crash_point(CrashPoint.INTAKE_SNAPSHOT_BEFORE)
        try:
            await self._journal.save_snapshot(SNAPSHOT, Snapshot(self._position, data))
        except (JournalFull, Retry):
            return  # the next group says so loudly enough
        crash_point(CrashPoint.INTAKE_SNAPSHOT_AFTER)
        self._unsaved = False


def _wake(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    loop.call_soon_threadsafe(event.set)


async def _set_after(stop: asyncio.Event, wake: asyncio.Event) -> None:
    await stop.wait()
    wake.set()


async def _wait(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
