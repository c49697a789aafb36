"""What is judged, and when: late samples, repeats and conflicts aside, the rest in order of time.

RULES 3 to 5, for each series by itself and whatever the rules are. Where a series has no lateness
(the default), a batch is a few array operations; the others wait in ``rules.waiting``.
"""

from typing import NamedTuple

import numpy as np

from citypatrol.clock import Ts
from citypatrol.columns import Column, Floats, Ints, Texts
from rules.block import NEVER
from rules.waiting import LATE, Held, WaitingRoom


class Rows(NamedTuple):
    """Samples as columns; ``series`` are numbers of ``rules.series``."""

    series: Ints
    ts: Ints
    value: Floats
    evidence: Texts | None

    def take(self, rows: np.ndarray) -> "Rows":
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


def _by_series(series: Ints) -> Ints:
    """The stable order: sorting numbers with their places in them is several times as fast."""
    bits = len(series).bit_length()
    order: Ints = np.sort((series << bits) | np.arange(len(series))) & ((1 << bits) - 1)
    return order


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
        self._scratch = Column(np.int32, 0)

    def ensure(self, size: int) -> None:
        for column in (self.newest, self.value, self._scratch):
            column.ensure(size)

    def offer(self, rows: Rows, lateness: Ints | None) -> Passed:
        """``lateness`` of each row's series; None where none has any."""
        if lateness is None:
            prompt, repeats = self._prompt(rows)
            return Passed(prompt, prompt, repeats)
        waits = lateness > 0
        prompt, _ = self._prompt(rows.take(~waits))
        accepted, released = self._patient(rows.take(waits), lateness[waits])
        judged, repeats = self._sorted(prompt.join(released))
        return Passed(prompt.join(accepted), judged, repeats)

    def tick(self, now: Ts) -> tuple[Rows, bool]:
        """What has waited long enough at this tick; sorted as ``Passed.judged``."""
        return self._sorted(rows_of(self.waiting.tick(now)))

    def retime(self, series: Ints, lateness: int) -> tuple[Rows, bool]:
        """The lateness of these series has changed: what waits no longer."""
        return self._sorted(rows_of(self.waiting.retime(series.tolist(), lateness)))

    def judged(self, size: int) -> tuple[Ints, Floats]:
        """Timestamp and value of the newest judged sample of the first ``size`` series, ``NEVER``
        where there is none."""
        ts, value = self.newest.data[:size].copy(), self.value.data[:size].copy()
        for series, newest in self.waiting.judged():
            ts[series], value[series] = newest.ts, newest.value
        return np.where(ts == -NEVER, NEVER, ts), value

    def _repeats(self, series: Ints) -> bool:
        place = np.arange(len(series))
        self._scratch.data[series] = place
        return bool((self._scratch.data[series] != place).any())

    def _sorted(self, rows: Rows) -> tuple[Rows, bool]:
        repeats = self._repeats(rows.series)
        if repeats:
            rows = rows.take(_by_series(rows.series))
        return rows, repeats

    def _prompt(self, rows: Rows) -> tuple[Rows, bool]:
        """Series without lateness: whatever is newer than all before it is judged at once."""
        rows, repeats = self._sorted(rows)
        before = self.newest.data[rows.series]
        if repeats:
            again = np.flatnonzero(rows.series[1:] == rows.series[:-1]) + 1
            before[again] = rows.ts[again - 1]
        fresh = rows.ts > before
        if not fresh.all():
            if repeats:
                self._one_by_one(rows, fresh)
            else:
                self._refuse(rows.ts, rows.value, before, self.value.data[rows.series], ~fresh)
            rows = rows.take(fresh)
        self.newest.data[rows.series] = rows.ts
        self.value.data[rows.series] = rows.value
        return rows, repeats

    def _refuse(
        self, ts: Ints, value: Floats, newest: Ints, known: Floats, refused: np.ndarray
    ) -> None:
        self.late += int(np.count_nonzero(refused & (ts < newest)))
        self.conflicts += int(np.count_nonzero(refused & (ts == newest) & (value != known)))

    def _one_by_one(self, rows: Rows, fresh: np.ndarray) -> None:
        """Series that come more than once and not in order: mends ``fresh`` in place."""
        odd = np.flatnonzero(np.isin(rows.series, rows.series[~fresh]))
        series = -1
        newest, known = 0, 0.0
        for row in odd.tolist():
            number, ts, value = int(rows.series[row]), int(rows.ts[row]), float(rows.value[row])
            if number != series:
                series = number
                newest = int(self.newest.data[number])
                known = float(self.value.data[number])
            fresh[row] = ts > newest
            if ts > newest:
                newest, known = ts, value
            elif ts < newest:
                self.late += 1
            elif value != known:
                self.conflicts += 1

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
