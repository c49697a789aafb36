"""What every format gives: samples as columns, and lines that were refused. Pure."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Final

from citypatrol.clock import Ts

AT_ONCE: Final = 50_000
"""Samples of one part."""
_FIRST: Final = 946_684_800_000  # 2000
_LAST: Final = 4_102_444_800_000  # 2100
_LONGEST_NAME: Final = 500
_SCALES: Final = ((1e11, 1e3), (1e14, 1.0), (1e17, 1e-3), (math.inf, 1e-6))
"""A number below the first is in the unit of the second: s, ms, us, ns."""
_WORDS: Final = {"true": 1.0, "on": 1.0, "false": 0.0, "off": 0.0}


@dataclass(frozen=True, slots=True)
class Refused:
    """``line`` from 1, 0 where the format has none; ``text`` as far as it can be shown."""

    line: int
    reason: str
    text: str


@dataclass(slots=True)
class Part:
    """Some samples in order of arrival, and what was refused among them."""

    source: list[str] = field(default_factory=list)
    metric: list[str] = field(default_factory=list)
    ts: list[Ts] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def is_full(self) -> bool:
        return len(self.ts) >= AT_ONCE or len(self.refused) >= AT_ONCE

    def add(self, source: str, metric: str, ts: Ts, value: float) -> None:
        """ValueError, in words, where this is no sample."""
        for name, text in (("source", source), ("metric", metric)):
            if not text or len(text) > _LONGEST_NAME or not text.isprintable():
                message = f"'{text[:40]}' is no name of a {name}"
                raise ValueError(message)
        if not _FIRST <= ts < _LAST:
            message = f"the time {ts} ms is not between 2000 and 2100; is its unit right?"
            raise ValueError(message)
        self.source.append(source)
        self.metric.append(metric)
        self.ts.append(ts)
        self.value.append(value)


Parts = Iterator[Part]


def number(text: str) -> float:
    """A finite number, or on, off, true, false. ValueError, in words, where it is none."""
    try:
        value = float(text)
    except ValueError:
        value = _WORDS.get(text.strip().lower(), math.nan)
    if not math.isfinite(value):
        message = f"'{text[:40]}' is no number"
        raise ValueError(message)
    return value


def instant(text: str, *, zone: tzinfo = UTC) -> Ts:
    """Milliseconds of a time: seconds to nanoseconds by their size, or RFC 3339; a time without a
    zone is of ``zone``. ValueError, in words, where it is none."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        count = int(text)
        if count >= 10**17:
            return count // 1_000_000
    try:
        count_of = float(text)
    except ValueError:
        return _moment(text, zone)
    if not math.isfinite(count_of) or count_of < 0:
        message = f"'{text[:40]}' is no time"
        raise ValueError(message)
    scale = next(scale for below, scale in _SCALES if count_of < below)
    return round(count_of * scale)


def _moment(text: str, zone: tzinfo) -> Ts:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        message = f"'{text[:40]}' is no time; write 2026-05-13T07:00:00Z, or a count of s or ms"
        raise ValueError(message) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=zone)
    return round(found.timestamp() * 1000)
