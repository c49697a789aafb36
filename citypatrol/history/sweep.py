"""A whole history in order of time, in bulk: for who judges the past.

Any Parquet file with the columns of RULES 26 will do, written by citypatrol or not. Row groups
are read in order of their first timestamps, and rows are handed on as soon as no later group can
hold an older one: memory is bounded by what overlaps, whatever the length.
"""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import repeat
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from citypatrol.clock import Ts
from citypatrol.columns import Codes, Floats, Ints
from citypatrol.history.layout import HOUR_MS, Name
from citypatrol.history.listing import Tell, tell_unreadable
from citypatrol.samples import Batch

AT_ONCE: Final = 131_072
"""Rows that are handed on together, if there are so many."""
_NAMES: Final = ["source", "metric"]
_NEEDED: Final = (*_NAMES, "ts", "value")
_EVER: Final = 1 << 61
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


class Piece(NamedTuple):
    """Samples in order of time; all that follow are of ``before`` or newer."""

    batch: Batch
    before: Ts


class _Group(NamedTuple):
    """A row group; ``oldest`` and ``newest`` bound its timestamps."""

    oldest: Ts
    newest: Ts
    file: int
    number: int
    rows: int


class _Rows(NamedTuple):
    source: Codes
    metric: Codes
    ts: Ints
    value: Floats

    def take(self, wanted: Any) -> "_Rows":
        return _Rows(*(column[wanted] for column in self))


class _Numbers:
    """Names as numbers, in order of appearance."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self._known: dict[str, int] = {}
        self._same: tuple[pa.Array, Codes] = (pa.array([], pa.string()), np.empty(0, np.int32))

    def of_column(self, names: pa.Array) -> Codes:
        """Row groups of a city mostly name the same sources: then this is one look."""
        if not names.equals(self._same[0]):
            self._same = (names, self.of(names.to_pylist()))
        return self._same[1]

    def of(self, names: list[str]) -> Codes:
        found = np.fromiter(map(self._known.get, names, repeat(-1)), np.int32, len(names))
        if len(found) and found.min() < 0:
            for at in np.flatnonzero(found < 0).tolist():
                found[at] = self._known.setdefault(names[at], len(self._known))
            self.names = tuple(self._known)
        return found


class Sweep:
    """Samples with ``since <= ts <= until`` that did not come too late, of ``metrics`` (None: of
    all). Blocking; made for one pass. ValueError, or OSError, where the folder cannot be listed;
    a file that cannot be read is told to ``tell`` and passed over.

    ``rows``: how many are to be looked at; ``done``: how many have been. ``newest``: the newest
    timestamp met so far, of other metrics too.
    """

    def __init__(
        self,
        folder: Path,
        *,
        since: Ts | None = None,
        until: Ts | None = None,
        metrics: Collection[str] | None = None,
        tell: Tell = tell_unreadable,
        at_once: int = AT_ONCE,
    ) -> None:
        self._since = -_EVER if since is None else since
        self._until = _EVER if until is None else until
        self._metrics = metrics
        self._tell = tell
        self._at_once = at_once
        self._sources, self._metric_numbers = _Numbers(), _Numbers()
        self._paths = sorted(folder.glob("*.parquet"), key=_by_time)
        self._groups = sorted(self._list())
        self._open: tuple[int, pq.ParquetFile] | None = None
        self.rows = sum(group.rows for group in self._groups)
        self.done = 0
        self.newest: Ts | None = None

    @property
    def begin(self) -> Ts | None:
        """No sample is older, as the files say of themselves; None where there is none."""
        return min((group.oldest for group in self._groups), default=None)

    @property
    def end(self) -> Ts | None:
        """No sample is newer, as the files say of themselves; None where there is none."""
        return max((group.newest for group in self._groups), default=None)

    @property
    def sources(self) -> tuple[str, ...]:
        """The names that were met so far, with other metrics too."""
        return self._sources.names

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names that were met so far, of other metrics too."""
        return self._metric_numbers.names

    def __iter__(self) -> Iterator[Piece]:
        pending: dict[tuple[int, int], _Rows] = {}  # by file and number: the order of arrival
        held = 0
        for at, group in enumerate(self._groups):
            rows = self._read(group)
            if rows is not None and len(rows.ts):
                pending[group.file, group.number] = rows
                held += len(rows.ts)
            after = self._groups[at + 1].oldest if at + 1 < len(self._groups) else _EVER
            if held >= self._at_once or after == _EVER:
                ready = _cut(pending, before=after)
                if ready is not None:
                    held -= len(ready.ts)
                    yield Piece(self._batch(ready), after)

    def _list(self) -> Iterator[_Group]:
        for at, path in enumerate(self._paths):
            try:
                with pq.ParquetFile(path) as file:
                    yield from self._groups_of(at, path, file)
            except (pa.ArrowException, ValueError) as error:
                self._tell(path, error)

    def _groups_of(self, at: int, path: Path, file: pq.ParquetFile) -> Iterator[_Group]:
        missing = [name for name in _NEEDED if name not in file.schema_arrow.names]
        if missing:
            message = f"it has no column {', '.join(missing)}"
            raise ValueError(message)
        column = file.schema_arrow.names.index("ts")
        for number in range(file.num_row_groups):
            found = file.metadata.row_group(number)
            oldest, newest = _bounds(found.column(column).statistics, path)
            if found.num_rows and oldest <= self._until and newest >= self._since:
                yield _Group(oldest, newest, at, number, found.num_rows)

    def _read(self, group: _Group) -> _Rows | None:
        path = self._paths[group.file]
        self.done += group.rows
        try:
            if self._open is None or self._open[0] != group.file:
                self._close()
                file = pq.ParquetFile(path, read_dictionary=_NAMES, page_checksum_verification=True)
                self._open = (group.file, file)
            columns = [n for n in (*_NEEDED, "late") if n in self._open[1].schema_arrow.names]
            table = self._open[1].read_row_group(group.number, columns=columns, use_threads=False)
            return self._wanted(table)
        except FileNotFoundError as error:
            message = f"{path}: somebody put files together meanwhile; ask again"
            raise ValueError(message) from error
        except (pa.ArrowException, ValueError, OSError) as error:
            self._tell(path, error)
            return None

    def _close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _wanted(self, table: pa.Table) -> _Rows:
        if any(table.column(name).null_count for name in _NEEDED):
            table = table.drop_null() if "late" not in table.column_names else _filled(table)
        if not table.num_rows:
            return _Rows(*(np.empty(0, kind) for kind in (np.int32, np.int32, np.int64, float)))
        ts = table.column("ts").cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64())
        value = table.column("value").cast(pa.float64()).to_numpy()
        rows = _Rows(
            _codes(table.column("source"), self._sources),
            _codes(table.column("metric"), self._metric_numbers),
            ts.to_numpy(),
            value,
        )
        good = np.isfinite(value) & (rows.ts >= self._since) & (rows.ts <= self._until)
        if "late" in table.column_names:
            good &= ~table.column("late").fill_null(False).to_numpy()
        if good.any():
            newest = int(rows.ts[good].max())
            self.newest = newest if self.newest is None else max(self.newest, newest)
        if self._metrics is not None:
            names = self._metric_numbers.names
            good &= np.array([name in self._metrics for name in names], np.bool_)[rows.metric]
        return rows if good.all() else rows.take(good)

    def _batch(self, rows: _Rows) -> Batch:
        if (rows.ts[1:] < rows.ts[:-1]).any():
            rows = rows.take(np.argsort(rows.ts, kind="stable"))
        return Batch(
            sources=self._sources.names,
            source=rows.source,
            metrics=self._metric_numbers.names,
            metric=rows.metric,
            ts=rows.ts,
            value=rows.value,
        )


def ahead(sweep: Sweep) -> Iterator[Piece]:
    """The pieces, the next one read in a thread while the last one is judged."""
    pieces = iter(sweep)
    with ThreadPoolExecutor(1, "sweep") as thread:
        coming = thread.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = thread.submit(next, pieces, None)
            yield piece


def _cut(pending: dict[tuple[int, int], _Rows], *, before: Ts) -> _Rows | None:
    """Take out what is older, in order of arrival; None where nothing is."""
    ready = []
    for key in sorted(pending):
        rows = pending[key]
        older = rows.ts < before
        if older.all():
            ready.append(pending.pop(key))
        elif older.any():
            ready.append(rows.take(older))
            pending[key] = rows.take(~older)
    return _Rows(*map(np.concatenate, zip(*ready, strict=True))) if ready else None


def _codes(column: pa.ChunkedArray, numbers: _Numbers) -> Codes:
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    found = []
    for chunk in column.chunks:
        known = numbers.of_column(chunk.dictionary.cast(pa.string()))
        found.append(known[chunk.indices.to_numpy()])
    return np.concatenate(found)


def _filled(table: pa.Table) -> pa.Table:
    """Without rows that lack a name, a time or a value."""
    good = pa.array(np.ones(table.num_rows, np.bool_))
    for name in _NEEDED:
        good = pc.and_(good, table.column(name).combine_chunks().is_valid())
    return table.filter(good)


def _bounds(statistics: Any, path: Path) -> tuple[Ts, Ts]:
    """Where a file does not say it, its name does."""
    if statistics is not None and statistics.has_min_max:
        oldest, newest = (_ms(one) for one in (statistics.min, statistics.max))
        return oldest, newest
    name = Name.of(path.name)
    return (-_EVER, _EVER) if name is None else (name.hour, name.hour + HOUR_MS)


def _ms(moment: datetime) -> Ts:
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MS


def _by_time(path: Path) -> tuple[Name, str]:
    return Name.of(path.name) or Name(_EVER, 0), path.name
