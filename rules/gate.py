"""What is judged, and when: late samples, repeats and conflicts aside, the rest in order of time.

RULES 3 to 5, for each series by itself and whatever the rules are. Where a series has no lateness
(the default), a batch is a few array operations; the others wait in ``rules.waiting``.
"""

from typing import NamedTuple

import numpy as np

from citypatrol.clock import Ts
from citypatrol.columns import Column, Floats, Ints, Texts
from rules.block import NEVER
from rules.held import spread
from rules.waiting import LATE, Held, WaitingRoom


class Rows(NamedTuple):
    """Samples as columns; ``series`` are numbers of ``rules.series``."""

    series: Ints
    ts: Ints
    value: Floats
    evidence: Texts | None

    def take(self, rows: np.ndarray | slice) -> "Rows":
        evidence = None if self.evidence is None else self.evidence[rows]
        return Rows(self.series[rows], self.ts[rows], self.value[rows], evidence)

    def join(self, other: "Rows") -> "Rows":
        if not len(other.ts) or not len(self.ts):
            return self if len(self.ts) else other
        evidence = None
        if self.evidence is not None or other.evidence is not None:
            evidence = np.concatenate([_texts(self), _texts(other)])
        return Rows(
            np.concatenate([self.series, other.series]),
            np.concatenate([self.ts, other.ts]),
            np.concatenate([self.value, other.value]),
            evidence,
        )


def _texts(rows: Rows) -> Texts:
    return np.full(len(rows.ts), None, object) if rows.evidence is None else rows.evidence


def rows_of(held: list[tuple[int, Held]]) -> Rows:
    """Samples that waited, as columns in the same order."""
    evidence = [sample.evidence for _, sample in held]
    return Rows(
        np.array([series for series, _ in held], np.int64),
        np.array([sample.ts for _, sample in held], np.int64),
        np.array([sample.value for _, sample in held], np.float64),
        np.array(evidence, object) if any(evidence) else None,
    )


def _by_series(rows: Rows) -> tuple[Rows, bool]:
    """Rows of one series together, as they came; whether there are any. Sorting numbers with their
    places in them is several times as fast as sorting places, and what is sorted lies together in
    every column that is read next."""
    if len(rows.ts) < 2:
        return rows, False
    bits = len(rows.ts).bit_length()
    mixed = np.sort((rows.series << bits) | np.arange(len(rows.ts)))
    series, order = mixed >> bits, mixed & ((1 << bits) - 1)
    evidence = None if rows.evidence is None else rows.evidence[order]
    repeats = bool((series[1:] == series[:-1]).any())
    return Rows(series, rows.ts[order], rows.value[order], evidence), repeats


class Passed(NamedTuple):
    """``accepted``: neither late nor known, each series in order of arrival. ``judged``: those that
    rules of one series judge now; each series in order of time, and sorted by series where one
    comes more than once (``repeats``)."""

    accepted: Rows
    judged: Rows
    repeats: bool


class Gate:
    """The newest timestamp of every series, and those samples that wait."""

    def __init__(self) -> None:
        self.newest = Column(np.int64, -NEVER)
        self.value = Column(np.float64, np.nan)
        self.waiting = WaitingRoom()
        self.late = 0
        self.conflicts = 0

    def ensure(self, size: int) -> None:
        for column in (self.newest, self.value):
            column.ensure(size)

    def offer(self, rows: Rows, lateness: Ints | None) -> Passed:
        """``lateness`` of each row's series; None where none has any."""
        if lateness is None:
            prompt, repeats = self._prompt(rows)
            return Passed(prompt, prompt, repeats)
        waits = lateness > 0
        prompt, _ = self._prompt(rows.take(~waits))
        accepted, released = self._patient(rows.take(waits), lateness[waits])
        judged, repeats = _by_series(prompt.join(released))
        return Passed(prompt.join(accepted), judged, repeats)

    def tick(self, now: Ts) -> tuple[Rows, bool]:
        """What has waited long enough at this tick; sorted as ``Passed.judged``."""
        return _by_series(rows_of(self.waiting.tick(now)))

    def retime(self, series: Ints, lateness: int) -> tuple[Rows, bool]:
        """The lateness of these series has changed: what waits no longer."""
        return _by_series(rows_of(self.waiting.retime(series.tolist(), lateness)))

    def judged(self, size: int) -> tuple[Ints, Floats]:
        """Timestamp and value of the newest judged sample of the first ``size`` series, ``NEVER``
        where there is none."""
        ts, value = self.newest.data[:size].copy(), self.value.data[:size].copy()
        for series, newest in self.waiting.judged():
            ts[series], value[series] = newest.ts, newest.value
        return np.where(ts == -NEVER, NEVER, ts), value

    def _prompt(self, rows: Rows) -> tuple[Rows, bool]:
        """Series without lateness: whatever is newer than all before it is judged at once."""
        rows, repeats = _by_series(rows)
        before = self.newest.data[rows.series]
        if repeats:
            again = np.flatnonzero(rows.series[1:] == rows.series[:-1]) + 1
            before[again] = rows.ts[again - 1]
        fresh = rows.ts > before
        if not fresh.all():
            self._refuse(rows, fresh)
            rows = rows.take(np.flatnonzero(fresh))
        self.newest.data[rows.series] = rows.ts
        self.value.data[rows.series] = rows.value
        return rows, repeats

    def _refuse(self, rows: Rows, fresh: np.ndarray) -> None:
        """Count what is late or in conflict, and mend ``fresh`` in place: behind a row that is
        refused the next one may be too, or need not be."""
        series = rows.series[np.flatnonzero(~fresh)]
        series = series[np.diff(series, prepend=-1) > 0]
        begin = rows.series.searchsorted(series)
        group, within = spread(rows.series.searchsorted(series, "right") - begin)
        at = begin[group] + within
        # Before the rows of each series stands what is known of it, then each is held against the
        # newest before it.
        own = np.arange(1, len(at) + 1) + group
        size = len(at) + len(series)
        known = np.ones(size, bool)
        known[own] = False
        ts, value, of = np.empty(size, np.int64), np.empty(size), np.empty(size, np.int64)
        ts[own], ts[known] = rows.ts[at], self.newest.data[series]
        value[own], value[known] = rows.value[at], self.value.data[series]
        of[own], of[known] = group, np.arange(len(series))
        rank = of * size + np.unique(ts, return_inverse=True)[1]
        newest = np.maximum.accumulate(rank)
        newer = np.concatenate(([True], rank[1:] > newest[:-1]))
        newest_at = np.maximum.accumulate(np.where(newer, np.arange(size), 0))
        same = rank == newest  # as the newest, or the newest itself
        fresh[at] = newer[own]
        self.late += int(np.count_nonzero(~same))
        self.conflicts += int(np.count_nonzero(same & ~newer & (value != value[newest_at])))

    def _patient(self, rows: Rows, lateness: Ints) -> tuple[Rows, Rows]:
        """Series with lateness: those accepted, and those that may be judged now."""
        accepted: list[int] = []
        released: list[tuple[int, Held]] = []
        evidence = [None] * len(rows.ts) if rows.evidence is None else rows.evidence.tolist()
        columns = (rows.series.tolist(), rows.ts.tolist(), rows.value.tolist(), evidence)
        for row, (series, ts, value, proof) in enumerate(zip(*columns, strict=True)):
            room = self.waiting.room(
                series, judged=int(self.newest.data[series]), value=float(self.value.data[series])
            )
            known = room.known(ts, int(lateness[row]))
            if known is None:
                accepted.append(row)
                held = Held(ts, value, proof)
                released += self.waiting.hold(series, room, held, lateness=int(lateness[row]))
                if ts > self.newest.data[series]:
                    self.newest.data[series], self.value.data[series] = ts, value
            elif known is LATE:
                self.late += 1
            elif known.value != value:
                self.conflicts += 1
        return rows.take(np.array(accepted, np.int64)), rows_of(released)
