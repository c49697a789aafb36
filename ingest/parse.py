"""Messages to one batch: the bulk step between the network and the journal. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from citypatrol.clock import Ts
from citypatrol.errors import Reject
from citypatrol.samples import Batch
from citypatrol.units import format_duration
from ingest.arrivals import Arrivals
from ingest.message import ClockBounds, Letter, Message
from ingest.parts import NO_METRIC, Settled, settle
from ingest.profiles.reading import LARGEST_PAYLOAD, ONLINE, NotFinite, Reading
from ingest.profiles.status import online
from ingest.quick import Quick
from ingest.routes import Route, Routes
from ingest.rows import Rows

_MOST_RETAINED: Final = 10_000


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
        self._quick = Quick(routes, clock=clock, arrivals=self._arrivals)
        self._retained_letters: set[tuple[str, bytes]] = set()

    def __call__(self, messages: Iterable[Message]) -> Parsed:
        """Never raises: what cannot be read is a letter, or counted."""
        rows = Rows()
        parsed = Parsed(batch=_NOTHING, labels=rows.labels)
        quickly = self._quick.into(rows, parsed.stamps)
        for message in messages:
            if quickly(message):
                continue
            try:
                self._read(message, rows, parsed)
            except Reject as reject:
                self._set_aside(message, reject, parsed)
        parsed.batch = rows.batch()
        return parsed

    def _read(self, message: Message, rows: Rows, parsed: Parsed) -> None:
        counts = parsed.counts
        payload = message.payload
        if not payload:
            counts["empty"] += 1  # also how a retained message is deleted: no fault of anybody
            return
        route = self._routes.of(message.topic)
        if route is None:
            counts["no_pattern"] += 1
            return
        if route.skip is not None:
            counts[route.skip] += 1
            return
        if route.may_be_will and (value := online(payload)) is not None:
            at = self._arrivals.next_free((route.source, ONLINE), at=message.arrived)
            rows.add(route.source, route.labels, ONLINE, at, value)
            return
        if len(payload) > LARGEST_PAYLOAD:
            text = f"{len(payload):,} bytes; at most {LARGEST_PAYLOAD:,} are read"
            raise Reject(text)
        self._keep(route.read(payload), message, route, rows, parsed)

    def _keep(
        self, reading: Reading, message: Message, route: Route, rows: Rows, parsed: Parsed
    ) -> None:
        values, ts, ignored, aside, parts = reading
        if ts is not None:
            self._check_clock(ts, message.arrived)
        settled: list[Settled] = []
        if parts:
            settled, fault = settle(
                parts, route=route, arrived=message.arrived, check_clock=self._check_clock
            )
            aside = aside or fault
        elif route.metric is None and any(metric is None for metric, _ in values):
            aside = Reject(NO_METRIC)
            values = [pair for pair in values if pair[0] is not None]
        if ignored:
            parsed.counts["ignored_key"] += ignored
        if aside is not None:
            self._set_aside(message, aside, parsed)
        if parts:
            self._keep_parts(settled, message, route, rows, parsed)
            return
        if ts is None and not self._takes_arrival(message, route, parsed):
            return
        if ts is not None and not message.retain:
            parsed.stamps.append(ts)
        source, labels = route.source, route.labels
        for name, value in values:
            metric = route.metric if name is None else name
            assert metric is not None  # noqa: S101 - left out above
            series = (source, metric)
            if ts is None:
                at = self._arrivals.next_free(series, at=message.arrived)
            else:
                self._arrivals.stamped(series, ts=ts)
                at = ts
            rows.add(source, labels, metric, at, value)

    def _keep_parts(
        self, parts: list[Settled], message: Message, route: Route, rows: Rows, parsed: Parsed
    ) -> None:
        stamped = [part.ts for part in parts if part.ts is not None]
        if stamped and not message.retain:
            parsed.stamps.append(max(stamped))
        if len(stamped) < len(parts) and not self._takes_arrival(message, route, parsed):
            parts = [part for part in parts if part.ts is not None]
        for source, values, ts, at in parts:
            for metric, value in values:
                series = (source, metric)
                if ts is None:
                    free = self._arrivals.free(series, at=at)
                    rows.add(source, route.labels, metric, free, value)
                else:
                    self._arrivals.stamped(series, ts=ts)
                    rows.add(source, route.labels, metric, ts, value)

    def _takes_arrival(self, message: Message, route: Route, parsed: Parsed) -> bool:
        """Whether what brings no time gets that of its arrival; counted."""
        if message.retain and not route.is_status:
            parsed.counts["retained"] += 1
            return False
        if message.dup:
            parsed.counts["redelivered_unstamped"] += 1
        return True

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
