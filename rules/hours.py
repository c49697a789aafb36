"""When ``during`` holds at one place, as instants of time in which it begins and ends."""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from citypatrol.clock import Ts
from citypatrol.columns import Ints
from citypatrol.workdays import is_workday
from rules.block import NEVER
from rules.during import During, Edge, Span
from rules.sun import Sun, sun

_DAY_MS: Final = 86_400_000
_AHEAD: Final = 40
"""Days that are worked out together."""
_FEWEST: Final = 2  # a span may reach into the next day, and its sun's day is not the clock's
_FIRST, _LAST = date(1900, 1, 1), date(2200, 1, 1)


class Hours:
    """``during`` at one place: latitude and longitude, None where nothing asks for the sun."""

    def __init__(self, during: During, *, place: tuple[float, float] | None) -> None:
        self._during = during
        self._place = place
        self.is_known = place is not None or not during.by_the_sun
        self._zone = ZoneInfo(during.timezone)
        self._begin: Ts = 0
        self._end: Ts = 0
        self._changes: list[Ts] = []  # it begins to hold at the first, ends at the second, ...

    def holds(self, ts: Ts) -> bool:
        self._cover(ts)
        return bisect_right(self._changes, ts) % 2 == 1

    def hold(self, ts: Ints) -> np.ndarray:
        """``holds`` of many."""
        if not len(ts):
            return np.zeros(0, bool)
        self._cover(int(ts.min()))
        if int(ts.max()) >= self._end:
            return np.array([self.holds(one) for one in ts.tolist()])
        found: np.ndarray = np.searchsorted(self._changes, ts, side="right") % 2 == 1
        return found

    def next(self, ts: Ts) -> Ts:
        """The first instant after ``ts`` in which it may change; at times nothing changes then."""
        self._cover(ts)
        at = bisect_right(self._changes, ts)
        return self._changes[at] if at < len(self._changes) else self._end

    def following(self, ts: Ints) -> Ints:
        """``next`` of many."""
        if not len(ts):
            return ts
        self._cover(int(ts.min()))
        if int(ts.max()) >= self._end:
            return np.array([self.next(one) for one in ts.tolist()])
        edges = np.array([*self._changes, NEVER])
        found: Ints = edges[np.searchsorted(edges, ts, side="right")]
        return np.where(found == NEVER, self._end, found)

    def _cover(self, ts: Ts) -> None:
        """Work out the days around ``ts``."""
        if self._begin <= ts < self._end:
            return
        today = datetime.fromtimestamp(ts / 1000, UTC).astimezone(self._zone).date()
        today = min(max(today, _FIRST), _LAST)
        last = today + timedelta(days=_AHEAD)
        day, spans = today - timedelta(days=_FEWEST), []
        while day <= last:
            if self._fits(day):
                spans += [self._span(day, span) for span in self._during.spans or (WHOLE,)]
            day += timedelta(days=1)
        self._begin, self._end = self._at(today, 0), self._at(last, 0)
        self._begin, self._end = min(self._begin, ts), max(self._end, ts + _DAY_MS)
        self._changes = _joined(spans)

    def _fits(self, day: date) -> bool:
        days = self._during.days
        if days is None:
            return True
        if isinstance(days, tuple):
            return day.weekday() in days
        return is_workday(day, calendar=self._during.calendar) == (days == "workdays")

    def _span(self, day: date, span: Span) -> tuple[Ts, Ts]:
        """Begin and end; one that ends before it begins does not hold on that day."""
        last = day + timedelta(days=1) if span.is_overnight else day
        begin, end = self._sun(day, span.begin), self._sun(last, span.end)
        if _without(begin, span.begin, "sunset", "sunrise"):
            return 0, 0  # it does not set, or does not rise: there is no such time
        if begin is None and _without(end, span.end, "sunrise", "sunset"):
            return 0, 0
        return self._edge(day, span.begin, begin), self._edge(last, span.end, end)

    def _edge(self, day: date, edge: Edge, found: Sun | None) -> Ts:
        if found is None:
            return self._at(day, edge.offset)
        at = found.rise if edge.base == "sunrise" else found.set
        return at if found.all_day else at + edge.offset

    def _sun(self, day: date, edge: Edge) -> Sun | None:
        """None of an edge by the clock."""
        if edge.base == "midnight":
            return None
        if self._place is None:
            return Sun(0, 0)
        return sun(day, lat=self._place[0], lon=self._place[1])

    def _at(self, day: date, ms: int) -> Ts:
        """The instant of a time of day by the wall clock: of one that comes twice the first, of one
        that is left out the instant in which the clock is put forward."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=self._zone)
        local = midnight + timedelta(milliseconds=ms)  # by the wall clock
        found = round(local.timestamp() * 1000)
        before = round(local.replace(fold=1).timestamp() * 1000)
        if before >= found:
            return found
        while found - before > 1:  # the gap lies between the two
            middle = (before + found) // 2
            if self._offset(middle) == self._offset(found):
                found = middle
            else:
                before = middle
        return found

    def _offset(self, ts: Ts) -> timedelta | None:
        return datetime.fromtimestamp(ts / 1000, self._zone).utcoffset()


WHOLE: Final = Span(Edge("midnight"), Edge("midnight", _DAY_MS))


def _without(found: Sun | None, edge: Edge, in_light: str, in_dark: str) -> bool:
    """Whether the sun, which does not set or does not rise that day, has no such edge."""
    if found is None or found.all_day is None:
        return False
    return edge.base == (in_light if found.all_day == "light" else in_dark)


def _joined(spans: list[tuple[Ts, Ts]]) -> list[Ts]:
    """Begin, end, begin, end...: spans that meet are one."""
    found: list[Ts] = []
    for begin, end in sorted(spans):
        if end <= begin:
            continue
        if found and begin <= found[-1]:
            found[-1] = max(found[-1], end)
        else:
            found += [begin, end]
    return found
