"""Arrival times for payloads that bring none (RULES 9)."""

from typing import Final

from citypatrol.clock import Ts

Series = tuple[str, str]

_MOST_SERIES: Final = 100_000
_MOST_STAMPED: Final = 64
_OLD_MS: Final = 10_000


class Arrivals:
    """Gives each reading without a time the moment it came, or the next millisecond that its
    series has free. Remembers only what can still collide."""

    def __init__(self) -> None:
        self._last: dict[Series, Ts] = {}
        self._stamped: dict[Series, set[Ts]] = {}
        self._prune_at = _MOST_SERIES

    def __len__(self) -> int:
        """How many times are remembered."""
        return len(self._last) + sum(map(len, self._stamped.values()))

    def __bool__(self) -> bool:
        """Whether any series has sent without a time."""
        return bool(self._last)

    def stamped(self, series: Series, *, ts: Ts) -> None:
        """A payload with a time of its own came for a series that also sends without."""
        if series in self._last:
            taken = self._stamped.setdefault(series, set())
            if len(taken) >= _MOST_STAMPED:
                taken.intersection_update(sorted(taken)[_MOST_STAMPED // 2 :])
            taken.add(ts)

    def next_free(self, series: Series, *, at: Ts) -> Ts:
        last = self._last.get(series)
        ts = at if last is None or at > last else last + 1
        taken = self._stamped.get(series)
        while taken is not None and ts in taken:
            ts += 1
        self._last[series] = ts
        if len(self._last) > self._prune_at:
            self._prune(at)
        return ts

    def free(self, series: Series, *, at: Ts) -> Ts:
        """``at`` or the next millisecond that its series has free, for times that a payload counts
        from its arrival: one that is older than the last keeps its place."""
        last = self._last.get(series)
        if last is None or at >= last:
            ts = self.next_free(series, at=at)
        else:
            ts = at
            taken = self._stamped.get(series, ())
            while ts in taken or ts == last:
                ts += 1
        self.stamped(series, ts=ts)
        return ts

    def _prune(self, at: Ts) -> None:
        self._last = {series: ts for series, ts in self._last.items() if ts > at - _OLD_MS}
        self._stamped = {s: taken for s, taken in self._stamped.items() if s in self._last}
        self._prune_at = max(_MOST_SERIES, 2 * len(self._last))
