"""Judged samples as columns, and what is remembered of the newest one of each key.

A key is a series' number in its metric's table, or a source's number for ``metric: "*"``.
"""

from functools import cached_property
from typing import Any, Final

import numpy as np

from citypatrol.clock import Ts
from citypatrol.columns import Column, Floats, Ints, Texts
from rules.comparison import Reading
from rules.readings import Readings

NEVER: Final = 1 << 61
"""The newest timestamp of a key that was never heard: so far ahead that nothing is ever due."""


class Track:
    """The newest judged sample of each key, how many there were since some rule wants them
    ``counted``, the newest picture, and what the windows hold that rules read."""

    def __init__(self) -> None:
        self.ts = Column(np.int64, NEVER)
        self.value = Column(np.float64, np.nan)
        self.count = Column(np.int32, 0)
        self.counted = False
        self.pictures: dict[int, tuple[Ts, str]] = {}
        self.readings = Readings()

    def ensure(self, size: int) -> None:
        for column in (self.ts, self.value, self.count):
            column.ensure(size)
        self.readings.ensure(size)

    def apply(self, block: "Block") -> None:
        """Remember the block, after every rule that reads this track has judged it."""
        self.readings.apply(block.key)
        self.ts.data[block.key] = block.ts  # of several for one key the last one stays
        self.value.data[block.key] = block.value
        if self.counted and block.repeats:
            self.count.data[block.key[block.first]] += np.diff(block.first, append=len(block))
        elif self.counted:
            self.count.data[block.key] += 1
        if block.evidence is not None:
            for row in np.flatnonzero(block.evidence != None).tolist():  # noqa: E711 - by element
                self.pictures[int(block.key[row])] = (int(block.ts[row]), block.evidence[row])

    def picture(self, key: int, *, since: Ts) -> str | None:
        at, sha = self.pictures.get(key, (-NEVER, None))
        return sha if at >= since else None


class Block:
    """Samples to judge. Where a key comes more than once, ``repeats`` is true, and rows are sorted
    by key and time. ``evidence`` holds texts and None, or is None where no row has any. ``rows``:
    which rows these are of the block that the windows took in."""

    def __init__(
        self,
        track: Track,
        key: Ints,
        ts: Ints,
        value: Floats,
        *,
        evidence: Texts | None,
        repeats: bool,
        rows: Ints | None = None,
    ) -> None:
        self.track = track
        self._rows = rows
        self.key = key
        self.ts = ts
        self.value = value
        self.evidence = evidence
        self.repeats = repeats

    def __len__(self) -> int:
        return len(self.key)

    def part(self, rows: Ints) -> "Block":
        """These rows, which are all rows of the keys that they have."""
        if len(rows) == len(self):
            return self
        evidence = None if self.evidence is None else self.evidence[rows]
        columns = (self.key[rows], self.ts[rows], self.value[rows])
        return Block(self.track, *columns, evidence=evidence, repeats=self.repeats, rows=rows)

    def whole(self, rows: Ints) -> Ints:
        """All rows of the keys that these rows have."""
        if not self.repeats:
            return rows
        some = np.zeros(len(self), bool)
        some[rows] = True
        each = np.logical_or.reduceat(some, self.first)
        return np.flatnonzero(np.repeat(each, np.diff(self.first, append=len(self))))

    def before_ts(self) -> Ints:
        """For each row the timestamp of its key's sample before it, ``NEVER`` for the first."""
        return self._before[0] if self.repeats else self.track.ts.data[self.key]

    def before(self, rows: Ints) -> tuple[Ints, Floats, Ints]:
        """Timestamp, value and number of the sample before each of these rows."""
        if self.repeats:
            return self._before[0][rows], self._before[1][rows], self._before[2][rows]
        keys = self.key[rows]
        count = self.track.count.data[keys].astype(np.int64)
        return self.track.ts.data[keys], self.track.value.data[keys], count

    def says(self, reading: Reading | None) -> Floats:
        """What is compared at each row; NaN where it is not known."""
        if reading is None:
            return self.value
        every = self.track.readings.now(reading)
        return every if self._rows is None else every[self._rows]

    def held(self, reading: Reading) -> Ints:
        """How many samples the window holds at each row."""
        every = self.track.readings.count(reading)
        return every if self._rows is None else every[self._rows]

    def said(self, reading: Reading | None, rows: Ints) -> Floats:
        """What was compared at the sample before each of these rows."""
        if reading is None:
            return self.before(rows)[1]
        found: Floats = self.track.readings.before(reading)[self.key[rows]]
        if self.repeats:
            again = np.flatnonzero((rows > 0) & (self.key[rows - 1] == self.key[rows]))
            found[again] = self.says(reading)[rows[again] - 1]
        return found

    def picture(self, row: int, *, since: Ts) -> str | None:
        """The newest picture of the row's key from ``since`` up to this row."""
        key = self.key[row]
        while self.evidence is not None and row >= 0 and self.key[row] == key:
            if self.ts[row] < since:
                return None
            if self.evidence[row] is not None:
                return str(self.evidence[row])
            if not self.repeats:
                break
            row -= 1
        return self.track.picture(int(key), since=since)

    def picture_before(self, row: int, *, since: Ts) -> str | None:
        """The newest picture of the row's key from ``since`` up to the row before."""
        if self.repeats and row > 0 and self.key[row - 1] == self.key[row]:
            return self.picture(row - 1, since=since)
        return self.track.picture(int(self.key[row]), since=since)

    @cached_property
    def first(self) -> Ints:
        """The first row of each key; with ``repeats``."""
        return np.flatnonzero(np.concatenate(([True], self.key[1:] != self.key[:-1])))

    @cached_property
    def _before(self) -> tuple[Ints, Floats, Ints]:
        again = np.zeros(len(self), bool)
        again[1:] = self.key[1:] == self.key[:-1]
        place = np.arange(len(self))
        first = np.maximum.accumulate(np.where(again, 0, place))

        def shifted(column: Any, known: Any) -> Any:
            previous = known[self.key]
            previous[1:][again[1:]] = column[:-1][again[1:]]
            return previous

        count: Ints = self.track.count.data[self.key] + place - first
        return (
            shifted(self.ts, self.track.ts.data),
            shifted(self.value, self.track.value.data),
            count,
        )
