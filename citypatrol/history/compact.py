"""Puts the files of an hour together: a few large ones instead of one a minute."""

import contextlib
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from citypatrol.clock import Ts
from citypatrol.crashpoints import CrashPoint, crash_point
from citypatrol.history.control import sync_folder
from citypatrol.history.layout import HOUR_MS, MERGE, SCHEMA, TMP, Footer, HistoryFile
from citypatrol.history.parquet import GROUP_ROWS, parquet_writer, values_repeat, write_table
from citypatrol.history.writer import sync_file

SETTLED_MS: Final = 600_000
"""An hour that has been over for so long gets late rows only."""
_MOST_SMALL: Final = 8
_SMALL: Final = 8

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Merge:
    """These files of one hour become one, with the name of the first."""

    files: tuple[HistoryFile, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


def plan(files: Iterable[HistoryFile], *, now: Ts) -> list[Merge]:
    """What to put together, oldest hour first.

    A large file is not written anew for little: late rows wait until there is an eighth as much of
    them, or eight files, which then become one.
    """
    groups: dict[tuple[Ts, str], list[HistoryFile]] = {}
    for file in files:
        if file.hour + HOUR_MS + SETTLED_MS <= now:
            groups.setdefault((file.hour, file.footer.journal), []).append(file)
    merges = []
    for _, group in sorted(groups.items()):
        group.sort(key=lambda file: file.number)
        largest = max(group, key=lambda file: file.size)
        small = [file for file in group if file is not largest]
        if not small:
            continue
        if _SMALL * sum(file.size for file in small) >= largest.size:
            merges.append(Merge(tuple(group)))
        elif len(small) >= _MOST_SMALL:
            merges.append(Merge(tuple(small)))
    return merges


def superseded(files: Sequence[HistoryFile]) -> list[HistoryFile]:
    """Those whose rows lie in another file too, since a crash came before they were removed."""
    merged = {(file.hour, id) for file in files for id in file.footer.merged}
    return [file for file in files if (file.hour, file.footer.id) in merged]


def merge(what: Merge, *, stop: threading.Event) -> bool:
    """Write aside, rename over the first, remove the others; False where ``stop`` came first.

    A crash leaves rows twice, never none. Raises OSError where the disk takes it not, ValueError
    where a file cannot be read: then all of them stay as they were.
    """
    first, *others = what.files
    folder = first.path.parent
    if shutil.disk_usage(folder).free < 2 * what.size:
        message = f"{folder}: less than {2 * what.size} bytes are free, left as it is"
        raise OSError(message)
    footer = Footer.new(
        (span for file in what.files for span in file.footer.positions),
        journal=first.footer.journal,
        late=sum(file.footer.late for file in what.files),
        merged=[file.footer.id for file in what.files],
    )
    tmp = folder / f"{first.name}{MERGE}{TMP}"
    try:
        if not _write(tmp, what.files, footer, stop=stop):
            return False
        sync_file(tmp)
        crash_point(CrashPoint.HISTORY_COMPACT_WRITTEN)
        tmp.rename(first.path)
        sync_folder(folder)
    finally:
        with contextlib.suppress(OSError):
            tmp.unlink(missing_ok=True)
    crash_point(CrashPoint.HISTORY_COMPACT_RENAMED)
    for file in others:
        file.path.unlink(missing_ok=True)
    sync_folder(folder)
    crash_point(CrashPoint.HISTORY_COMPACT_AFTER)
    return True


def _write(
    tmp: Path, files: Sequence[HistoryFile], footer: Footer, *, stop: threading.Event
) -> bool:
    writer: pq.ParquetWriter | None = None
    rows = 0
    try:
        for table in _groups(files):
            if stop.is_set():
                return False
            if writer is None:
                writer = parquet_writer(tmp, footer, values_repeat=values_repeat(table))
            write_table(writer, table)
            rows += table.num_rows
            pa.default_memory_pool().release_unused()
    finally:
        if writer is not None:
            writer.close()
    if rows != sum(file.rows for file in files):
        message = f"{files[0].path} and others: {rows} rows came together, not all"
        raise ValueError(message)
    return True


def _groups(files: Iterable[HistoryFile]) -> Iterator[pa.Table]:
    """All rows in order, in tables of a bounded size: small pieces together."""
    pieces: list[pa.Table] = []
    rows = 0
    for table in _pieces(files):
        if rows and rows + table.num_rows > GROUP_ROWS:
            yield _one(pieces)
            pieces, rows = [], 0
        pieces.append(table)
        rows += table.num_rows
    if pieces:
        yield _one(pieces)


def _pieces(files: Iterable[HistoryFile]) -> Iterator[pa.Table]:
    for file in files:
        try:
            with pq.ParquetFile(file.path, page_checksum_verification=True) as opened:
                for group in range(opened.num_row_groups):
                    table = opened.read_row_group(group, columns=SCHEMA.names, use_threads=False)
                    yield table.replace_schema_metadata(None)
        except (pa.ArrowException, OSError) as error:
            message = f"{file.path} cannot be read: {error}"
            raise ValueError(message) from error


def _one(pieces: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(pieces).unify_dictionaries().combine_chunks()
