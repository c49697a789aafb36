"""How far time has come for the owners of partitions, and whether they still get anywhere. Pure."""

from collections.abc import Mapping

from citypatrol.clock import Ts

GONE_S = 300.0
"""An input process that says nothing for so long no longer holds back the others' time. It is
long: until then nothing of it that is merely late is taken for silence."""


class Pace:
    """The time of the slowest input process: what is older than that is in the journal.

    Where nobody says anything, time stands still: time in which the inputs were away is no silence
    (decision 8).
    """

    def __init__(self) -> None:
        self._come: dict[str, Ts] = {}
        self._heard: dict[str, float] = {}
        self._said: Ts = 0

    def hear(self, process: str, ts: Ts, *, now_s: float) -> None:
        """``now_s`` is monotonic."""
        self._come[process] = ts
        self._heard[process] = now_s

    def leave(self, process: str) -> None:
        self._come.pop(process, None)
        self._heard.pop(process, None)

    def due(self, *, now_s: float) -> Ts | None:
        """The next tick, None while time has not moved."""
        for process in [one for one, at in self._heard.items() if now_s - at > GONE_S]:
            self.leave(process)
        come = min(self._come.values(), default=0)
        if come <= self._said:
            return None
        self._said = come
        return come


class Watchdog:
    """Says when a consumer has died without a word: something waits, and nothing moves."""

    def __init__(self, *, patience_s: float = 60.0) -> None:
        self._patience_s = patience_s
        self._places: Mapping[int, int] = {}
        self._moved_s: float | None = None

    def stuck_s(self, places: Mapping[int, int], *, ends: Mapping[int, int], now_s: float) -> float:
        """Seconds since something moved while something waits; 0 while all is well."""
        waits = any(end > places.get(partition, 0) for partition, end in ends.items())
        if self._moved_s is None or not waits or places != self._places:
            self._places = dict(places)
            self._moved_s = now_s
        return now_s - self._moved_s

    def is_stuck(self, places: Mapping[int, int], *, ends: Mapping[int, int], now_s: float) -> bool:
        return self.stuck_s(places, ends=ends, now_s=now_s) > self._patience_s
