"""Signals that come before a command that runs for long answers them itself: imports and a large
registry take seconds, in which each of them would end the process as if it had crashed."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from app.outcome import FINE
from app.terminal import complain

_STOPS: Final = (signal.SIGTERM, signal.SIGINT)


class Early:
    """What was asked so far. A stop is answered at once, because nothing has been opened yet."""

    def __init__(self) -> None:
        self.stopped = False
        self.hung_up = False

    def stop(self, number: int, _: FrameType | None) -> None:
        """Raises SystemExit; where Python swallows that, as it tidies up, ``stopped`` says it."""
        if not self.stopped:
            self.stopped = True
            complain(f"stopped by {signal.Signals(number).name} before the city was read")
        raise SystemExit(FINE)

    def hang_up(self, _: int, __: FrameType | None) -> None:
        self.hung_up = True


@contextmanager
def answering() -> Iterator[Early]:
    """From here on SIGTERM and SIGINT end the process with status 0, and SIGHUP is remembered;
    whoever answers them later takes them over. In the main thread only."""
    early = Early()
    before = {number: signal.signal(number, early.stop) for number in _STOPS}
    before[signal.SIGHUP] = signal.signal(signal.SIGHUP, early.hang_up)
    try:
        yield early
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
