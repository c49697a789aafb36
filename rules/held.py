"""What a window says of the samples that it holds: ``mean max min sum count p95 rate change``."""

from collections.abc import Callable
from functools import cached_property
from typing import Final

import numpy as np

from citypatrol.columns import Floats, Ints
from rules.comparison import WindowWord
from rules.sums import Sums, running, slowly

SUMMED: Final = ("mean", "sum")
"""Words that ask for sums."""
_UNEVEN: Final = 4


def spread(count: Ints) -> tuple[Ints, Ints]:
    """Each row so often as ``count`` says, and which one of these it is, from 0."""
    rows = np.repeat(np.arange(len(count)), count)
    first = np.cumsum(count) - count
    return rows, np.arange(len(rows)) - np.repeat(first, count)


class Held:
    """Samples by rows: row n has the ``count[n]`` samples of one key from ``head[n]`` on in the
    ring of ``room[n]`` places that begins at ``begin[n]``. ``sums`` of them, where they are known.
    """

    def __init__(
        self,
        ts: Ints,
        value: Floats,
        begin: Ints,
        head: Ints,
        room: np.ndarray,
        count: Ints,
        sums: Sums | None = None,
    ) -> None:
        self.count = count
        self._ts = ts
        self._value = value
        self._begin = begin
        self._head = head
        self._room = room
        self._sums = sums

    def of(self, word: WindowWord) -> Floats:
        """One number a row; NaN where it is not known: no sample, or the rate of a single one.

        A sum beyond what a float holds is infinite, and a mean lies among the samples all the same.
        """
        if not len(self.count) or not self.count.all():
            found = np.full(len(self.count), np.nan)
            some = np.flatnonzero(self.count)
            if len(some):
                found[some] = self._rows(some).of(word)
            return found
        with np.errstate(over="ignore", invalid="ignore"):
            known: Floats = _SAYS[word](self)
            return known

    @cached_property
    def values(self) -> Floats:
        """All of them, one row behind the other."""
        rows, within = spread(self.count)
        ring = (self._head[rows] + within) & (self._room[rows] - 1)
        found: Floats = self._value[self._begin[rows] + ring]
        return found

    @cached_property
    def starts(self) -> Ints:
        """Where each row begins in ``values``."""
        first: Ints = np.cumsum(self.count) - self.count
        return first

    def reduced(self, ufunc: np.ufunc) -> Floats:
        """Each row's samples as one number. As all below: every row has some."""
        found: Floats = ufunc.reduceat(self.values, self.starts)
        return found

    def places(self, nth: Ints) -> Ints:
        """Where the nth sample of each row lies."""
        found: Ints = self._begin + ((self._head + nth) & (self._room - 1))
        return found

    def change(self) -> Floats:
        """The last less the first: 0 of a single one."""
        last, first = self.places(self.count - 1), self.places(np.zeros_like(self.count))
        change: Floats = self._value[last] - self._value[first]
        return change

    def rate(self) -> Floats:
        """A second, from first to last."""
        last, first = self.places(self.count - 1), self.places(np.zeros_like(self.count))
        seconds = (self._ts[last] - self._ts[first]) / 1000.0
        change = self.change()
        unknown = np.full(len(change), np.nan)
        rate: Floats = np.divide(change, seconds, out=unknown, where=seconds > 0)
        return rate

    def sums(self) -> Sums:
        """Of each row."""
        if self._sums is None:
            _, within = spread(self.count)
            self._sums = running(self.values, within).take(self.starts + self.count - 1)
        return self._sums

    def sum(self) -> Floats:
        """Rounded once."""
        sums = self.sums()
        return self._mended(sums.high, sums.good, mean=False)

    def mean(self) -> Floats:
        """Rounded once, and so never outside what the samples are."""
        sums = self.sums()
        return self._mended(sums.mean(self.count), sums.usable(), mean=True)

    def _mended(self, known: Floats, good: np.ndarray, *, mean: bool) -> Floats:
        """``known`` where it is good."""
        bad = np.flatnonzero(~good)
        if len(bad):
            known = known.copy()
            rows = self._rows(bad)
            ends = (rows.starts + rows.count).tolist()
            each = (rows.values[a:b] for a, b in zip(rows.starts.tolist(), ends, strict=True))
            known[bad] = [slowly(values.tolist(), mean=mean) for values in each]
        return known

    def p95(self) -> Floats:
        """Nearest rank: the least sample that 95 % of them do not exceed."""
        rank = (95 * self.count + 99) // 100 - 1
        most = int(self.count.max())
        if most * len(self.count) <= _UNEVEN * len(self.values):
            table = np.full((len(self.count), most), np.inf)
            rows, within = spread(self.count)
            table[rows, within] = self.values
            table.sort(axis=1)
            ranked: Floats = table[np.arange(len(table)), rank]
            return ranked
        rows, _ = spread(self.count)
        order = np.lexsort((self.values, rows))
        found: Floats = self.values[order][self.starts + rank]
        return found

    def _rows(self, rows: Ints) -> "Held":
        columns = (self._begin[rows], self._head[rows], self._room[rows], self.count[rows])
        sums = None if self._sums is None else self._sums.take(rows)
        return Held(self._ts, self._value, *columns, sums)


_SAYS: Final[dict[WindowWord, Callable[[Held], Floats]]] = {
    "mean": Held.mean,
    "max": lambda held: held.reduced(np.maximum),
    "min": lambda held: held.reduced(np.minimum),
    "sum": Held.sum,
    "count": lambda held: held.count.astype(np.float64),
    "p95": Held.p95,
    "rate": Held.rate,
    "change": Held.change,
}
