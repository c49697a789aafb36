"""Sends a dead letter on its way again, each kind where it belongs."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from citypatrol.clock import Clock
from citypatrol.dead import DeadLetter
from citypatrol.errors import Reject, Retry
from citypatrol.samples import Batch, decode_batch
from ingest.config import MqttInput
from ingest.intake import Intake
from ingest.message import ClockBounds, Message
from ingest.parse import Parser
from rules.incidents import decode_incident
from sinks.endpoint import dead_delivery
from tickets.desk import Desk
from tickets.errors import UnknownDelivery
from tickets.outbox import Outbox


class LineSink(Protocol):
    """Where refused lines of an InfluxDB go; ``url`` is their origin."""

    @property
    def url(self) -> str: ...
    async def rewrite(self, line: bytes) -> None: ...


class Replay:
    """``await replay(letter)``: Reject where it is refused again, Retry where that is not known."""

    def __init__(
        self,
        *,
        inputs: Sequence[MqttInput],
        intake: Intake,
        outbox: Outbox,
        desk: Desk,
        lines: Sequence[LineSink],
        clock: Clock,
        patience_s: float = 10.0,
    ) -> None:
        self._inputs = [
            (one.routes(), ClockBounds(future=one.clock.future, past=one.clock.past))
            for one in inputs
        ]
        self._intake = intake
        self._outbox = outbox
        self._desk = desk
        self._lines = lines
        self._clock = clock
        self._patience_s = patience_s

    async def __call__(self, letter: DeadLetter) -> None:
        try:
            if letter.kind == "message":
                await self._message(letter)
            elif letter.kind == "batch":
                await self._batch(letter)
            elif letter.kind == "line":
                await self._line(letter)
            elif letter.kind == "delivery":
                await self._delivery(letter)
            else:
                await self._incident(letter)
        except ValueError as error:
            raise Reject(str(error)) from error

    async def _message(self, letter: DeadLetter) -> None:
        """Read again by the patterns of today: a payload profile may have been mended since. One
        without a time gets the time at which it came, so sent again twice it is one reading."""
        reasons = []
        for routes, bounds in self._inputs:
            if routes.of(letter.origin) is None:
                continue
            parsed = Parser(routes, clock=bounds)(
                [Message(letter.origin, letter.payload, letter.at)]
            )
            if len(parsed.batch) and not parsed.letters:
                await self._offer(parsed.batch, labels=parsed.labels)
                return
            reasons += [one.reason for one in parsed.letters] or ["it holds no sample"]
        raise Reject("; ".join(reasons) or f"no input has a pattern for {letter.origin}")

    async def _batch(self, letter: DeadLetter) -> None:
        if letter.payload.startswith(b"{"):
            message = (
                "a control record is no batch: the journal has it, and sends it to no one again"
            )
            raise Reject(message)
        await self._offer(decode_batch(letter.payload))

    async def _offer(
        self, batch: Batch, *, labels: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        """Returns once the batch is in the journal."""
        committed = asyncio.Event()
        if not self._intake.offer(batch, labels=labels, committed=committed.set):
            message = "the intake has no room"
            raise Retry(message)
        try:
            await asyncio.wait_for(committed.wait(), self._patience_s)
        except TimeoutError:
            message = f"not in the journal after {self._patience_s:g} s"
            raise Retry(message) from None

    async def _line(self, letter: DeadLetter) -> None:
        sink = next((one for one in self._lines if one.url == letter.origin), None)
        if sink is None:
            message = f"there is no sink {letter.origin} any more"
            raise Reject(message)
        await sink.rewrite(letter.payload)

    async def _delivery(self, letter: DeadLetter) -> None:
        number = dead_delivery(letter.payload)
        try:
            await asyncio.to_thread(self._outbox.redeliver, number, now=self._clock.now())
        except UnknownDelivery as error:
            raise Reject(str(error)) from error

    async def _incident(self, letter: DeadLetter) -> None:
        incident = decode_incident(letter.payload)
        await asyncio.to_thread(self._desk.apply, [incident], now=self._clock.now())
