"""Which samples came too late to be judged (RULES 4), in bulk and without names.

Says of each sample what ``rules.gate`` says of it, from the same records in the same order. The two
can differ where one of them has lost its memory: rules whose snapshot was unreadable judge anew,
and records that broke the engine were judged by nobody. A series is known by a 64-bit hash.
"""

from typing import Final

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from citypatrol.clock import Ts
from citypatrol.columns import Column, Ints, PairIndex
from citypatrol.hashes import hash_pairs

NEVER: Final = -(1 << 61)
_MOST_HEAD: Final = 1_000
_SPAN: Final = 1 << 62
_COLUMNS: Final = ("source", "series", "newest", "judged")

Bools = NDArray[np.bool_]


class Lateness:
    """The newest timestamp of every series, and those samples whose waiting is not over.

    Sources and metrics are numbers of ``hash_names``. ``samples``, ``introduce`` and ``tick`` are
    called in the order of the journal.
    """

    def __init__(self) -> None:
        self._sources = PairIndex()
        self._lateness = Column(np.int64, 0)
        self._source_count = 0
        self._series = PairIndex()
        self._source_of = Column(np.int64, 0)
        self._newest = Column(np.int64, NEVER)
        self._judged = Column(np.int64, NEVER)
        self._count = 0
        self._patient = False
        self._now: Ts = NEVER
        self._waiting: list[Ints] = []  # each has the rows: tick to be judged at, series, timestamp

    def introduce(self, sources: Ints, lateness: Ints) -> None:
        """These sources wait so long (ms) from here on; the last word on a source holds."""
        keys, last = np.unique(sources[::-1], return_index=True)
        lateness = lateness[::-1][last]
        rows = self._source_rows(keys)
        changed = self._lateness.data[rows] != lateness
        if changed.any():
            self._retime(rows[changed], lateness[changed])
            self._patient = self._patient or bool((lateness > 0).any())

    def samples(self, sources: Ints, metrics: Ints, ts: Ints) -> Bools:
        """Which of these rows are late; all arrays are of one length."""
        if not len(ts):
            return np.zeros(0, np.bool_)
        series = self._series_rows(hash_pairs(sources, metrics), sources)
        newest = self._newest_before(series, ts)
        if not self._patient:
            late: Bools = ts < newest
            return late
        lateness = self._lateness.data[self._source_of.data[series]]
        late = ts < np.maximum(newest - lateness, self._judged.data[series])
        waits = np.flatnonzero((lateness > 0) & ~late)
        if len(waits):
            due = np.maximum(self._now, ts[waits]) + lateness[waits]
            self._waiting.append(np.stack([due, series[waits], ts[waits]]))
        return late

    def tick(self, now: Ts) -> None:
        """Time has come so far: who has waited long enough is judged."""
        if now <= self._now:
            return
        self._now = now
        if self._waiting:
            waiting = self._all_waiting()
            over = waiting[0] <= now
            if over.any():
                np.maximum.at(self._judged.data, waiting[1][over], waiting[2][over])
                self._waiting = [waiting[:, ~over]]

    def dump(self) -> bytes:
        """All of it, for ``load``."""
        waiting = self._all_waiting()
        head = {
            "now": self._now,
            "sources": self._source_count,
            "series": self._count,
            "waiting": waiting.shape[1],
        }
        arrays = [
            self._sources.in_order(),
            self._lateness.data[: self._source_count],
            self._series.in_order(),
            *(column.data[: self._count] for column in self._series_columns()),
            *waiting,
        ]
        line = orjson.dumps(head) + b"\n"
        size = len(line) + sum(one.nbytes for one in arrays)
        out = pa.BufferOutputStream()
        out.write(size.to_bytes(8, "little"))
        with pa.CompressedOutputStream(out, "zstd") as stream:  # never all of it at once
            stream.write(line)
            for one in arrays:
                stream.write(np.ascontiguousarray(one))
            stream.flush()
            stream.close()
            packed: bytes = out.getvalue().to_pybytes()
        return packed

    @classmethod
    def load(cls, data: bytes) -> "Lateness":
        """Raises ValueError where the bytes are none of ``dump``."""
        try:
            size = int.from_bytes(data[:8], "little")
            body = pa.decompress(memoryview(data)[8:], size, codec="zstd")
            start = bytes(body[:_MOST_HEAD]).index(b"\n") + 1
            head = orjson.loads(bytes(body[:start]))
            return cls._of(head, np.frombuffer(body[start:], np.int64))
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, MemoryError) as error:
            message = f"not a state of lateness: {error}"
            raise ValueError(message) from error

    @classmethod
    def _of(cls, head: dict[str, int], numbers: Ints) -> "Lateness":
        sources, count, waiting = head["sources"], head["series"], head["waiting"]
        sizes = [sources] * 2 + [count] * 4 + [waiting] * 3
        if len(numbers) != sum(sizes):
            message = f"{len(numbers)} numbers instead of {sum(sizes)}"
            raise ValueError(message)
        parts = np.split(numbers, np.cumsum(sizes)[:-1])
        made = cls()
        made._now = head["now"]
        made._source_count, made._count = sources, count
        columns = (made._lateness, *made._series_columns())
        for column, part in zip(columns, [parts[1], *parts[3:6]], strict=True):
            column.replace(part)
        made._sources.add(parts[0], np.arange(sources))
        made._series.add(parts[2], np.arange(count))
        made._patient = bool((parts[1] > 0).any())
        made._waiting = [np.stack(parts[6:])]
        return made

    def _series_columns(self) -> tuple[Column[np.int64], ...]:
        return (self._source_of, self._newest, self._judged)

    def _all_waiting(self) -> Ints:
        if len(self._waiting) != 1:
            whole = np.concatenate([np.empty((3, 0), np.int64), *self._waiting], axis=1)
            self._waiting = [whole]
        return self._waiting[0]

    def _source_rows(self, keys: Ints) -> Ints:
        """Of different keys; new ones get a row."""
        rows = self._sources.find(keys)
        new = np.flatnonzero(rows < 0)
        if len(new):
            rows[new] = np.arange(self._source_count, self._source_count + len(new))
            self._sources.add(keys[new], rows[new])
            self._source_count += len(new)
            self._lateness.ensure(self._source_count)
        return rows

    def _series_rows(self, keys: Ints, sources: Ints) -> Ints:
        rows = self._series.find(keys)
        if rows.min() >= 0:
            return rows
        new, first = np.unique(keys[rows < 0], return_index=True)
        numbers = np.arange(self._count, self._count + len(new))
        self._series.add(new, numbers)
        self._count += len(new)
        for column in self._series_columns():
            column.ensure(self._count)
        owners, owner = np.unique(sources[rows < 0][first], return_inverse=True)
        self._source_of.data[numbers] = self._source_rows(owners)[owner]
        return self._series.find(keys)

    def _newest_before(self, series: Ints, ts: Ints) -> Ints:
        """The newest timestamp of its series before each row; all rows are taken in."""
        newest = self._newest.data
        place = np.arange(len(series))
        order = np.argsort(series, kind="stable")
        ordered, times = series[order], ts[order]
        first = np.ones(len(order), np.bool_)
        np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
        highest = _running_maximum(times, group=np.cumsum(first) - 1)
        before = newest[ordered]
        again = place[~first]
        before[again] = np.maximum(before[again], highest[again - 1])
        last = np.append(place[first][1:], len(order)) - 1
        newest[ordered[last]] = np.maximum(newest[ordered[last]], highest[last])
        found = np.empty_like(before)
        found[order] = before
        return found

    def _retime(self, sources: Ints, lateness: Ints) -> None:
        """What waits no longer was judged; and without lateness everything was."""
        series = np.flatnonzero(np.isin(self._source_of.data[: self._count], sources))
        before = self._lateness.data[self._source_of.data[series]]
        waited = self._lateness.data.copy()
        self._lateness.data[sources] = lateness
        newest, judged = self._newest.data, self._judged.data
        prompt = series[before == 0]
        judged[prompt] = newest[prompt]
        _, rows, ts = self._all_waiting()
        owner = self._source_of.data[rows]
        shorter = np.minimum(waited[owner], self._lateness.data[owner])
        over = np.isin(owner, sources) & (ts <= newest[rows] - shorter)
        np.maximum.at(judged, rows[over], ts[over])


def _running_maximum(values: Ints, *, group: Ints) -> Ints:
    """The highest value so far within each group; groups count up from 0 and do not mix."""
    low = int(values.min())
    span = int(values.max()) - low + 1
    if span * (int(group[-1]) + 1) < _SPAN:
        base = group * span - low
        return np.maximum.accumulate(values + base) - base
    known, rank = np.unique(values, return_inverse=True)  # times that lie ages apart
    base = group * len(known)
    return known[np.maximum.accumulate(rank + base) - base]
