"""The partitions that one worker owns at this moment: taken, judged, ticked, saved, given back."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import structlog

from citypatrol.clock import Ts
from citypatrol.errors import Retry
from citypatrol.journal import JournalFull
from citypatrol.kafka import Cluster
from citypatrol.kafka_topics import Outgoing
from citypatrol.records import Tick, encode_record
from rules.owner import Owner

_AGAIN_S: Final = 1.0
_GIVE_S: Final = 5.0

log = structlog.get_logger(__name__)


class Owners:
    """Owners by partition. ``make`` builds one that connects to nothing yet."""

    def __init__(self, make: Callable[[int], Owner], *, cluster: Cluster, samples: str) -> None:
        self._make = make
        self._cluster = cluster
        self._samples = samples
        self._owners: dict[int, Owner] = {}

    def positions(self) -> dict[int, int]:
        """What each owned partition has folded."""
        return {partition: owner.position for partition, owner in self._owners.items()}

    def take(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            if partition not in self._owners:
                self._owners[partition] = self._make(partition)

    async def open(self) -> None:
        """Load the states of what was taken, so that quiet partitions get their ticks too."""
        for owner in list(self._owners.values()):
            await owner.open()

    async def judge(self, partition: int, position: int, value: bytes | None) -> None:
        """Returns once it is done with: while Kafka is away it waits, and drops nothing."""
        while True:
            self.take([partition])
            try:
                await self._owners[partition].judge(position, value)
            except Retry as error:
                log.warning("waiting for Kafka", partition=partition, reason=error.reason)
                await asyncio.sleep(_AGAIN_S)
            else:
                return

    async def tick(self, ts: Ts) -> None:
        """One tick for every partition, at the end of what it holds."""
        await self.open()
        tick = encode_record(Tick(ts))
        await self._cluster.produce([Outgoing(self._samples, at, tick) for at in self._owners])

    async def save(self) -> None:
        for owner in list(self._owners.values()):
            await owner.save()

    async def reload(self, reload: Callable[[Owner], Awaitable[None]]) -> None:
        """Let each owner judge by other rules; while Kafka is away it waits."""
        for partition, owner in list(self._owners.items()):
            while self._owners.get(partition) is owner:
                try:
                    await reload(owner)
                except (Retry, JournalFull) as error:
                    log.warning("new rules wait for Kafka", partition=partition, reason=str(error))
                    await asyncio.sleep(_AGAIN_S)
                else:
                    break

    async def give(self, partitions: Iterable[int]) -> None:
        """Hand the states over through their snapshots. Whoever comes next works out from Kafka
        what could not be saved in time."""
        given = [self._owners.pop(at) for at in list(partitions) if at in self._owners]
        saved = await asyncio.gather(*map(_save_and_close, given), return_exceptions=True)
        for owner, outcome in zip(given, saved, strict=True):
            if isinstance(outcome, BaseException):
                log.warning(
                    "partition given away unsaved",
                    partition=owner.partition,
                    reason=repr(outcome),
                )


async def _save_and_close(owner: Owner) -> None:
    try:
        async with asyncio.timeout(_GIVE_S):
            await owner.save()
    except (Retry, JournalFull, TimeoutError) as error:
        log.warning("partition given away unsaved", partition=owner.partition, reason=repr(error))
    finally:
        await owner.close()
