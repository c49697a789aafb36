"""Sums of many rows at once, exact and rounded once: so the same whatever was added first, and a
sum can be carried on from sample to sample instead of being added up anew.

A sum is two floats, ``high`` its nearest float and ``low`` what that leaves out, by error-free
transformations (Knuth, Dekker). Where two are not enough, which takes samples 2^50 apart, ``good``
is false, and whoever asks adds up with fractions.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from citypatrol.columns import Column, Floats, Ints

_LEAST, _MOST = 1e-250, 1e250  # between them no product below under- or overflows
_SPLIT = float((1 << 27) + 1)


class Sums(NamedTuple):
    """One a row; of what is not ``good`` the other two mean nothing."""

    high: Floats
    low: Floats
    good: np.ndarray

    @classmethod
    def of(cls, values: Floats) -> "Sums":
        return cls(values, np.zeros(len(values)), np.ones(len(values), bool))

    def take(self, rows: np.ndarray) -> "Sums":
        return Sums(self.high[rows], self.low[rows], self.good[rows])

    def minus(self, other: "Sums") -> "Sums":
        return self.plus(Sums(-other.high, -other.low, other.good))

    @np.errstate(over="ignore", invalid="ignore")
    def plus(self, other: "Sums") -> "Sums":
        high, left = _two(self.high, other.high)
        low, lost = _two(self.low, other.low)
        rest, gone = _two(left, low)
        good = self.good & other.good & (lost == 0) & (gone == 0)  # of what is infinite: NaN
        return Sums(*_two(high, rest), good)

    def put(self, rows: Ints, other: "Sums") -> None:
        for mine, new in zip(self, other, strict=True):
            mine[rows] = new

    def usable(self) -> np.ndarray:
        """Of which rows ``mean`` may be asked."""
        size = np.abs(self.high)
        usable: np.ndarray = self.good & ((size == 0) | ((size > _LEAST) & (size < _MOST)))
        return usable

    @np.errstate(over="ignore", invalid="ignore")
    def mean(self, count: Ints) -> Floats:
        """Of so many: never outside what the samples are, as it would be for three times 0.1."""
        number = count.astype(np.float64)
        near = self.high / number
        most = _SPLIT * near
        most -= most - near
        product = near * number
        error = (most * number - product) + (near - most) * number
        found: Floats = near + ((self.high - product - error) + self.low) / number
        return found


class Kept:
    """A sum for each key."""

    def __init__(self) -> None:
        self._high = Column(np.float64, 0.0)
        self._low = Column(np.float64, 0.0)
        self._good = Column(np.bool_, True)

    def ensure(self, size: int) -> None:
        for column in (self._high, self._low, self._good):
            column.ensure(size)

    def of(self, key: Ints) -> Sums:
        return Sums(self._high.data[key], self._low.data[key], self._good.data[key])

    def put(self, key: Ints, sums: Sums) -> None:
        self._high.data[key], self._low.data[key], self._good.data[key] = sums


def running(values: Floats, within: Ints) -> Sums:
    """The sum of each row and those before it; ``within`` begins anew at 0 where they do."""
    sums = Sums(values.copy(), np.zeros(len(values)), np.ones(len(values), bool))
    step, most = 1, int(within.max(initial=0))
    while step <= most:
        rows = np.flatnonzero(within >= step)
        sums.put(rows, sums.take(rows - step).plus(sums.take(rows)))
        step *= 2
    return sums


def slowly(values: Iterable[float], *, mean: bool) -> float:
    """By fractions: exact, whatever the values are. A sum beyond what a float holds is infinite."""
    each = list(map(Fraction, values))
    total = sum(each, Fraction(0))
    try:
        return float(total / len(each) if mean else total)
    except OverflowError:
        return float("inf") if total > 0 else float("-inf")


def _two(one: Floats, other: Floats) -> tuple[Floats, Floats]:
    """The sum, and what its rounding left out."""
    total = one + other
    part = total - one
    return total, (one - (total - part)) + (other - part)
