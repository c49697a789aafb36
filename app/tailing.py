"""Messages as they come in, for a terminal that looks on over HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import orjson

from citypatrol.clock import rfc3339
from ingest.config import MqttInput, input_names
from ingest.heard_stage import HeardStage
from ingest.tail import Seen, Tail
from ingest.tap import Crowded, Tap

_AT_ONCE: Final = 200
_LOOK_S: Final = 0.2
_SIGN_OF_LIFE_S: Final = 10.0


class Tailing:
    """A stage too: at the stop of the process it ends those who look on."""

    def __init__(self, tap: Tap, *, heard: HeardStage, inputs: Sequence[MqttInput]) -> None:
        self.name = "tail"
        self.tap = tap
        self._heard = heard
        self._inputs = tuple(inputs)

    def waiting_for(self) -> str | None:
        return None

    async def run(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self.tap.close()

    async def events(self, topics: str) -> AsyncIterator[bytes]:
        """Server-sent events, until the process stops or the reader goes. Who reads slowly misses
        some, and is told how many."""
        try:
            listener = self.tap.listen(topics)
        except Crowded as error:
            yield _event({"error": str(error)})
            return
        try:
            tail = await asyncio.to_thread(self._tail)
            yield b": here it begins\n\n"
            said_s = time.monotonic()
            while not self.tap.closed:
                came, dropped = listener.take(most=_AT_ONCE)
                if came:
                    seen = await asyncio.to_thread(tail, came)
                    yield b"".join(_event(seen_json(one)) for one in seen)
                if dropped:
                    yield _event({"dropped": dropped})
                if came or dropped:
                    said_s = time.monotonic()
                    continue
                if time.monotonic() - said_s > _SIGN_OF_LIFE_S:
                    said_s = time.monotonic()
                    yield b": still here\n\n"
                await asyncio.sleep(_LOOK_S)
        finally:
            self.tap.leave(listener)

    def _tail(self) -> Tail:
        names = input_names(self._inputs)
        parsers = {name: one.parser() for name, one in zip(names, self._inputs, strict=True)}
        return Tail(parsers, newest=self._heard.newest_before())


def seen_json(seen: Seen) -> dict[str, Any]:
    return {
        "at": rfc3339(seen.arrived),
        "topic": seen.topic,
        "samples": [
            {
                "source": one.source,
                "metric": one.metric,
                "value": one.value,
                "ts": rfc3339(one.ts),
                "late": one.late,
            }
            for one in seen.samples
        ],
        "dead": seen.dead,
        "notes": seen.notes,
    }


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"
