"""The usual payload in few steps: `{"ts": <ms>, "level": 3.5}` on a topic that is known.

Whatever is unusual in any way (a time in text or in seconds, a key twice, a boolean, a retained
message, a last will, a number out of range) is left to its profile, which would say the same of
what is read here.
"""

from collections.abc import Callable
from typing import Final

import orjson

from citypatrol.clock import Ts
from citypatrol.errors import Reject
from ingest.arrivals import Arrivals
from ingest.message import ClockBounds, Message
from ingest.profiles.json import MOST_METRICS, SECONDS_BELOW, read_json
from ingest.profiles.reading import LARGEST_PAYLOAD, value_fault
from ingest.routes import Route, Routes
from ingest.rows import Rows

_LARGEST: Final = 1e308
_MOST_NAMES: Final = 10_000

Read = Callable[[Message], bool]


class Quick:
    """One a parser; remembers the names of metrics."""

    def __init__(self, routes: Routes, *, clock: ClockBounds, arrivals: Arrivals) -> None:
        self._routes = routes
        self._clock = clock
        self._arrivals = arrivals
        self._names: set[str] = set()

    def into(self, rows: Rows, stamps: list[Ts]) -> Read:
        """Reads one message into these; False, and nothing done, where it is not usual."""
        future, past = self._clock
        way, names, arrivals = self._routes.way, self._names, self._arrivals
        loads, add = orjson.loads, rows.add
        usual: Route | None = None

        def read(message: Message) -> bool:
            topic, payload, arrived, retain, _, _, _ = message
            try:
                source, route = way(topic)
            except Reject:
                return False
            if route is None or retain or len(payload) > LARGEST_PAYLOAD:
                return False
            nonlocal usual
            if route is not usual:
                if not _is_usual(route):
                    return False
                usual = route
            if not source:
                return False
            try:
                fields = loads(payload)
            except orjson.JSONDecodeError:
                return False
            # As many colons as keys: no key can stand twice.
            if type(fields) is not dict or payload.count(b":") != len(fields):
                return False
            ts = fields.pop("ts", None)
            if type(ts) is not int or ts < SECONDS_BELOW:
                return False
            if not arrived - past <= ts <= arrived + future or not fields:
                return False
            for key, value in fields.items():
                kind = type(value)
                if (kind is not float and kind is not int) or not -_LARGEST <= value <= _LARGEST:
                    return False
                if key not in names and not self._may_be(key):
                    return False
            if (route.metric is None and "value" in fields) or len(fields) > MOST_METRICS:
                return False
            labels = route.labels
            for key, value in fields.items():
                metric = key if key != "value" else route.metric or key
                if arrivals:
                    arrivals.stamped((source, metric), ts=ts)
                add(source, labels, metric, ts, value)
            stamps.append(ts)
            return True

        return read

    def _may_be(self, key: str) -> bool:
        """A name of a metric; remembered."""
        if value_fault(key, 0.0) is not None or len(self._names) >= _MOST_NAMES:
            return False
        self._names.add(key)
        return True


def _is_usual(route: Route) -> bool:
    """A reading in JSON, and nothing else."""
    _, _, _, read, may_be_will, is_status, skip = route
    return read is read_json and not may_be_will and not is_status and skip is None
