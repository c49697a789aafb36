"""The windows that the rules of one track read, each kept once for all of them (RULES 23)."""

from collections.abc import Mapping

import numpy as np

from citypatrol.columns import Column, Floats, Ints
from rules.comparison import Reading
from rules.held import SUMMED, Held
from rules.window import Window


class Readings:
    """What each window says, for the rows of the newest block and as it stood before it.

    Only keys that a rule wants are kept; of all others, and where it is not known, it says NaN.
    """

    def __init__(self) -> None:
        self._windows: dict[int, Window] = {}
        self._last: dict[Reading, Column[np.float64]] = {}
        self._held: dict[int, tuple[Ints, Held]] = {}
        self._now: dict[Reading, Floats] = {}
        self._rows = 0

    def read(self, reading: Reading) -> None:
        """Some rule reads this one."""
        window = self._windows.setdefault(reading.span, Window(reading.span))
        if reading.word in SUMMED:
            window.keep_sums()
        self._last.setdefault(reading, Column(np.float64, np.nan))

    def want(self, reading: Reading, keys: Ints, wanted: np.ndarray) -> None:
        """``wanted``: a bool a key; whoever wants a key first says ``unwant`` of it."""
        window = self._windows[reading.span]
        window.wanted.ensure(int(keys.max()) + 1)
        window.wanted.data[keys] |= wanted

    def unwant(self, keys: Ints) -> None:
        """Ask every rule again which of these keys it wants."""
        for window in self._windows.values():
            window.wanted.ensure(int(keys.max()) + 1)
            window.wanted.data[keys] = False

    def open(self, key: Ints, ts: Ints, value: Floats, *, but: np.ndarray | None = None) -> None:
        """Take in the rows of a block, before any rule judges it. ``but``: rows that are worth
        nothing."""
        self._rows, self._held, self._now = len(key), {}, {}
        for span, window in self._windows.items():
            wanted = window.wanted.data[key]
            rows = np.flatnonzero(wanted if but is None else wanted & ~but)
            self._held[span] = rows, window.add(key[rows], ts[rows], value[rows])

    def now(self, reading: Reading) -> Floats:
        """What it says at each row of the block."""
        known = self._now.get(reading)
        if known is None:
            rows, held = self._held[reading.span]
            known = held.of(reading.word)
            if len(rows) < self._rows:
                every = np.full(self._rows, np.nan)
                every[rows] = known
                known = every
            self._now[reading] = known
        return known

    def count(self, reading: Reading) -> Ints:
        """How many samples it holds at each row of the block."""
        rows, held = self._held[reading.span]
        if len(rows) == self._rows:
            return held.count
        every = np.zeros(self._rows, np.int64)
        every[rows] = held.count
        return every

    def before(self, reading: Reading) -> Floats:
        """By key: what it said before the block."""
        return self._last[reading].data

    def apply(self, key: Ints) -> None:
        """Remember what was said of the block."""
        for reading, column in self._last.items():
            column.data[key] = self.now(reading)  # of several for one key the last one stays

    def ensure(self, size: int) -> None:
        for column in self._last.values():
            column.ensure(size)
        for window in self._windows.values():
            window.wanted.ensure(size)

    def save(self) -> dict[str, np.ndarray]:
        """Columns for ``load``."""
        return {
            f"window {span} {name}": column
            for span, window in self._windows.items()
            for name, column in window.save().items()
        }

    def load(self, saved: Mapping[str, np.ndarray]) -> None:
        """Windows of the spans that were read then; others begin empty."""
        for span, window in self._windows.items():
            if f"window {span} size" in saved:
                names = ("size", "ts", "value")
                window.load({name: saved[f"window {span} {name}"] for name in names})
                size = len(saved[f"window {span} size"])
                for reading in [one for one in self._last if one.span == span]:
                    said = window.newest(np.arange(size)).of(reading.word)
                    self._last[reading].replace(said)
