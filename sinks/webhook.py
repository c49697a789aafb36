"""Delivers the outbox: signed events to the units' endpoints (Standard Webhooks, DOORS).

A queue an endpoint: one that hangs, refuses or answers slowly delays no other.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import asyncio
import random
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from typing import Final

import structlog

from citypatrol.clock import Clock
from citypatrol.dead import DeadStore
from citypatrol.metrics import DELIVERIES_PENDING
from sinks.allow import Allowed
from sinks.config import WebhooksConfig
from sinks.endpoint import EndpointQueue, Means
from sinks.post import Post, poster
from tickets.outbox import Outbox
from tickets.units import Units

log = structlog.get_logger(__name__)
_THREADS: Final = 4


class Webhooks:
    """A stage: attempts what is due, records how it went.

    Promised: every delivery ends as accepted (2xx) or as a dead letter, over restarts too; all its
    attempts have one id and body; an attempt that a crash cut short is made again. Not promised: an
    order of events, or that a receiver sees one once only. While the database or the dead-letter
    store is away, everything waits.

    ``post`` sends one request (default: over aiohttp, only to where ``config.allow`` lets it);
    ``jitter`` gives numbers in 0..1.
    """

    def __init__(
        self,
        outbox: Outbox,
        units: Units,
        *,
        config: WebhooksConfig,
        dead: DeadStore,
        clock: Clock,
        post: Post | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = "webhooks"
        self._outbox = outbox
        self._units = units
        self._config = config
        self._dead = dead
        self._clock = clock
        self._post = post
        self._jitter = jitter
        self._queues: dict[str, EndpointQueue] = {}

    def waiting_for(self) -> str | None:
        return None  # DOORS: readiness does not wait for webhooks

    def wake(self, endpoints: Collection[str] | None = None) -> None:
        """Look at these queues again, now; None for all. In the event loop's thread only."""
        for endpoint in self._queues if endpoints is None else endpoints:
            if endpoint in self._queues:
                self._queues[endpoint].wake()

    async def run(self, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            post = self._post
            if post is None:
                post = await stack.enter_async_context(poster(Allowed(self._config.allow)))
            threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="outbox")
            stack.callback(threads.shutdown, wait=False)
            means = Means(
                outbox=self._outbox,
                dead=self._dead,
                config=self._config,
                clock=self._clock,
                post=post,
                jitter=self._jitter,
                threads=threads,
            )
            self._queues = {
                unit.id: EndpointQueue(unit, unit.webhook, means=means)
                for unit in self._units
                if unit.webhook is not None
            }

            def changed(endpoints: Collection[str]) -> None:
                with suppress(RuntimeError):  # the loop has ended: what is due waits for the next
                    loop.call_soon_threadsafe(self.wake, frozenset(endpoints))

            stack.callback(self._outbox.listen(changed))
            self._name_strangers(await loop.run_in_executor(threads, self._outbox.pending))
            async with asyncio.TaskGroup() as group:
                for queue in self._queues.values():
                    group.create_task(queue.run(stop), name=f"webhooks to {queue.unit.id}")
                await stop.wait()
                self.wake()

    def _name_strangers(self, pending: Mapping[str, int]) -> None:
        """What waits for a unit that units.yaml no longer has goes on waiting, and is said."""
        for endpoint, count in pending.items():
            if endpoint not in self._queues:
                DELIVERIES_PENDING.labels(endpoint).set(count)
                log.warning("webhooks wait for a unit that is gone", unit=endpoint, pending=count)
