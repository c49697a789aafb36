"""Every frame of a few seconds, on request: what flickers is not judged by one in ten seconds."""

from collections.abc import Callable
from typing import Final

from ingest.camera_wire import BurstOrder, PictureBurst, Pixels

LONGEST_S: Final = 10.0
MOST_FRAMES: Final = 300
MOST_BYTES: Final = 64 << 20
LARGEST_SIDE: Final = 320
"""Pixels that the longest side of a cut-out has at most: all of a burst are shrunk alike."""


class Shot:
    """One burst while it is taken. Pure: frames and their times come in."""

    def __init__(self, order: BurstOrder) -> None:
        self._order = order
        self._first_s: float | None = None
        self._first_ms = 0
        self._times: list[int] = []
        self._cuts: list[tuple[Pixels, ...]] = []
        self._bytes = 0
        self._ended = False

    def share(self, *, width: int, height: int) -> float:
        """By how much a frame of this size is to be shrunk before it is added; 1 at most."""
        sides = (max((x2 - x1) * width, (y2 - y1) * height) for x1, y1, x2, y2 in self._order.boxes)
        return min(1.0, LARGEST_SIDE / max(1.0, *sides))

    def add(self, pixels: Pixels, *, at_s: float, now_ms: int) -> bool:
        """One frame, shown at ``at_s`` of the stream's own time; True once the burst is whole.

        ``now_ms``: the wall clock, to which the first frame's time is set. A stream whose time
        goes back (a file played again) ends it.
        """
        if self._first_s is None:
            self._first_s, self._first_ms = at_s, now_ms
        since_s = at_s - self._first_s
        at_ms = self._first_ms + round(since_s * 1000)
        if (self._times and at_ms <= self._times[-1]) or since_s > min(
            self._order.seconds, LONGEST_S
        ):
            return True
        height, width = pixels.shape[:2]
        cuts = tuple(
            pixels[
                int(y1 * height) : max(int(y1 * height) + 1, round(y2 * height)),
                int(x1 * width) : max(int(x1 * width) + 1, round(x2 * width)),
            ].copy()
            for x1, y1, x2, y2 in self._order.boxes
        )
        self._times.append(at_ms)
        self._cuts.append(cuts)
        self._bytes += sum(cut.nbytes for cut in cuts)
        return len(self._times) >= MOST_FRAMES or self._bytes >= MOST_BYTES

    def burst(self) -> PictureBurst:
        return PictureBurst(self._order.camera, tuple(self._times), tuple(self._cuts))


class Bursts:
    """Where one camera's bursts are asked for and given; the newest request wins."""

    def __init__(self, give: Callable[[PictureBurst], None]) -> None:
        self.give = give
        self._asked: BurstOrder | None = None

    def ask(self, order: BurstOrder) -> None:
        self._asked = order

    def take(self) -> BurstOrder | None:
        """What was asked for since the last look."""
        asked, self._asked = self._asked, None
        return asked
