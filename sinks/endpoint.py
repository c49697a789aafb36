"""The queue of one endpoint: begins what is due, records how it went."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, TypeVar

import orjson
import structlog

from citypatrol.clock import Clock, Ts
from citypatrol.crashpoints import CrashPoint, crash_point
from citypatrol.dead import DeadStore
from citypatrol.errors import Retry
from citypatrol.metrics import DELIVERIES, DELIVERIES_PENDING, LATENCY
from citypatrol.signing import sign
from sinks.attempts import Answer, Outcome, outcome
from sinks.config import WebhooksConfig
from sinks.post import Post
from tickets.outbox import Attempt, Delivery, Disabled, Outbox, Queue
from tickets.units import Unit, UnitWebhook

log = structlog.get_logger(__name__)
T = TypeVar("T")

IN_FLIGHT: Final = 4
"""Attempts at once to one endpoint; of one ticket there is never more than one."""
STOP_S: Final = 1.0
_PAUSE_S: Final = 1.0
_LOOK_AT_CLOCK_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Means:
    """What the queues of all endpoints share. ``jitter`` gives numbers in 0..1."""

    outbox: Outbox
    dead: DeadStore
    config: WebhooksConfig
    clock: Clock
    post: Post
    jitter: Callable[[], float]
    threads: Executor


class EndpointQueue:
    """Attempts of one unit's endpoint, in the order of their events as far as all goes well."""

    def __init__(self, unit: Unit, webhook: UnitWebhook, *, means: Means) -> None:
        self.unit = unit
        self._webhook = webhook
        self._means = means
        self._awake = asyncio.Event()
        self._in_flight: dict[int, Delivery] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._said_disabled = False

    def wake(self) -> None:
        """Look again, now. In the event loop's thread only."""
        self._awake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set and ``wake`` is called; then what is in flight has 1 s to end."""
        try:
            while not stop.is_set():
                self._awake.clear()
                try:
                    await self._rest(await self._begin_due(), stop)
                except Retry as error:
                    log.warning("webhooks wait", endpoint=self.unit.id, reason=error.reason)
                    await asyncio.sleep(_PAUSE_S)
                except Exception:  # noqa: BLE001 - a process loop: logged and counted
                    self._stumbled()
                    await asyncio.sleep(_PAUSE_S)
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=STOP_S)
            for task in self._tasks:  # an attempt that is cut short counts as not made
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def _clock(self) -> Clock:
        return self._means.clock

    async def _begin_due(self) -> Ts | None:
        """Begin every attempt that is due and has room. Returns when the next one is due; None
        where something must happen first."""
        while (room := IN_FLIGHT - len(self._in_flight)) > 0:
            queue = await self._blocking(self._look, room)
            DELIVERIES_PENDING.labels(self.unit.id).set(queue.pending)
            if queue.disabled is not None:
                if not await self._may_resume(queue.disabled):
                    return None
                continue
            if not queue.due:
                return queue.next_due
            tickets: set[str | None] = set()
            for delivery in queue.due:
                if delivery.ticket is None or delivery.ticket not in tickets:
                    tickets.add(delivery.ticket)
                    self._begin(delivery)
        return None

    def _look(self, room: int) -> Queue:
        return self._means.outbox.look(
            self.unit.id,
            now=self._clock.now(),
            limit=room,
            in_flight=list(self._in_flight.values()),
        )

    async def _may_resume(self, disabled: Disabled) -> bool:
        """An endpoint that said 410 is called again once its unit has another URL."""
        if disabled.url != self._webhook.url:
            await self._blocking(self._means.outbox.enable, self.unit.id)
            return True
        if not self._said_disabled:
            self._said_disabled = True
            log.error(
                "endpoint is disabled: it said 410 Gone; give the unit another url, or redeliver",
                endpoint=self.unit.id,
                since=disabled.at,
            )
        return False

    def _begin(self, delivery: Delivery) -> None:
        self._in_flight[delivery.id] = delivery
        task = asyncio.create_task(self._attempt(delivery), name=f"webhook {delivery.event}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attempt(self, delivery: Delivery) -> None:
        try:
            await self._send(delivery)
        except Retry as error:  # sent, but not recorded: it will be sent again
            log.warning("webhook is not recorded", webhook_id=delivery.event, reason=error.reason)
            await asyncio.sleep(_PAUSE_S)
        except Exception:  # noqa: BLE001 - a process loop: logged and counted
            self._stumbled()
            await asyncio.sleep(_PAUSE_S)
        finally:
            del self._in_flight[delivery.id]
            self.wake()

    async def _send(self, delivery: Delivery) -> None:
        config, started = self._means.config, self._clock.now()
        headers = {
            "content-type": "application/json",
            "user-agent": "citypatrol",
            "webhook-id": delivery.event,
            "webhook-timestamp": str(started // 1000),
            "webhook-signature": sign(
                self._webhook.secret,
                id=delivery.event,
                timestamp_s=started // 1000,
                body=delivery.body,
            ),
        }
        crash_point(CrashPoint.DELIVERY_BEFORE)
        try:
            async with asyncio.timeout(config.timeout / 1000):
                answer = await self._means.post(self._webhook.url, headers, delivery.body)
        except TimeoutError:
            answer = Answer(None, f"no answer within {config.timeout / 1000:g} s")
        crash_point(CrashPoint.DELIVERY_SENT)
        ended = self._clock.now()
        then = outcome(
            answer,
            tries=delivery.tries,
            schedule=config.schedule,
            now=ended,
            spread=self._means.jitter(),
        )
        attempt = Attempt(started, max(0, ended - started), then.result, answer.status, then.reason)
        await self._blocking(self._record, delivery, attempt, then)
        self._count(delivery, then, ended=ended)

    def _record(self, delivery: Delivery, attempt: Attempt, then: Outcome) -> None:
        """In this order: a crash between the two repeats an attempt, and forgets none."""
        outbox, url = self._means.outbox, self._webhook.url
        if then.result == "dead":
            self._means.dead.put(
                "delivery",
                origin=self.unit.id,
                reason=then.reason,
                payload=dead_payload(delivery, url=url),
                at=attempt.at,
            )
        if then.result == "gone":
            outbox.disable(self.unit.id, url=url, at=attempt.at, reason=then.reason)
        outbox.record(delivery, attempt, due_at=then.due_at)

    def _count(self, delivery: Delivery, then: Outcome, *, ended: Ts) -> None:
        DELIVERIES.labels(self.unit.id, then.result).inc()
        if then.result == "accepted":
            self._said_disabled = False
            if delivery.caused_at is not None:
                LATENCY.observe(max(0, ended - delivery.caused_at) / 1000)
            return
        log.warning(
            "webhook was not accepted",
            endpoint=self.unit.id,
            webhook_id=delivery.event,
            ticket=delivery.ticket,
            attempt=delivery.tries + 1,
            result=then.result,
            reason=then.reason,
            next_at=then.due_at,
        )

    def _stumbled(self) -> None:
        log.exception("webhooks stumbled", endpoint=self.unit.id)
        DELIVERIES.labels(self.unit.id, "error").inc()

    async def _rest(self, until: Ts | None, stop: asyncio.Event) -> None:
        """Until woken, or until the clock says so; it is asked, because clocks are set and jump."""
        while not (self._awake.is_set() or stop.is_set()):
            left_s = _LOOK_AT_CLOCK_S
            if until is not None:
                left_s = min(left_s, (until - self._clock.now()) / 1000)
                if left_s <= 0:
                    return
            try:
                async with asyncio.timeout(left_s):
                    await self._awake.wait()
            except TimeoutError:
                continue

    async def _blocking(self, work: Callable[..., T], *args: object) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._means.threads, work, *args)


def dead_payload(delivery: Delivery, *, url: str) -> bytes:
    """What the dead-letter store keeps of a delivery: the number to redeliver, and the event."""
    return orjson.dumps(
        {
            "delivery": delivery.id,
            "event": delivery.event,
            "endpoint": delivery.endpoint,
            "url": url,
            "ticket": delivery.ticket,
            "body": orjson.Fragment(delivery.body),
        }
    )


def dead_delivery(payload: bytes) -> int:
    """The number of the delivery in a letter of kind ``delivery``, for ``Outbox.redeliver``.

    Raises ValueError where the payload is none of ours.
    """
    letter = orjson.loads(payload)
    number = letter.get("delivery") if isinstance(letter, dict) else None
    if not isinstance(number, int):
        message = "the letter names no delivery"
        raise ValueError(message)
    return number
