"""Messages to one batch: the bulk step between the network and the journal. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple

import numpy as np

from citypatrol.clock import Ts
from citypatrol.errors import Reject
from citypatrol.samples import Batch
from citypatrol.units import format_duration
from ingest.arrivals import Arrivals
from ingest.profiles.reading import LARGEST_PAYLOAD, NotFinite, Reading, shown
from ingest.routes import ONLINE, Route, Routes

_ONLINE: Final = {b"online": 1.0, b"offline": 0.0}
_MOST_RETAINED: Final = 10_000


class Message(NamedTuple):
    """One publication as it came. ``arrived``: wall clock, milliseconds. ``mid``: the number to
    acknowledge it by, valid on connection ``epoch`` only; 0 for QoS 0."""

    topic: str
    payload: bytes
    arrived: Ts
    retain: bool = False
    dup: bool = False
    mid: int = 0
    epoch: int = 0


class Letter(NamedTuple):
    """A message for the dead-letter store."""

    message: Message
    reason: str


class ClockBounds(NamedTuple):
    """How far a payload's time may be from its arrival, in milliseconds."""

    future: int = 300_000
    past: int = 604_800_000


class BeyondClock(Reject):
    """The payload's time is outside the input's ``clock`` bounds."""


@dataclass(slots=True)
class Parsed:
    """``counts``: what made no sample, or less than it holds, by cause (a metric's label).
    ``stamps``: the times that payloads brought, one a message, retained ones left out."""

    batch: Batch
    labels: dict[str, Mapping[str, str]]
    letters: list[Letter] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    stamps: list[Ts] = field(default_factory=list)


class Parser:
    """Remembers topics, arrival times and retained messages that could not be read."""

    def __init__(self, routes: Routes, *, clock: ClockBounds) -> None:
        self._routes = routes
        self._clock = clock
        self._arrivals = Arrivals()
        self._retained_letters: set[tuple[str, bytes]] = set()

    def __call__(self, messages: Iterable[Message]) -> Parsed:
        """Never raises: what cannot be read is a letter, or counted."""
        rows = _Rows()
        parsed = Parsed(batch=_NOTHING, labels=rows.labels)
        for message in messages:
            try:
                self._read(message, rows, parsed)
            except Reject as reject:
                self._set_aside(message, reject, parsed)
        parsed.batch = rows.batch()
        return parsed

    def _read(self, message: Message, rows: "_Rows", parsed: Parsed) -> None:
        counts = parsed.counts
        payload = message.payload
        if not payload:
            counts["empty"] += 1  # also how a retained message is deleted: no fault of anybody
            return
        route = self._routes.of(message.topic)
        if route is None:
            counts["no_pattern"] += 1
            return
        if route.status:
            online = _ONLINE.get(payload.strip().lower())
            if online is not None:
                at = self._arrivals.next_free((route.source, ONLINE), at=message.arrived)
                rows.add(route, ONLINE, at, online)
                return
            if route.only_status:
                text = f"`{shown(payload)}` is neither `online` nor `offline`"
                raise Reject(text)
        if len(payload) > LARGEST_PAYLOAD:
            text = f"{len(payload):,} bytes; at most {LARGEST_PAYLOAD:,} are read"
            raise Reject(text)
        self._keep(route.read(payload), message, route, rows, parsed)

    def _keep(
        self, reading: Reading, message: Message, route: Route, rows: "_Rows", parsed: Parsed
    ) -> None:
        counts = parsed.counts
        ts = reading.ts
        if ts is not None:
            self._check_clock(ts, message.arrived)
        values, aside = reading.values, reading.aside
        if route.metric is None and any(metric is None for metric, _ in values):
            aside = Reject("`value` needs {metric} in the topic or `metric:` beside the pattern")
            values = [pair for pair in values if pair[0] is not None]
        if reading.ignored:
            counts["ignored_key"] += reading.ignored
        if aside is not None:
            self._set_aside(message, aside, parsed)
        if ts is None and message.retain:
            counts["retained"] += 1
            return
        if ts is None and message.dup:
            counts["redelivered_unstamped"] += 1
        if ts is not None and not message.retain:
            parsed.stamps.append(ts)
        for name, value in values:
            metric = route.metric if name is None else name
            assert metric is not None  # noqa: S101 - left out above
            series = (route.source, metric)
            if ts is None:
                at = self._arrivals.next_free(series, at=message.arrived)
            else:
                self._arrivals.stamped(series, ts=ts)
                at = ts
            rows.add(route, metric, at, value)

    def _check_clock(self, ts: Ts, arrived: Ts) -> None:
        if ts > arrived + self._clock.future:
            bound = f"more than {format_duration(self._clock.future)} ahead of its arrival"
        elif ts < arrived - self._clock.past:
            bound = f"more than {format_duration(self._clock.past)} behind its arrival"
        else:
            return
        text = f"time {_date(ts)} is {bound} at {_date(arrived)}"
        raise BeyondClock(text)

    def _set_aside(self, message: Message, reject: Reject, parsed: Parsed) -> None:
        parsed.counts[_cause(reject)] += 1
        if message.retain:
            # The broker sends it again at every reconnect: once is news.
            if isinstance(reject, BeyondClock):
                return
            key = (message.topic, message.payload)
            if key in self._retained_letters or len(self._retained_letters) >= _MOST_RETAINED:
                return
            self._retained_letters.add(key)
        parsed.letters.append(Letter(message, reject.reason))


class _Rows:
    """Columns that grow."""

    def __init__(self) -> None:
        self.labels: dict[str, Mapping[str, str]] = {}
        self._sources: dict[str, int] = {}
        self._metrics: dict[str, int] = {}
        self._source: list[int] = []
        self._metric: list[int] = []
        self._ts: list[Ts] = []
        self._value: list[float] = []

    def add(self, route: Route, metric: str, ts: Ts, value: float) -> None:
        code = self._sources.get(route.source)
        if code is None:
            code = self._sources[route.source] = len(self._sources)
            self.labels[route.source] = route.labels
        elif self.labels[route.source] is not route.labels:
            self.labels[route.source] = {**self.labels[route.source], **route.labels}
        self._source.append(code)
        self._metric.append(self._metrics.setdefault(metric, len(self._metrics)))
        self._ts.append(ts)
        self._value.append(value)

    def batch(self) -> Batch:
        return Batch(
            sources=tuple(self._sources),
            source=np.array(self._source, dtype=np.int32),
            metrics=tuple(self._metrics),
            metric=np.array(self._metric, dtype=np.int32),
            ts=np.array(self._ts, dtype=np.int64),
            value=np.array(self._value, dtype=np.float64),
        )


_NOTHING: Final = Batch.of([])


def _cause(reject: Reject) -> str:
    if isinstance(reject, NotFinite):
        return "not_finite"
    return "clock" if isinstance(reject, BeyondClock) else "unreadable"


def _date(ts: Ts) -> str:
    try:
        at = datetime.fromtimestamp(ts / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{ts} ms since 1970"
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
