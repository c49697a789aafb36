"""Runs the engine over a journal: `citypatrol run` (the Kafka form is ``rules.stream``).

Order of commits (DESIGN 4): fold, hand over what came out and wait until it is stored, then the
snapshot with its position, then the cursor. A crash between any two repeats work: handing over the
same incidents again changes nothing.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from citypatrol import metrics
from citypatrol.clock import Clock, Ts
from citypatrol.errors import Retry
from citypatrol.journal import Entry, Journal, Snapshot
from citypatrol.records import RulesInForce, Tick
from citypatrol.samples import Batch
from rules.engine import Engine
from rules.incidents import Incident
from rules.ruleset import RuleSet

Apply = Callable[[list[Incident]], Awaitable[None]]
"""Stores what the incidents bring; idempotent. Raises ``Retry`` while it cannot."""

CURSOR: Final = "rules"
SAVE_S: Final = 5.0
_WAIT_S: Final = 0.5
_SHARE: Final = 20
"""Saving takes at most a twentieth of the time."""
_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0

log = structlog.get_logger(__name__)


class RulesStage:
    """A stage: the one reader of the cursor ``rules``. Begins from the newest snapshot."""

    name = "rules"

    def __init__(self, journal: Journal, rules: RuleSet, *, apply: Apply, clock: Clock) -> None:
        self.judged: Ts | None = None
        self._journal = journal
        self._rules = rules
        self._apply = apply
        self._clock = clock
        self._restored = False

    def waiting_for(self) -> str | None:
        return None if self._restored else "the rules' state is not restored yet"

    async def run(self, stop: asyncio.Event) -> None:
        engine, position = await self._restore()
        if engine.in_force != self._rules.hash:
            news = RulesInForce(ts=self._clock.now(), hash=self._rules.hash)
            await self._journal.append([news])
        self._restored = True
        saved, save_at, late = position, time.monotonic() + SAVE_S, 0
        while True:
            stopping = stop.is_set()
            entries = await self._journal.read(
                CURSOR, after=position, wait_s=0.0 if stopping else _WAIT_S
            )
            if entries:
                await self._judge(engine, entries, stop)
                position = entries[-1].position
                metrics.LATE.inc(engine.late - late)
                late = engine.late
            if position > saved and (time.monotonic() >= save_at or (stopping and not entries)):
                began = time.monotonic()
                await self._save(engine, position)
                saved, took = position, time.monotonic() - began
                save_at = time.monotonic() + max(SAVE_S, _SHARE * took)
            if stopping and not entries:
                return

    async def _restore(self) -> tuple[Engine, int]:
        """The engine as it was saved, and how far it had come."""
        snapshot = await self._journal.load_snapshot(CURSOR)
        if snapshot is None:
            return Engine(self._rules, stopwatch=time.perf_counter), 0
        try:
            engine = await asyncio.to_thread(
                Engine.restore, self._rules, snapshot.data, stopwatch=time.perf_counter
            )
        except ValueError as error:
            log.error("the rules' state cannot be read: judging all that is kept", why=str(error))
            return Engine(self._rules, stopwatch=time.perf_counter), 0
        return engine, snapshot.position

    async def _judge(self, engine: Engine, entries: Sequence[Entry], stop: asyncio.Event) -> None:
        records = [entry.record for entry in entries]
        incidents = await asyncio.to_thread(engine.fold, records)
        if incidents:
            await self._hand_over(incidents, stop)
        metrics.SAMPLES.labels(self.name).inc(
            sum(len(record) for record in records if isinstance(record, Batch))
        )
        for rule, seconds in engine.seconds.items():
            metrics.RULE_SECONDS.labels(rule).observe(seconds)
        engine.seconds.clear()
        ticks = [record.ts for record in records if isinstance(record, Tick)]
        if ticks:
            self.judged = max(ticks)

    async def _hand_over(self, incidents: list[Incident], stop: asyncio.Event) -> None:
        """Until they are stored; a stop meanwhile leaves them to the next start's replay."""
        pause_s = _PAUSE_S
        while True:
            try:
                return await self._apply(incidents)
            except Retry as retry:
                if stop.is_set():
                    raise
                wait_s = pause_s if retry.after_s is None else retry.after_s
                log.warning("incidents wait for the tickets", why=retry.reason, again_in_s=wait_s)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), wait_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _save(self, engine: Engine, position: int) -> None:
        data = await asyncio.to_thread(engine.snapshot)
        await self._journal.save_snapshot(CURSOR, Snapshot(position, data))
        await self._journal.commit(CURSOR, position)
        for (rule, state), count in engine.alarms().items():
            metrics.ALARMS.labels(rule, state).set(count)
