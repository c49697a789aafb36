"""Puts samples of long ago into the history, in any order, once each.

They are sorted into runs beside the files, and the runs are merged by time into a further file of
each hour: memory holds one run and what overlaps, whatever the length. (source, metric, ts) is the
key: what the history has already, or what came before in the same import, is passed over.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from citypatrol.clock import Ts
from citypatrol.columns import Ints
from citypatrol.history.control import sync_folder
from citypatrol.history.layout import HOUR_MS, SCHEMA, Footer, Name
from citypatrol.history.listing import Tell
from citypatrol.history.parquet import parquet_writer, values_repeat, write_table
from citypatrol.history.sweep import Sweep
from citypatrol.history.writer import last_numbers, sync_file
from citypatrol.samples import Batch

JOURNAL: Final = "import"
"""In the footers: rows that no journal had."""
_NOWHERE: Final = (0, 0)
_RUN: Final = 1_000_000
_GROUP: Final = 16_384
_OFFSET_BITS: Final = 22  # of a millisecond within an hour


@dataclass(frozen=True, slots=True)
class Imported:
    """``written``: new rows; ``known``: those that were there already; ``files``: new ones."""

    written: int
    known: int
    files: Sequence[Path]
    oldest: Ts | None
    newest: Ts | None


class Import:
    """One import into a folder, which a city may be writing at the same time. ``close`` at the end
    in any case; nothing is in the history before ``finish``. Raises OSError."""

    def __init__(self, folder: Path, *, tell: Tell) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._aside = Path(mkdtemp(prefix=".import-", dir=folder))
        self._tell = tell
        self._tables: list[pa.Table] = []
        self._rows = 0
        self._runs = 0

    def close(self) -> None:
        shutil.rmtree(self._aside, ignore_errors=True)

    def add(
        self,
        source: Sequence[str],
        metric: Sequence[str],
        ts: Sequence[Ts],
        value: Sequence[float],
    ) -> None:
        """Columns of one length, in order of arrival."""
        if not len(ts):
            return
        names = [pa.array(column, pa.string()).dictionary_encode() for column in (source, metric)]
        columns = [*names, pa.array(ts, pa.timestamp("ms", "UTC")), pa.array(value, pa.float64())]
        self._tables.append(pa.table(columns, names=["source", "metric", "ts", "value"]))
        self._rows += len(ts)
        if self._rows >= _RUN:
            self._spill()

    def finish(self) -> Imported:
        """Durable when it returns. A crash before leaves whole hours, or nothing."""
        self._spill()
        sweep = Sweep(self._aside, tell=_fail)
        hour: _Hour | None = None
        files: list[Path] = []
        written = known = 0
        oldest: Ts | None = None
        newest: Ts | None = None
        for piece in sweep:
            for batch in _by_hour(piece.batch):
                begin = int(batch.ts[0]) // HOUR_MS * HOUR_MS
                if hour is None or hour.begin != begin:
                    files += [] if hour is None else hour.finish()
                    hour = _Hour(self._folder, self._aside, begin, tell=self._tell)
                new = hour.take(batch)
                written, known = written + new, known + len(batch) - new
                oldest = int(batch.ts[0]) if oldest is None else oldest
                newest = int(batch.ts[-1])
        files += [] if hour is None else hour.finish()
        sync_folder(self._folder)
        return Imported(written, known, files, oldest, newest)

    def _spill(self) -> None:
        if not self._rows:
            return
        table = pa.concat_tables(self._tables).unify_dictionaries().combine_chunks()
        order = np.argsort(table.column("ts").cast(pa.int64()).to_numpy(), kind="stable")
        self._runs += 1
        path = self._aside / f"run-{self._runs:06}.parquet"
        pq.write_table(table.take(pa.array(order)), path, row_group_size=_GROUP)
        self._tables, self._rows = [], 0


class _Hour:
    """A further file of one hour, made when the first new row comes."""

    def __init__(self, folder: Path, aside: Path, begin: Ts, *, tell: Tell) -> None:
        self.begin = begin
        self._folder = folder
        self._tmp = aside / "hour.tmp"
        self._tell = tell
        self._writer: pq.ParquetWriter | None = None
        self._others = [
            path
            for path in folder.glob("*.parquet")
            if (name := Name.of(path.name)) is not None and name.hour == begin
        ]

    def take(self, batch: Batch) -> int:
        """Rows of this hour, sorted by time, newer than all before; how many are new."""
        keys = _keys(batch.source, batch.metric, batch.ts - self.begin, len(batch.metrics))
        _, first = np.unique(keys, return_index=True)
        fresh = np.zeros(len(batch), np.bool_)
        fresh[first] = True
        for there in self._there(batch):
            fresh &= ~np.isin(keys, there)
        if fresh.any():
            self._write(batch.rows(fresh))
        return int(np.count_nonzero(fresh))

    def finish(self) -> list[Path]:
        """The file, under a name that nobody else has."""
        if self._writer is None:
            return []
        self._writer.close()
        sync_file(self._tmp)
        number = last_numbers(self._folder).get(self.begin, -1) + 1
        while True:
            path = self._folder / str(Name(self.begin, number))
            try:
                os.link(self._tmp, path)
            except FileExistsError:
                number += 1
                continue
            self._tmp.unlink()
            return [path]

    def _there(self, batch: Batch) -> list[Ints]:
        """The keys of what the history has of this time."""
        sources = {name: code for code, name in enumerate(batch.sources)}
        metrics = {name: code for code, name in enumerate(batch.metrics)}
        first, last = int(batch.ts[0]), int(batch.ts[-1])
        found = []
        for path in self._others:
            try:
                columns = ["source", "metric", "ts"]
                inside = [("ts", ">=", _time(first)), ("ts", "<=", _time(last))]
                table = pq.read_table(path, columns=columns, filters=inside)
            except (pa.ArrowException, OSError) as error:
                self._tell(path, error)
                continue
            names = [
                _codes(table.column(n), m) for n, m in (("source", sources), ("metric", metrics))
            ]
            ts = table.column("ts").cast(pa.int64()).to_numpy() - self.begin
            both = (names[0] >= 0) & (names[1] >= 0)
            found.append(_keys(names[0][both], names[1][both], ts[both], len(metrics)))
        return found

    def _write(self, batch: Batch) -> None:
        columns = [
            pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names, pa.string()))
            for codes, names in ((batch.source, batch.sources), (batch.metric, batch.metrics))
        ]
        count = len(batch)
        columns += [
            pa.array(batch.ts, pa.timestamp("ms", "UTC")),
            pa.array(batch.value),
            pa.nulls(count, pa.string()),
            pa.array(np.zeros(count, np.bool_)),
        ]
        table = pa.table(columns, schema=SCHEMA)
        if self._writer is None:
            footer = Footer.new([_NOWHERE], journal=JOURNAL, late=0)
            self._writer = parquet_writer(self._tmp, footer, values_repeat=values_repeat(table))
        write_table(self._writer, table)


def _by_hour(batch: Batch) -> list[Batch]:
    """Sorted by time."""
    hours = batch.ts // HOUR_MS
    cuts = [0, *(np.flatnonzero(np.diff(hours)) + 1).tolist(), len(batch)]
    return [batch.rows(slice(a, b)) for a, b in pairwise(cuts) if b > a]


def _keys(source: np.ndarray, metric: np.ndarray, offset: np.ndarray, metrics: int) -> Ints:
    pair = source.astype(np.int64) * metrics + metric
    keys: Ints = (pair << _OFFSET_BITS) | offset
    return keys


def _codes(column: pa.ChunkedArray, known: dict[str, int]) -> Ints:
    found = []
    for chunk in column.chunks:
        whole = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
        codes = [known.get(name, -1) for name in whole.dictionary.to_pylist()]
        found.append(np.array(codes, np.int64)[whole.indices.to_numpy()])
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _time(ts: Ts) -> pa.Scalar:
    return pa.scalar(ts, pa.timestamp("ms", "UTC"))


def _fail(path: Path, error: Exception) -> None:
    message = f"{path}: {error}"
    raise OSError(message) from error
