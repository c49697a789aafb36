"""When time may pass: the pause rules of RULES 8. Pure but for the order of two threads.

No tick is appended while an input is behind: from the start, or from the loss of its connection,
until what its broker held has been journaled. Ticks that jump over a pause are the engine's sign
that time was away.
"""

from typing import Final

from citypatrol.clock import Ts
from citypatrol.records import Tick

STALL_MS: Final = 5_000
"""A process that did not look for so long was itself away, or its journal was: brokers may hold
what came meanwhile."""


class InputGate:
    """One input's word on whether it is behind. Behind until it says otherwise. Thread-safe."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.newest_payload_ts: Ts | None = None
        self.doubts = 0
        self._behind = True

    @property
    def is_behind(self) -> bool:
        return self._behind

    def behind(self, newest_payload_ts: Ts | None = None) -> None:
        """Not connected, or reading what the broker held; the newest time read from payloads."""
        self.newest_payload_ts = newest_payload_ts
        self._behind = True

    def caught_up(self) -> None:
        """What the broker held at the last (re)connect is in the journal."""
        self._behind = False

    def doubt(self) -> None:
        """The process was away: the input must look again before it says that it caught up.
        ``doubts`` counts how often that was asked."""
        self.doubts += 1
        self._behind = True


class Ticks:
    """Decides when a tick is due; asked at least once a second while the process is well."""

    def __init__(self) -> None:
        self._gates: dict[str, InputGate] = {}
        self._looked: Ts | None = None
        self._last: Ts | None = None

    def input(self, name: str) -> InputGate:
        return self._gates.setdefault(name, InputGate(name))

    @property
    def behind(self) -> list[str]:
        """The inputs that time waits for."""
        return [gate.name for gate in self._gates.values() if gate.is_behind]

    def due(self, now: Ts) -> Tick | None:
        """The tick to append at ``now``; time never goes back."""
        if self._looked is not None and now - self._looked > STALL_MS:
            for gate in self._gates.values():
                gate.doubt()
        self._looked = now
        if self.behind or (self._last is not None and now <= self._last):
            return None
        self._last = now
        return Tick(now)
