"""The city's own series: counts of tickets go into the journal, and from there to the walls."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from app.minutes import MINUTE_MS, each_minute
from citypatrol.clock import Clock, Ts
from citypatrol.samples import Batch, Sample
from ingest.intake import Intake
from tickets.store import Store
from tickets.tallies import Tally, tallies

log = structlog.get_logger(__name__)

EVERY_MS: Final = MINUTE_MS
_LATEST_MS: Final = 10 * EVERY_MS
Labels = Mapping[str, str]


class TallyStage:
    """A stage: once a minute, on the minute, and at its end. A minute that was missed is counted
    with the next."""

    name = "tallies"

    def __init__(self, store: Store, *, intake: Intake, clock: Clock) -> None:
        self._store = store
        self._intake = intake
        self._clock = clock
        self._until: Ts | None = None

    def waiting_for(self) -> str | None:
        return None

    async def run(self, stop: asyncio.Event) -> None:
        async for _ in each_minute(stop, clock=self._clock):
            await self.tell()
        await self.leave()

    async def leave(self) -> None:
        """What is open at this moment. What was opened and closed in this part of a minute is not
        counted here: the next start counts the whole minute."""
        now = self._clock.now()
        counted = await asyncio.to_thread(tallies, self._store, since=now, until=now)
        batch, labels = as_batch(counted, at=now)
        self._intake.offer(batch, labels=labels)

    async def tell(self) -> None:
        """Count what happened since the last time, and offer it to the journal."""
        until = self._clock.now() // EVERY_MS * EVERY_MS
        if self._until is None:
            self._until = until - EVERY_MS
        since = max(self._until, until - _LATEST_MS)
        if until <= since:
            return
        counted = await asyncio.to_thread(tallies, self._store, since=since, until=until)
        batch, labels = as_batch(counted, at=until)
        if len(batch) == 0 or self._intake.offer(batch, labels=labels):
            self._until = until
        else:
            log.warning("no room for the ticket counts; they come with the next minute")


def as_batch(counted: Sequence[Tally], *, at: Ts) -> tuple[Batch, Mapping[str, Labels]]:
    """Samples ``ticket.open``, ``.opened`` and ``.closed``, and the labels of their sources."""
    samples = []
    labels: dict[str, Labels] = {}
    for tally in counted:
        tags = {
            "category": tally.category,
            "severity": tally.severity,
            "unit": tally.unit or "none",
            "district": tally.district or "none",
            "state": tally.state,
        }
        source = "citypatrol/ticket/" + "/".join(tags.values())
        labels[source] = tags
        for metric in ("open", "opened", "closed"):
            value = float(getattr(tally, metric))
            samples.append(Sample(source, f"ticket.{metric}", at, value))
    return Batch.of(samples), labels
