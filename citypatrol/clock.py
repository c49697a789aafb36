"""Time as an argument: the one place that reads the machine's clock."""

import time
from datetime import UTC, datetime
from typing import Protocol

Ts = int
"""Milliseconds since 1970-01-01T00:00:00Z."""


def rfc3339(ts: Ts) -> str:
    """`2026-05-13T00:02:11.480Z`: UTC, always with three decimals (DOORS)."""
    moment = datetime.fromtimestamp(ts / 1000, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Clock(Protocol):
    """Says what time it is. Cores never hold one: shells ask it and pass the answer on."""

    def now(self) -> Ts: ...


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> Ts:
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that stands still until it is advanced: for tests and replays."""

    def __init__(self, at: Ts) -> None:
        self._at = at

    def now(self) -> Ts:
        return self._at

    def advance(self, by_ms: int) -> None:
        self._at += by_ms
