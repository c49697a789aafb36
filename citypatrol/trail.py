"""One number for a place in many partitions, and the way back from the number to the place."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Step:
    partition: int
    position: int


class Trail:
    """What one cursor has read since its last commit, over fixed partitions.

    The number of a place is the sum of its positions: it grows with every record read, and over
    one partition it is that partition's position.
    """

    def __init__(self, start: Mapping[int, int]) -> None:
        self._start = dict(start)
        self._now = dict(start)
        self._steps: list[_Step] = []
        self._numbers: list[int] = []

    def rewind(self, after: int | None, *, committed: Mapping[int, int]) -> None:
        """Go to a number that was given out, to 0, or (None) to what is committed.

        Raises ValueError for a number that stands for no known place.
        """
        if after is None:
            self._begin(committed)
        elif len(self._start) == 1:
            self._begin(dict.fromkeys(self._start, after))
        elif after == 0:
            self._begin(dict.fromkeys(self._start, 0))
        elif after == sum(self._start.values()) or after in self._numbers:
            self._now = self.upto(after)
            known = bisect_right(self._numbers, after)
            del self._steps[known:], self._numbers[known:]
        else:
            message = f"position {after} was not read by this cursor since its last commit"
            raise ValueError(message)

    def step(self, partition: int, position: int) -> int:
        """The number of the place once this record is read."""
        self._now[partition] = position
        self._steps.append(_Step(partition, position))
        self._numbers.append(sum(self._now.values()))
        return self._numbers[-1]

    def place(self) -> dict[int, int]:
        """Positions by partition, where the reader stands now."""
        return dict(self._now)

    def upto(self, number: int) -> dict[int, int]:
        """Positions by partition at this number, or at the last place before it."""
        if len(self._start) == 1:
            return dict.fromkeys(self._start, number)
        place = dict(self._start)
        for step in self._steps[: bisect_right(self._numbers, number)]:
            place[step.partition] = step.position
        return place

    def forget(self, number: int) -> None:
        """This number is committed: earlier ones will not be asked for again."""
        place = self.upto(number)
        known = bisect_right(self._numbers, number)
        del self._steps[:known], self._numbers[:known]
        self._start = place

    def _begin(self, place: Mapping[int, int]) -> None:
        self._start = dict(place)
        self._now = dict(place)
        self._steps.clear()
        self._numbers.clear()
