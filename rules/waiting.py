"""Samples of series with lateness, until they may be judged (RULES 3 to 5).

In a replay a sample's arrival is the last tick before it, but never before its own time: else it
could be judged before an older one has come that waits no longer than its lateness.
"""

import heapq
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from citypatrol.clock import Ts
from rules.block import NEVER


class Held(NamedTuple):
    """One sample that was accepted."""

    ts: Ts
    value: float
    evidence: str | None = None


LATE: Final = Held(0, 0.0)


@dataclass(slots=True)
class Room:
    """One series: its newest timestamp, its newest judged sample, and those that wait, in order."""

    newest: Ts
    judged: Held
    samples: list[Held] = field(default_factory=list)

    def known(self, ts: Ts, lateness: int) -> Held | None:
        """The sample that was here first with this timestamp, ``LATE`` for one that comes too
        late, None for one that is welcome."""
        if ts < self.newest - lateness or ts < self.judged.ts:
            return LATE
        if ts == self.judged.ts:
            return self.judged
        at = bisect_left(self.samples, ts, key=_ts)
        if at < len(self.samples) and self.samples[at].ts == ts:
            return self.samples[at]
        return None

    def release(self, until: Ts) -> list[Held]:
        """Take out, as judged, everything up to ``until``."""
        count = bisect_right(self.samples, until, key=_ts)
        if not count:
            return []
        taken, self.samples = self.samples[:count], self.samples[count:]
        self.judged = taken[-1]
        return taken


class WaitingRoom:
    """All series with lateness."""

    def __init__(self) -> None:
        self._rooms: dict[int, Room] = {}
        self._due: list[tuple[Ts, int, Ts]] = []  # a heap: the tick to judge at, series, timestamp
        self._now: Ts = -NEVER

    def room(self, series: int, *, judged: Ts, value: float) -> Room:
        """The series' room; a new one begins behind what was judged without waiting."""
        room = self._rooms.get(series)
        if room is None:
            room = self._rooms[series] = Room(judged, Held(judged, value))
        return room

    def judged(self) -> Iterator[tuple[int, Held]]:
        """The newest judged sample of every series that has a room."""
        for series, room in self._rooms.items():
            yield series, room.judged

    def first(self, series: int) -> Ts:
        """The oldest timestamp that still waits, ``NEVER`` where none does: no timer from there on
        may end yet."""
        room = self._rooms.get(series)
        return room.samples[0].ts if room is not None and room.samples else NEVER

    def hold(
        self, series: int, room: Room, sample: Held, *, lateness: int
    ) -> list[tuple[int, Held]]:
        """Keep the sample; those that may be judged now, since the newest is far enough ahead."""
        insort(room.samples, sample, key=_ts)
        room.newest = max(room.newest, sample.ts)
        arrival = max(self._now, sample.ts)
        heapq.heappush(self._due, (arrival + lateness, series, sample.ts))
        return [(series, held) for held in room.release(room.newest - lateness)]

    def tick(self, now: Ts) -> list[tuple[int, Held]]:
        """Those that have waited for their lateness; what is older goes before them."""
        self._now = now
        found: list[tuple[int, Held]] = []
        while self._due and self._due[0][0] <= now:
            _, series, ts = heapq.heappop(self._due)
            if series in self._rooms:
                found += [(series, held) for held in self._rooms[series].release(ts)]
        return found

    def retime(self, series: list[int], lateness: int) -> list[tuple[int, Held]]:
        """These series wait for ``lateness`` from now on: those that may be judged at once."""
        found: list[tuple[int, Held]] = []
        for number in series:
            room = self._rooms.get(number)
            if room is not None:
                found += [(number, held) for held in room.release(room.newest - lateness)]
                if lateness == 0:
                    del self._rooms[number]
        return found

    def save(self) -> dict[str, Any]:
        """JSON for ``load``."""
        return {
            "now": self._now,
            "due": self._due,
            "rooms": {
                str(series): [room.newest, tuple(room.judged), [tuple(s) for s in room.samples]]
                for series, room in self._rooms.items()
            },
        }

    def load(self, saved: dict[str, Any]) -> None:
        self._now = saved["now"]
        self._due = [(at, series, ts) for at, series, ts in saved["due"]]
        self._rooms = {
            int(series): Room(newest, _held(judged), [_held(held) for held in samples])
            for series, (newest, judged, samples) in saved["rooms"].items()
        }


def _ts(sample: Held) -> Ts:
    return sample.ts


def _held(saved: list[Any]) -> Held:
    ts, value, evidence = saved
    return Held(ts, float("nan") if value is None else value, evidence)
