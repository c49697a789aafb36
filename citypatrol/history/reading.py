"""The history as others read it: by journal position, by time, file by file."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from citypatrol.clock import Ts
from citypatrol.errors import Problem
from citypatrol.history.control import Said, control_paths, read_control, read_sources
from citypatrol.history.layout import (
    CONTROL,
    DAY_MS,
    HOUR_MS,
    SCHEMA,
    HistoryFile,
    control_day,
    footer_of,
)
from citypatrol.history.listing import Listing, tell_unreadable
from citypatrol.history.verify import verify
from citypatrol.records import Record
from citypatrol.samples import Batch

BATCH_ROWS = 20_000


class Rows(NamedTuple):
    """Samples in order of arrival, and which of them came too late to be judged."""

    batch: Batch
    late: NDArray[np.bool_]


class _Gone(Exception):
    """Somebody has put the file together with others, or its time is over."""


class History:
    """A folder that ``HistoryStage`` writes, may be at this moment. Blocking; opens nothing before
    it is asked. Rows may come twice: (source, metric, ts) is the key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._listing = Listing(folder)

    def files(self) -> list[HistoryFile]:
        """The whole ones by hour and number; a damaged one is logged, and ``verify`` names it."""
        return self._listing.files()

    def records(self, *, after: int, before: int) -> Iterator[Record]:
        """Everything between these journal positions, for a reader that was left behind.

        First what sources said of themselves, then batches, roughly in order. For idempotent
        readers: a file is read whole, so rows from outside the two positions come too. What is
        older than ``keep`` is gone.
        """
        yield from read_sources(self.folder / CONTROL, after=after, before=before)
        done: set[str] = set()
        left = self._between(after, before)
        while left:
            file, *left = left
            try:
                yield from (rows.batch for rows in _read(file))
            except _Gone:
                left = [one for one in self._between(after, before) if one.footer.id not in done]
            done.add(file.footer.id)

    def batches(self, *, since: Ts, until: Ts) -> Iterator[Rows]:
        """Samples with ``since <= ts < until``, hour by hour, each hour in order of arrival."""
        done: set[str] = set()
        left = self._during(since, until)
        while left:
            file, *left = left
            try:
                for rows in _read(file):
                    part = _cut(rows, since=since, until=until)
                    if len(part.batch):
                        yield part
            except _Gone:
                left = [
                    one
                    for one in self._during(since, until)
                    if one.footer.id not in done and one.hour >= file.hour
                ]
            done.add(file.footer.id)

    def controls(self, *, since: Ts, until: Ts) -> Iterator[Said]:
        """Control records with ``since <= ts < until`` in order of the journal; one may come twice.

        Raises ValueError, with file and line, at one that cannot be read.
        """
        for path in control_paths(self.folder / CONTROL):
            day = control_day(path.name)
            if day is not None and day < until and since < day + DAY_MS:
                try:
                    for said in read_control(path):
                        if since <= said.record.ts < until:
                            yield said
                except ValueError as error:
                    message = f"{path}: {error}"
                    raise ValueError(message) from error

    def verify(self, *, now: Ts) -> Sequence[Problem]:
        """Reads every byte; [] where all is well."""
        return verify(self.folder, now=now).problems

    def _between(self, after: int, before: int) -> list[HistoryFile]:
        files = [
            file
            for file in self.files()
            if any(first < before and last > after for first, last in file.footer.positions)
        ]
        return sorted(files, key=lambda file: (file.first, file.name))

    def _during(self, since: Ts, until: Ts) -> list[HistoryFile]:
        return [f for f in self.files() if f.hour < until and since < f.hour + HOUR_MS]


def _read(file: HistoryFile) -> Iterator[Rows]:
    """Raises ``_Gone`` where the file is no longer the one that was listed."""
    try:
        with pq.ParquetFile(file.path, page_checksum_verification=True) as opened:
            if footer_of(opened.schema_arrow).id != file.footer.id:
                raise _Gone
            for group in range(opened.num_row_groups):
                for batch in opened.iter_batches(
                    BATCH_ROWS, row_groups=[group], columns=SCHEMA.names, use_threads=False
                ):
                    yield _rows(batch)
    except FileNotFoundError:
        raise _Gone from None
    except (pa.ArrowException, ValueError, OSError) as error:
        tell_unreadable(file.path, error)


def _rows(record: pa.RecordBatch) -> Rows:
    sources, source = _used(record.column("source"))
    metrics, metric = _used(record.column("metric"))
    evidence = record.column("evidence")
    batch = Batch(
        sources=sources,
        source=source,
        metrics=metrics,
        metric=metric,
        ts=record.column("ts").view(pa.int64()).to_numpy(),
        value=record.column("value").to_numpy(),
        evidence=tuple(evidence.to_pylist()) if evidence.null_count < len(evidence) else None,
    )
    return Rows(batch, record.column("late").to_numpy(zero_copy_only=False))


def _used(column: pa.DictionaryArray) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """A city's names are many, and a batch needs a few of them."""
    used, codes = np.unique(column.indices.to_numpy(), return_inverse=True)
    return tuple(column.dictionary.take(pa.array(used)).to_pylist()), codes.astype(np.int32)


def _cut(rows: Rows, *, since: Ts, until: Ts) -> Rows:
    batch = rows.batch
    inside = (batch.ts >= since) & (batch.ts < until)
    if inside.all():
        return rows
    evidence = None
    if batch.evidence is not None:
        evidence = tuple(batch.evidence[row] for row in np.flatnonzero(inside).tolist())
    cut = replace(batch.rows(inside), evidence=evidence)
    return Rows(cut, rows.late[inside])
