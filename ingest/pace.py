"""When what has come goes on to the journal, where no full window asks for it at once. Pure.

A commit costs most of a millisecond of a core however little is in it, and every reader of the
journal pays by the record. So more of them share one: after a commit the first message waits
20 ms, each further one is worth a little more patience, and nothing waits longer than 25 ms. What
comes after a rest goes at once.
"""

import math
from typing import Final

_LEAST_S: Final = 0.020
_EACH_S: Final = 0.000_05
_MOST_S: Final = 0.025
_NAP_S: Final = 0.002
_SMALL_WINDOW: Final = 100


class Pace:
    """``now_s`` is monotonic."""

    def __init__(self) -> None:
        self._count = 0
        self._flushed_s = -math.inf
        self._read_s = -math.inf

    @property
    def waits(self) -> bool:
        return self._count > 0

    def came(self, count: int, *, now_s: float) -> None:
        self._count += count
        self._read_s = now_s

    def nap_ms(self, now_s: float, *, window: int) -> int:
        """How long the network may be left alone: a broker sends messages one by one, and to look
        for each costs more than to read it. 0 where it may be waiting for us: ``window`` is the
        most that it has sent ahead."""
        if not self._count or window < _SMALL_WINDOW:
            return 0
        left_s = min(self._read_s + _NAP_S, self._due_s()) - now_s
        return max(0, math.ceil(1_000 * left_s))

    def is_due(self, now_s: float) -> bool:
        return self._count > 0 and now_s >= self._due_s()

    def left_ms(self, now_s: float) -> int:
        """Milliseconds until it is due, rounded up."""
        return max(0, math.ceil(1_000 * (self._due_s() - now_s)))

    def flushed(self, now_s: float) -> None:
        self._count = 0
        self._flushed_s = now_s

    def _due_s(self) -> float:
        return self._flushed_s + min(_MOST_S, _LEAST_S + self._count * _EACH_S)
