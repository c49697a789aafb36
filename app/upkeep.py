"""What a city does by the clock: held incidents, counts for the walls, old pictures."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from prometheus_client import Gauge

from app.rollcall import RollCall
from citypatrol.clock import Clock, Ts
from citypatrol.dead import DeadStore
from citypatrol.evidence import EvidenceStore
from citypatrol.metrics import RULES_HELD, SHADOW_TICKETS, STORMS, TICKETS
from tickets.desk import Desk
from tickets.reading import Tickets

log = structlog.get_logger(__name__)

_HELD_S: Final = 5.0
_COUNT_S: Final = 10.0
_PRUNE_S: Final = 3_600.0


@dataclass(slots=True, eq=False)
class Upkeep:
    """A stage. ``judged``: the event time up to which the rules have judged, None before they have.

    ``keep``: how long pictures and dead letters stay, in milliseconds.
    """

    desk: Desk
    tickets: Tickets
    evidence: EvidenceStore
    dead: DeadStore
    clock: Clock
    judged: Callable[[], Ts | None]
    keep: int
    roll: RollCall | None = None
    name: str = "upkeep"

    def waiting_for(self) -> str | None:
        return None

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(_every(_HELD_S, self.open_held, stop))
            group.create_task(_every(_COUNT_S, self.count, stop))
            group.create_task(_every(_PRUNE_S, self.prune, stop))

    async def open_held(self) -> None:
        """Incidents whose cool-down is over become tickets; units hear what had to wait."""
        judged = self.judged()
        if judged is not None:
            await asyncio.to_thread(self.desk.open_held, event_time=judged, now=self.clock.now())
        await asyncio.to_thread(self.desk.tell_waiting, now=self.clock.now())

    async def count(self) -> None:
        """``citypatrol_tickets`` and its kin, and ``citypatrol_sources``."""
        for state, count in (await asyncio.to_thread(self.tickets.counts)).items():
            TICKETS.labels(state=state).set(count)
        by_rule = await asyncio.to_thread(self.tickets.open_by_rule)
        _show(SHADOW_TICKETS, {rule: one.shadows for rule, one in by_rule.items()})
        _show(STORMS, {rule: one.storms for rule, one in by_rule.items()})
        held = await asyncio.to_thread(self.tickets.held_rules)
        _show(RULES_HELD, {one.rule: one.waiting for one in held})
        if self.roll is not None:
            await asyncio.to_thread(self.roll.show, now=self.clock.now())

    async def prune(self) -> None:
        """What is older than ``keep`` goes."""
        before = self.clock.now() - self.keep
        pictures = await asyncio.to_thread(self.evidence.prune, before)
        letters = await asyncio.to_thread(self.dead.prune, before)
        if pictures or letters:
            log.info("pruned what is too old", pictures=pictures, dead_letters=letters)


def _show(gauge: Gauge, counts: Mapping[str, int]) -> None:
    """Of each rule; one that has none any more is no series any more."""
    gauge.clear()
    for rule, count in counts.items():
        gauge.labels(rule=rule).set(count)


async def _every(seconds: float, work: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    while not stop.is_set():
        await work()
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            continue
