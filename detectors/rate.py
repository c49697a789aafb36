"""How often a camera is looked at. Pure: time is an argument."""

from collections import deque
from typing import Final

from citypatrol.clock import Ts

WITHIN_MS: Final = 60_000
_MOST: Final = 1000


class Rate:
    """Frames a second over the last minute; over the last two frames where these lie further
    apart."""

    def __init__(self) -> None:
        self._times: deque[Ts] = deque(maxlen=_MOST)

    def per_second(self, *, at: Ts) -> float | None:
        """With this frame; None while there is nothing to compare it with."""
        if self._times and at <= self._times[-1]:
            self._times.clear()  # the clock was set back
        self._times.append(at)
        while len(self._times) > 2 and at - self._times[0] > WITHIN_MS:
            self._times.popleft()
        if len(self._times) < 2:
            return None
        return 1000 * (len(self._times) - 1) / (at - self._times[0])
