"""Has what the broker held at a (re)connect been read? MQTT has no word for it. Pure.

Three signs, each enough:

- **dry**: nothing is in hand, all is acknowledged, and for a while nothing more came. A broker that
  holds messages sends them at once when its window is free.
- **fresh**: of the last journaled messages that bring a time, most were stamped after the
  subscription. A broker delivers in order, so what it held is behind us.
- **level**: their times run no faster than the wall clock (devices whose clocks are all behind).

A steady stream without any times gives no sign at all: it is taken as read after ``_BLIND_S``.

Where the broker itself was away its devices must come back too: they are given as long as it was
away, at most ``_GRACE_S``, before anybody's silence counts.
"""

from collections import deque
from collections.abc import Iterable
from statistics import median
from typing import Final

from citypatrol.clock import Ts

_QUIET_S: Final = 0.25
_QUIET_ROUND_TRIPS: Final = 5.0
_ENOUGH: Final = 20
_BLIND_S: Final = 30.0
_GRACE_S: Final = 60.0
_LEVEL_S: Final = 10.0
_LEVEL_PACE: Final = 1.5


class CatchUp:
    """``now_s`` is a monotonic clock in seconds, ``wall`` the wall clock in milliseconds."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._wall: Ts = 0
        self._quiet_s = _QUIET_S
        self._grace_s = 0.0
        self._moved = 0.0
        self._stamps: deque[Ts] = deque(maxlen=3 * _ENOUGH)
        self._level: tuple[float, float] | None = None
        self._done = False
        self.newest: Ts | None = None

    def begin(
        self, now_s: float, *, wall: Ts, round_trip_s: float = 0.0, away_s: float = 0.0
    ) -> None:
        """Every subscription is granted; ``round_trip_s``: how long the broker took to say so;
        ``away_s``: how long there was no connection."""
        self._began = self._moved = now_s
        self._wall = wall
        self._quiet_s = max(_QUIET_S, _QUIET_ROUND_TRIPS * round_trip_s)
        self._grace_s = min(_GRACE_S, away_s)
        self._stamps.clear()
        self._level = None
        self._done = False
        self.newest = None

    def moved(self, now_s: float) -> None:
        """A message came, or acknowledgements went out."""
        self._moved = now_s

    def journaled(self, stamps: Iterable[Ts], *, now_s: float) -> None:
        """The times that messages of one commit brought, in their order."""
        self._stamps.extend(stamps)
        if self._done or self._began is None or not self._stamps:
            return
        self.newest = max(max(self._stamps), self.newest or 0)
        if len(self._stamps) < _ENOUGH:
            return
        fresh = sum(ts >= self._wall for ts in self._stamps)
        self._done = 2 * fresh > len(self._stamps) or self._keeps_pace(now_s)

    def _keeps_pace(self, now_s: float) -> bool:
        middle = float(median(self._stamps))
        if self._level is None:
            self._level = (now_s, middle)
        since_s, before = self._level
        if now_s - since_s < _LEVEL_S:
            return False
        self._level = (now_s, middle)
        return middle - before <= 1000 * _LEVEL_PACE * (now_s - since_s)

    def done(self, now_s: float, *, in_hand: int) -> bool:
        """``in_hand``: messages received and not yet journaled."""
        if self._began is None:
            return False
        if not self._done:
            dry = in_hand == 0 and now_s - self._moved >= self._quiet_s
            blind = len(self._stamps) < _ENOUGH and now_s - self._began >= _BLIND_S
            self._done = dry or blind
        return self._done and now_s - self._began >= self._grace_s
