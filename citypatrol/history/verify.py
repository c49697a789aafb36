"""Is the history whole? Reads every byte of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from citypatrol.clock import Ts
from citypatrol.errors import Problem
from citypatrol.history.control import control_paths, is_torn, read_control
from citypatrol.history.layout import (
    CONTROL,
    HOUR_MS,
    SCHEMA,
    HistoryFile,
    Name,
    Span,
    footer_of,
    joined,
    read_file,
)
from citypatrol.history.listing import Listing
from citypatrol.history.writer import is_aside

_LEFT_MS: Final = 3_600_000
"""A file that is being written is younger: putting an hour together takes a minute."""
_AT_THE_EDGE: Final = 2 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Verified:
    """``files`` could be read as far as their footers; ``problems``: what is wrong, by file."""

    files: Sequence[HistoryFile]
    problems: Sequence[Problem]


def verify(folder: Path, *, now: Ts) -> Verified:
    """A file that goes meanwhile is no problem. OSError where the folder is not to be had."""
    problems: list[Problem] = []
    files: list[HistoryFile] = []
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            continue
        try:
            problems += [Problem(str(path), 0, 0, why) for why in _look(path, files, now=now)]
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(Problem(str(path), 0, 0, f"cannot be read: {error}"))
    positions: list[int] = []
    for path in control_paths(folder / CONTROL):
        problems += [Problem(str(path), 0, 0, why) for why in _control(path, positions)]
    # What was put together meanwhile is in one of the two; what is damaged is said already.
    both = [*files, *Listing(folder, tell=lambda _path, _error: None).files()]
    problems += [Problem(str(folder), 0, 0, why) for why in _gaps(both, positions)]
    return Verified(files, problems)


def _look(path: Path, files: list[HistoryFile], *, now: Ts) -> Iterator[str]:
    if is_aside(path.name):
        if path.stat().st_mtime * 1000 < now - _LEFT_MS:
            yield "was half written when a process died; the next start removes it"
    elif Name.of(path.name) is None:
        yield "is no file of the history; its name should be like 2026-05-13T07.1.parquet"
    else:
        try:
            file = read_file(path)
            files.append(file)
            yield from _rows(file)
        except FileNotFoundError:
            raise
        except (ValueError, OSError) as error:
            yield f"is damaged: {error}"


def _rows(file: HistoryFile) -> Iterator[str]:
    """Every page is decoded, so that a flipped bit is found."""
    late = strangers = 0
    with pq.ParquetFile(file.path, page_checksum_verification=True) as opened:
        if not opened.schema_arrow.equals(SCHEMA):
            yield f"has other columns: {', '.join(opened.schema_arrow.names)}"
            return
        says = footer_of(opened.schema_arrow).late
        for group in range(opened.num_row_groups):
            try:
                table = opened.read_row_group(group, use_threads=False)
            except (pa.ArrowException, OSError) as error:
                yield f"is damaged in row group {group} of {opened.num_row_groups}: {error}"
                return
            ts = table.column("ts").cast(pa.int64())
            inside = pc.and_(pc.greater_equal(ts, file.hour), pc.less(ts, file.hour + HOUR_MS))
            strangers += table.num_rows - (pc.sum(inside).as_py() or 0)
            late += pc.sum(table.column("late")).as_py() or 0
    if strangers:
        yield f"holds {strangers} rows of other hours"
    if late != says:
        yield f"holds {late} late rows and says {says}"


def _control(path: Path, positions: list[int]) -> Iterator[str]:
    try:
        positions += [said.position for said in read_control(path)]
    except (ValueError, OSError) as error:
        yield f"is damaged: {error}"
    else:
        if is_torn(path):
            yield "its last line has no end; the next start cuts it, and the journal has it still"


def _gaps(files: Iterable[HistoryFile], controls: Iterable[int]) -> Iterator[str]:
    """Positions between others that are in no file. What retention took at the edge is no gap."""
    journals: dict[str, list[HistoryFile]] = {}
    for file in files:
        journals.setdefault(file.footer.journal, []).append(file)
    said = joined((position, position) for position in controls)
    for mine in journals.values():
        edge = min(file.hour for file in mine) + _AT_THE_EDGE
        sure_from = min((file.first for file in mine if file.hour >= edge), default=None)
        own = joined(span for file in mine for span in file.footer.positions)
        if sure_from is None:
            continue
        for first, last in _between(own, said):
            if first > sure_from:
                yield (
                    f"journal positions {first} to {last} are in no file: was one removed by hand?"
                )


def _between(own: tuple[Span, ...], said: tuple[Span, ...]) -> Iterator[Span]:
    whole = joined((*own, *said))
    for (_, last), (first, _) in pairwise(whole):
        if own[0][0] <= last and first <= own[-1][1]:
            yield last + 1, first - 1
