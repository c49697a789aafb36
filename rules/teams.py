"""Sets of rules that select the same series, and where a value makes a difference to one of them.

A cut is a number from which on some rule says another thing than before it; between two cuts of a
set all its rules agree on every value.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from citypatrol.columns import Codes, Column, Floats, Ints

INF: Final = float("inf")


class Teams:
    """Numbered as they appear: a city's series have few of them. ``cuts``: those of each rule, all
    there before the first team is."""

    def __init__(self, cuts: Sequence[Sequence[float]]) -> None:
        self._cuts_of = cuts
        self._numbers: dict[bytes, int] = {}
        self._bits = np.zeros((0, 0), np.uint8)
        self._cuts = Column(np.float64, INF)  # of each team: below all, in order, above all
        self._first = Column(np.int64, 0)

    def numbers(self, team: np.ndarray) -> Codes:
        """The number of each row, a bit a rule."""
        width = team.shape[1]
        packed = np.ascontiguousarray(team).view(np.dtype((np.void, width))).ravel()
        each, which = np.unique(packed, return_inverse=True)
        known = len(self._numbers)
        found = [self._numbers.setdefault(one.tobytes(), len(self._numbers)) for one in each]
        if len(self._numbers) > len(self._bits):
            bits = np.zeros((max(16, 2 * len(self._numbers)), width), np.uint8)
            if known:
                bits[:known] = self._bits[:known]
            self._bits = bits
        self._bits[found] = each.view(np.uint8).reshape(len(each), width)
        self._first.ensure(len(self._numbers) + 1)
        for number in range(known, len(self._numbers)):
            self._lay_out(number)
        return np.array(found, np.int32)[which]

    def members(self, teams: Codes) -> list[int]:
        """The rules in any of these."""
        bits = np.bitwise_or.reduce(self._bits[teams], axis=0)
        return np.flatnonzero(np.unpackbits(bits, bitorder="little")).tolist()

    def between(self, teams: Codes, values: Floats) -> tuple[Floats, Floats]:
        """The cut at or below each value, and the one above it."""
        first: Ints = self._first.data[teams]
        last: Ints = self._first.data[teams + 1] - 1
        while (last - first > 1).any():
            middle = (first + last) >> 1
            reached = self._cuts.data[middle] <= values
            first, last = np.where(reached, middle, first), np.where(reached, last, middle)
        return self._cuts.data[first], self._cuts.data[last]

    def _lay_out(self, number: int) -> None:
        cuts = {cut for at in self.members(np.array([number])) for cut in self._cuts_of[at]}
        every = [-INF, *sorted(cuts - {-INF, INF}), INF]
        begin = int(self._first.data[number])
        end = self._first.data[number + 1] = begin + len(every)
        self._cuts.ensure(end)
        self._cuts.data[begin:end] = every
