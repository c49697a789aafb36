"""Runs the engine over a journal: ``citypatrol run`` (the Kafka form is ``rules.stream``).

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
from citypatrol.crashpoints import CrashPoint, crash_point
from citypatrol.errors import Retry
from citypatrol.heap import give_back
from citypatrol.journal import Entry, Journal, JournalFull, Snapshot
from citypatrol.records import RulesInForce
from rules.engine import Engine
from rules.explain import Unexplained
from rules.explain_alarm import Explanation
from rules.gauges import Gauges
from rules.incidents import Incident
from rules.pages import MOST, Pages
from rules.ruleset import RuleSet

Apply = Callable[[list[Incident]], Awaitable[None]]
"""Stores what the incidents bring; idempotent. Raises ``Retry`` while it cannot."""
Announce = Callable[[RulesInForce], Awaitable[object]]
"""Puts the record into the journal. Raises ``JournalFull`` while it cannot."""
PutInForce = Callable[[RuleSet], Awaitable[None]]
"""Tells the tickets that other rules judge from here on; idempotent. Raises ``Retry`` while it
cannot."""
SetAside = Callable[[Entry, str], None]
"""Keeps a record that broke the engine, with the reason."""

CURSOR: Final = "rules"
SAVE_S: Final = 5.0
_WAIT_S: Final = 0.5
_SHARE: Final = 20
"""Saving takes at most a twentieth of the time."""
_LARGE: Final = 1_000_000
_DRAIN_S: Final = 1.5
_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0

log = structlog.get_logger(__name__)


class RulesStage:
    """A stage: the one reader of the cursor ``rules``. Begins from the newest snapshot.

    Promised: a record that breaks the engine is set aside and logged, and the others are judged as
    if it were not there. Not promised: that ``apply`` gets an incident only once.
    """

    name = CURSOR

    def __init__(
        self,
        journal: Journal,
        rules: RuleSet,
        *,
        apply: Apply,
        clock: Clock,
        announce: Announce | None = None,
        put_in_force: PutInForce | None = None,
        set_aside: SetAside | None = None,
    ) -> None:
        """``announce``: by default the journal's own ``append``; ``put_in_force`` is called at a
        reload only."""
        self.judged: Ts | None = None
        self._journal = journal
        self._rules = self._wanted = rules
        self._taken_over = asyncio.Event()
        self._put_in_force = put_in_force
        self._apply = apply
        self._clock = clock
        self._announce = announce or (lambda record: journal.append([record]))
        self._set_aside = set_aside
        self._engine: Engine | None = None
        self._saved_up_to = 0
        self._position = 0
        self._announced: str | None = None
        self._told: RuleSet | None = None
        self._refused: set[int] = set()
        self._careful_until = 0
        self._gauges = Gauges(CURSOR)
        self._pages = Pages(journal, CURSOR)
        self._folding = asyncio.Lock()

    def waiting_for(self) -> str | None:
        return None if self._engine is not None else "the rules' state is not restored yet"

    async def reload(self, rules: RuleSet) -> None:
        """Judge by these rules from the next page on; where a condition stays, alarms do. Returns
        once they judge."""
        self._wanted = rules
        self._taken_over.clear()
        await self._taken_over.wait()

    async def explain(self, rule: str, *, source: str) -> Explanation:
        """Between two pages. Raises Unexplained."""
        async with self._folding:
            if self._engine is None:
                message = "the rules' state is not restored yet; ask again"
                raise Unexplained(message)
            return await asyncio.to_thread(self._engine.explain, rule, source=source)

    async def run(self, stop: asyncio.Event) -> None:
        try:
            await self._run(stop)
        finally:
            self._pages.close()

    async def _run(self, stop: asyncio.Event) -> None:
        self._engine = None
        engine = await self._rewind()
        self._announced, self._told = engine.in_force, None
        save_at = time.monotonic() + SAVE_S
        drained_by: float | None = None
        while True:
            if stop.is_set() and drained_by is None:
                drained_by = time.monotonic() + _DRAIN_S
            engine = await self._take_over(engine, stop)
            wait_s = _WAIT_S if drained_by is None else 0.0
            limit = 1 if self._position < self._careful_until else MOST
            entries = await self._pages.after(self._position, wait_s=wait_s, limit=limit)
            if entries:
                engine = await self._judge(engine, entries, stop)
            at_end = drained_by is not None and (not entries or time.monotonic() >= drained_by)
            if at_end or time.monotonic() >= save_at:
                took = await self._save(engine)
                save_at = time.monotonic() + max(SAVE_S, _SHARE * took)
            if at_end:
                return

    async def _rewind(self) -> Engine:
        """The engine as it was saved; a fresh one where that cannot be read."""
        saved = await self._journal.load_snapshot(CURSOR)
        engine, self._saved_up_to = Engine(self._rules, stopwatch=time.perf_counter), 0
        if saved is not None:
            try:
                engine = await asyncio.to_thread(_restored, self._rules, saved.data)
                self._saved_up_to = saved.position
            except ValueError as error:
                why = str(error)
                log.error("the rules' state cannot be read: judging all that is kept", why=why)
        self._engine, self._position = engine, self._saved_up_to
        return engine

    async def _take_over(self, engine: Engine, stop: asyncio.Event) -> Engine:
        """Let new rules judge, and say so in the journal."""
        if self._rules is not self._wanted:
            engine = await self._replaced(engine, self._wanted, stop)
        if self._told is not engine.rules:  # their hash takes a while
            await self._tell(engine.rules)
        if self._rules is self._wanted:
            self._taken_over.set()
        return engine

    async def _tell(self, rules: RuleSet) -> None:
        if self._announced != rules.hash:
            try:
                await self._announce(RulesInForce(ts=self._clock.now(), hash=rules.hash))
            except JournalFull:
                log.warning("the journal is full: new rules are announced later")
                return
            self._announced = rules.hash
        self._told = rules

    async def _replaced(self, engine: Engine, rules: RuleSet, stop: asyncio.Event) -> Engine:
        """The engine that goes on under these rules. What was judged is saved before, so that no
        replay judges it by other rules."""
        if rules.hash != engine.rules.hash:
            await self._save(engine)
            if (put_in_force := self._put_in_force) is not None:
                await self._patiently(lambda: put_in_force(rules), stop)
            async with self._folding:
                data = await asyncio.to_thread(engine.snapshot)
                self._engine = engine = await asyncio.to_thread(_restored, rules, data)
        self._rules = rules
        return engine

    async def _judge(self, engine: Engine, entries: Sequence[Entry], stop: asyncio.Event) -> Engine:
        """Fold a page and hand over what it brings; the engine that goes on."""
        records = [one.record for one in entries if one.position not in self._refused]
        try:
            async with self._folding:
                incidents = await asyncio.to_thread(engine.fold, records)
        except Exception as error:
            # A bug. The state may be half changed: back to the snapshot, and around that record.
            first, count = entries[0], len(entries)
            log.exception("a record broke the engine", first=first.position, records=count)
            if count == 1:
                self._refuse(first, f"the engine failed: {error!r}")
            self._careful_until = max(self._careful_until, entries[-1].position)
            return await self._rewind()
        if incidents:
            crash_point(CrashPoint.RULES_APPLY_BEFORE)
            await self._patiently(lambda: self._apply(incidents), stop)
            crash_point(CrashPoint.RULES_APPLY_AFTER)
        self._position = entries[-1].position
        self._gauges.folded(engine, records)
        self.judged = engine.judged if engine.judged is not None else self.judged
        return engine

    def _refuse(self, entry: Entry, reason: str) -> None:
        self._refused.add(entry.position)
        metrics.DROPPED.labels(self.name, "engine").inc()
        if self._set_aside is not None:
            self._set_aside(entry, reason)

    async def _patiently(self, store: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
        """Until it is stored; a stop meanwhile leaves it to the next start's replay."""
        pause_s = _PAUSE_S
        while True:
            try:
                return await store()
            except Retry as retry:
                if stop.is_set():
                    raise
                wait_s = pause_s if retry.after_s is None else retry.after_s
                log.warning("the rules wait for the tickets", why=retry.reason, again_in_s=wait_s)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), wait_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _save(self, engine: Engine) -> float:
        """Store the state where it has moved; seconds that it took."""
        self._gauges.show(engine)
        if self._position <= self._saved_up_to:
            return 0.0
        began = time.monotonic()
        snapshot = Snapshot(self._position, await asyncio.to_thread(_saved, engine))
        await self._journal.save_snapshot(CURSOR, snapshot)
        self._saved_up_to = snapshot.position
        crash_point(CrashPoint.RULES_SNAPSHOT_AFTER)
        await self._journal.commit(CURSOR, snapshot.position)
        crash_point(CrashPoint.RULES_CURSOR_AFTER)
        return time.monotonic() - began


def _saved(engine: Engine) -> bytes:
    data = engine.snapshot()
    if len(data) > _LARGE:
        give_back()
    return data


def _restored(rules: RuleSet, data: bytes) -> Engine:
    engine = Engine.restore(rules, data, stopwatch=time.perf_counter)
    give_back()
    return engine
