"""How far one connection has come: what is in hand, and whether what the broker held is in."""

from collections.abc import Sequence
from typing import Final

import structlog

from citypatrol.clock import Clock, Ts
from ingest.catchup import CatchUp
from ingest.counters import CONNECTED, DISCONNECTS, IN_HAND, WINDOW_FULL
from ingest.gates import InputGate

log = structlog.get_logger(__name__)

_LEAST_WINDOW: Final = 10
_SMALL_WINDOW: Final = 100
_OFTEN: Final = 500


class Progress:
    """Belongs to the network thread, which keeps the input's gate by it. ``now_s`` is monotonic."""

    def __init__(self, gate: InputGate, *, clock: Clock) -> None:
        self.received = 0
        self.subscribed = False
        self._finished = 0
        self._gate = gate
        self._clock = clock
        self._catch_up = CatchUp()
        self._doubts = gate.doubts
        self._most_in_hand = 0
        self._full = 0
        self._away_since: float | None = None

    @property
    def in_hand(self) -> int:
        """Messages that have come and are neither journaled nor set aside yet."""
        return self.received - self._finished

    @property
    def window(self) -> int:
        """The most that was in hand at once on this connection."""
        return self._most_in_hand

    def asks_for_a_commit(self) -> bool:
        """As many are in hand as ever on this connection: the broker may be waiting for us."""
        if self.in_hand < self._most_in_hand:
            return False
        if _LEAST_WINDOW <= self._most_in_hand <= _SMALL_WINDOW:
            self._full_window()
        return True

    @property
    def settled(self) -> bool:
        return self.subscribed and not self._gate.is_behind

    def _full_window(self) -> None:
        WINDOW_FULL.labels(self._gate.name).inc()
        self._full += 1
        if self._full == _OFTEN:
            log.warning(
                "the broker sends few messages ahead and waits for us: that window is the bound; in"
                " Mosquitto set max_inflight_messages 1000 and max_queued_messages 1000000",
                input=self._gate.name,
                window=self._most_in_hand,
            )

    def granted(self, now_s: float, *, round_trip_s: float) -> None:
        """The broker has answered the subscription; what it held is coming."""
        self.subscribed = True
        self._most_in_hand = self._full = 0
        self._doubts = self._gate.doubts
        away_s = 0.0 if self._away_since is None else now_s - self._away_since
        self._away_since = None
        wall = self._clock.now()
        self._catch_up.begin(now_s, wall=wall, round_trip_s=round_trip_s, away_s=away_s)

    def connected(self) -> None:
        CONNECTED.labels(self._gate.name).set(1)

    def lost(self, now_s: float) -> None:
        """The connection is gone, or none was to be had."""
        if self.subscribed:
            self._away_since = now_s
        self.subscribed = False
        self._gate.behind(self._catch_up.newest)
        CONNECTED.labels(self._gate.name).set(0)
        DISCONNECTS.labels(self._gate.name).inc()

    def read(self, now_s: float) -> None:
        """Messages have come."""
        self._catch_up.moved(now_s)
        if self.in_hand > self._most_in_hand:
            self._most_in_hand = self.in_hand
            IN_HAND.labels(self._gate.name).set(self._most_in_hand)

    def finished(self, count: int, stamps: Sequence[Ts], *, now_s: float) -> None:
        """These are durable. ``stamps``: the times that their payloads brought."""
        self._finished += count
        self._catch_up.moved(now_s)
        self._catch_up.journaled(stamps, now_s=now_s)

    def look(self, now_s: float) -> None:
        """Open the gate when it is time; asked in every round of the network's loop."""
        if not self.subscribed:
            return
        if self._gate.doubts != self._doubts:
            self._doubts = self._gate.doubts
            self._catch_up.begin(now_s, wall=self._clock.now())
        if not self._gate.is_behind:
            return
        if self._catch_up.done(now_s, in_hand=self.in_hand):
            self._gate.caught_up()
            if self._gate.doubts == self._doubts:  # else the doubt came in this very moment
                log.info("caught up with the broker", input=self._gate.name)
                return
        self._gate.behind(self._catch_up.newest)
