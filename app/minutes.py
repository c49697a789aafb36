"""What a city says of itself once a minute."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from citypatrol.clock import Clock, Ts

MINUTE_MS: Final = 60_000


async def each_minute(stop: asyncio.Event, *, clock: Clock) -> AsyncIterator[Ts]:
    """Every full minute as it comes, until ``stop``. What took longer than a minute skips some."""
    while not stop.is_set():
        wait_s = (MINUTE_MS - clock.now() % MINUTE_MS) / 1000
        try:
            await asyncio.wait_for(stop.wait(), wait_s + 0.01)
        except TimeoutError:
            yield clock.now() // MINUTE_MS * MINUTE_MS
