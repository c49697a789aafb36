"""What each source was last heard to say: facts for whoever asks after a device. Pure.

A record a series; a batch costs some forty array operations, whatever is in it.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from citypatrol.clock import Ts
from citypatrol.columns import Codes, Column, Floats, Ints, PairIndex
from citypatrol.name_table import NameTable
from citypatrol.records import Record, SourceSeen
from citypatrol.samples import Batch

Bools = NDArray[np.bool_]
Facts = NDArray[np.void]

NEVER: Final = -(1 << 62)
_MOST_SERIES: Final = 500_000
_KEPT: Final = 3 / 4
_FEW: Final = 3  # readings: a name that came less often is forgotten first
_SLOW: Final = 1 - (1 - 1 / 16) ** np.arange(64)  # the weight of so many gaps at once
_CLOCK: Final = 1 / 8

COLUMNS: Final[Mapping[str, type[np.generic]]] = {
    "source": np.int32,
    "metric": np.int32,
    "newest": np.int64,
    "value": np.float64,
    "arrival": np.int64,
    "count": np.int64,
    "late": np.int32,
    "interval": np.float32,
    "jitter": np.float32,
    "offset": np.float32,
}
"""By series. ``newest``: the newest timestamp, ``value`` the reading of that time; ``arrival``: of
the last reading, late or not; ``interval``: smoothed, between timestamps, ``jitter``: how far it
is missed; ``offset``: how far its times lie before their arrival. Times in milliseconds."""

_FACTS: Final = np.dtype(list(COLUMNS.items()))  # a record a series: one cache line, not ten
_BYTES: Final = np.dtype((np.void, _FACTS.itemsize))  # NumPy copies records field by field


class Heard:
    """Not thread-safe: see ``ingest.heard_stage``.

    Holds at most ``most`` series: then a quarter is forgotten, first those that were heard once or
    twice only (a flood of invented names), the longest silent ones first. ``forgotten`` counts
    them, and ``generation`` then grows, because numbers have changed.
    """

    def __init__(self, *, most: int = _MOST_SERIES) -> None:
        self._most = most
        self.generation = 0
        self.forgotten = 0
        self._clear()

    def _clear(self) -> None:
        self.names = NameTable()
        self.metrics: list[str] = []
        self.size = 0
        self.lateness = Column(np.int64, 0)
        self._facts: Facts = np.zeros(0, _FACTS)
        self._metric_numbers: dict[str, int] = {}
        self._pairs = PairIndex()

    def take(self, records: Iterable[Record], *, at: Ts) -> None:
        """What goes into the journal at ``at``."""
        seen: list[SourceSeen] = []
        for record in records:
            if isinstance(record, SourceSeen):
                seen.append(record)
            elif isinstance(record, Batch) and len(record):
                self._introduce(seen)
                seen = []
                self._batch(record, at)
        self._introduce(seen)

    def number(self, source: str) -> int | None:
        """Of a source that was heard."""
        return self.names.number(source)

    def row(self, source: str, metric: str) -> int | None:
        """Of a series that was heard."""
        pair = self.names.number(source), self._metric_numbers.get(metric)
        if pair[0] is None or pair[1] is None:
            return None
        keys = PairIndex.keys(np.array([pair[0]], np.int64), np.array([pair[1]], np.int64))
        found = int(self._pairs.find(keys)[0])
        return None if found < 0 else found

    def column(self, name: str) -> NDArray[Any]:
        """One of ``COLUMNS``, a row a series; it changes with the next ``take``."""
        column: NDArray[Any] = self._facts[name][: self.size]
        return column

    def restore(
        self,
        names: NameTable,
        metrics: list[str],
        lateness: Ints,
        columns: dict[str, NDArray[Any]],
    ) -> None:
        """Take over what another one held, before the first ``take``. Raises ValueError where the
        columns do not fit each other."""
        sizes = {len(column) for column in columns.values()}
        source, metric = (columns[name].astype(np.int64) for name in ("source", "metric"))
        keys = PairIndex.keys(source, metric)
        fit = len(sizes) == 1 and columns.keys() == COLUMNS.keys() and len(lateness) == len(names)
        fit = fit and len(np.unique(keys)) == len(keys)
        fit = fit and len(set(metrics)) == len(metrics)
        for codes, known in ((source, len(names)), (metric, len(metrics))):
            fit = fit and (not len(codes) or bool(codes.min() >= 0 and codes.max() < known))
        if not fit:
            message = "the columns do not fit each other"
            raise ValueError(message)
        self._clear()
        self.names, self.metrics, self.size = names, metrics, len(keys)
        self._metric_numbers = {name: number for number, name in enumerate(metrics)}
        self.lateness.replace(lateness)
        self._ensure()
        for name, column in columns.items():
            self.column(name)[:] = column
        self._pairs.add(keys, np.arange(self.size))

    def _introduce(self, seen: Sequence[SourceSeen]) -> None:
        if seen:
            numbers = self._sources([one.source for one in seen])
            self.lateness.data[numbers] = [one.lateness for one in seen]  # the last one stays

    def _batch(self, batch: Batch, at: Ts) -> None:
        rows = self._rows(batch)
        order = np.argsort(rows, kind="stable")
        rows, ts = rows[order], batch.ts[order]
        begins = np.empty(len(rows), bool)
        begins[0], begins[1:] = True, rows[1:] != rows[:-1]
        first = np.flatnonzero(begins)
        if len(first) == len(rows):
            self._one_each(rows, ts, batch.value[order], at)
            return
        mine, sizes = rows[first], np.diff(np.append(first, len(rows)))
        facts = self._facts.view(_BYTES)[mine].view(_FACTS)
        before = self._before(ts, first, sizes, facts["newest"])
        lateness = np.repeat(self.lateness.data[facts["source"]], sizes)
        late = np.add.reduceat(ts < before - lateness, first, dtype=np.int64)
        moves = ts > before
        self._pace(facts, first, sizes, np.where(moves, ts - before, 0), moves)
        self._clock(facts, np.minimum.reduceat(at - ts, first))
        last = first + sizes - 1
        facts["newest"] = np.maximum(before[last], ts[last])
        moves[first[facts["count"] == 0]] = True
        newest = np.maximum.reduceat(np.where(moves, np.arange(len(rows)), -1), first)
        value = batch.value[order[np.maximum(newest, 0)]]
        facts["value"] = np.where(newest >= 0, value, facts["value"])
        facts["arrival"] = at
        facts["count"] += sizes
        facts["late"] += late.astype(np.int32)
        self._facts.view(_BYTES)[mine] = facts.view(_BYTES)

    def _one_each(self, rows: Ints, ts: Ints, value: Floats, at: Ts) -> None:
        """``_batch`` of series that come once each, which is what most batches hold."""
        facts = self._facts.view(_BYTES)[rows].view(_FACTS)
        newest, count, interval = facts["newest"], facts["count"], facts["interval"]
        before = np.where(newest == NEVER, ts, newest)
        facts["late"] += ts < before - self.lateness.data[facts["source"]]
        gap = ts - before
        moves = gap > 0
        weight = np.maximum(_SLOW[1], 1 / np.maximum(count, 1)) * moves
        missed = np.abs(gap - np.where(interval > 0, interval, gap))
        facts["jitter"] += weight * (missed - facts["jitter"])
        facts["interval"] += weight * (gap - interval)
        self._clock(facts, at - ts)
        facts["newest"] = np.where(moves, ts, before)
        facts["value"] = np.where(moves | (count == 0), value, facts["value"])
        facts["arrival"] = at
        facts["count"] += 1
        self._facts.view(_BYTES)[rows] = facts.view(_BYTES)

    @staticmethod
    def _before(ts: Ints, first: Ints, sizes: Ints, newest: Ints) -> Ints:
        """The newest time of its series that came before each row; a first one is its own."""
        before = np.empty_like(ts)
        before[1:] = ts[:-1]
        before[first] = np.where(newest == NEVER, ts[first], newest)
        if len(first) < len(ts):  # several of one series: the running maximum of each
            lowest = before.min()
            lift = np.repeat(np.arange(len(first)) * (before.max() - lowest + 1), sizes)
            before = np.maximum.accumulate(before - lowest + lift) + lowest - lift
        return before

    @staticmethod
    def _pace(facts: Facts, first: Ints, sizes: Ints, gaps: Ints, moves: Bools) -> None:
        """The plain mean of the first gaps, then one that forgets."""
        steps = np.add.reduceat(moves, first, dtype=np.int64)
        had = np.maximum(facts["count"] - 1, 0)
        most = np.maximum(steps, 1)
        weight = np.maximum(_SLOW[np.minimum(steps, len(_SLOW) - 1)], steps / (had + most))
        mean = np.add.reduceat(gaps, first) / most
        interval = facts["interval"].astype(np.float64)
        expected = np.where(interval > 0, interval, mean)
        misses = np.where(moves, np.abs(gaps - np.repeat(expected, sizes)), 0)
        missed = np.add.reduceat(misses, first) / most
        facts["interval"] = interval + weight * (mean - interval)
        facts["jitter"] += weight * (missed - facts["jitter"])

    @staticmethod
    def _clock(facts: Facts, delay: Ints) -> None:
        """A reading that waited on the way says nothing of its clock: the shortest delay does, and
        a time ahead of its arrival is believed when it comes again."""
        old = np.where(facts["count"] == 0, delay, facts["offset"])
        near = np.where(delay < old, np.minimum(old, np.maximum(delay, 0)), old)
        facts["offset"] = near + _CLOCK * (delay - near)

    def _rows(self, batch: Batch) -> Ints:
        numbers = self.names.find(batch.sources)
        source = numbers[batch.source]
        if source.min() < 0:  # names that no row has get no number
            new = np.unique(batch.source[source < 0]).tolist()
            numbers[new] = self._sources([batch.sources[code] for code in new])
            source = numbers[batch.source]
        metric = self._metrics(batch.metrics, batch.metric)
        keys = PairIndex.keys(source, metric)
        found = self._pairs.find(keys)
        if found.min() >= 0:
            return found
        new = np.unique(keys[found < 0], return_index=True)[1]
        if self.size and self.size + len(new) > self._most:
            self._forget(room=len(np.unique(keys)))
            return self._rows(batch)
        at = np.flatnonzero(found < 0)[np.sort(new)]
        begin, self.size = self.size, self.size + len(at)
        self._ensure()
        facts = self._facts[begin : self.size]
        facts["source"], facts["metric"], facts["newest"] = source[at], metric[at], NEVER
        self._pairs.add(keys[at], np.arange(begin, self.size))
        return self._pairs.find(keys)

    def _forget(self, *, room: int) -> None:
        often = self.column("count") >= _FEW
        order = np.lexsort((self.column("arrival"), often))
        kept = max(0, min(int(self._most * _KEPT), self._most - room))
        keep = np.sort(order[len(order) - kept :])
        self.forgotten += self.size - len(keep)
        self.generation += 1
        columns = {name: self.column(name)[keep] for name in COLUMNS}
        sources, columns["source"] = np.unique(columns["source"], return_inverse=True)
        metrics, columns["metric"] = np.unique(columns["metric"], return_inverse=True)
        names = NameTable()
        names.add([self.names[number] for number in sources.tolist()])
        self.restore(
            names,
            [self.metrics[number] for number in metrics.tolist()],
            self.lateness.data[sources],
            columns,
        )

    def _ensure(self) -> None:
        have = len(self._facts)
        if self.size > have:
            grown = np.zeros(max(self.size, have + have // 4, 64), _FACTS)
            grown[:have] = self._facts
            self._facts = grown

    def _sources(self, names: Sequence[str]) -> Ints:
        """The number of each name; those that have none get one."""
        numbers = self.names.find(names)
        if len(numbers) and numbers.min() < 0:
            unknown = [names[at] for at in np.flatnonzero(numbers < 0).tolist()]
            self.names.add(list(dict.fromkeys(unknown)))
            self.lateness.ensure(len(self.names))
            numbers = self.names.find(names)
        return numbers

    def _metrics(self, names: tuple[str, ...], codes: Codes) -> Ints:
        """The number of ``names[code]`` for each code; names that no code uses get none."""
        numbers = np.fromiter(
            map(self._metric_numbers.get, names, repeat(-1)), np.int64, len(names)
        )
        found = numbers[codes]
        if found.min() < 0:
            for code in np.unique(codes[found < 0]).tolist():
                numbers[code] = self._metric_number(names[code])
            found = numbers[codes]
        return found

    def _metric_number(self, metric: str) -> int:
        known = self._metric_numbers.get(metric)
        if known is None:
            known = self._metric_numbers[metric] = len(self.metrics)
            self.metrics.append(metric)
        return known
