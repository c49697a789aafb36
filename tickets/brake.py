"""The storm brake: how many tickets of one rule one unit has got within the last hour (pure)."""

from bisect import bisect_right, insort
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from citypatrol.clock import Ts

HOUR_MS: Final = 3_600_000


class Lane(NamedTuple):
    """Whose tickets are counted together."""

    rule: str
    unit: str | None
    shadow: bool


@dataclass(slots=True)
class Openings:
    """When tickets were opened, by event time."""

    _at: dict[Lane, list[Ts]] = field(default_factory=dict)

    def add(self, lane: Lane, at: Ts) -> None:
        insort(self._at.setdefault(lane, []), at)

    def count(self, lane: Lane, *, at: Ts) -> int:
        """In the hour that ends at ``at``, which belongs to it."""
        times = self._at.get(lane, [])
        return bisect_right(times, at) - bisect_right(times, at - HOUR_MS)

    def forget(self, before: Ts) -> None:
        """What nobody will ask for who asks for times from ``before`` on."""
        for times in self._at.values():
            del times[: bisect_right(times, before - HOUR_MS)]
