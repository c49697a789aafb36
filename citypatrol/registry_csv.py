"""Reading the registry's CSV as columns, and saying at which line it is wrong."""

import contextlib
import csv
import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv as pa_csv

from citypatrol.errors import Problem
from citypatrol.yamlsyntax import decode

COLUMNS: Final = ("id", "name", "kind", "site", "lat", "lon")
_MOST_OF_A_KIND: Final = 20
_PAGE: Final = 10_000
_LIMITS: Final = {"lat": 90.0, "lon": 180.0}


def read_columns(path: Path) -> tuple[dict[str, Any] | None, list[Problem]]:
    """Arrow string arrays by column (null: an empty cell) and problems.

    None where nothing can be read. Rows of a wrong length, without an id or with one that stands
    above already are left out.
    """
    name = str(path)
    try:
        header, skipped, problems = _header(path)
        if header is None or problems:
            return None, problems
        table, ragged = _table(path, header, skipped)
    except OSError as error:
        return None, [Problem(name, 0, 0, f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError:
        return None, decode(path.read_bytes(), path=name)[1]
    except (pa.ArrowInvalid, csv.Error) as error:
        _, not_text = decode(path.read_bytes(), path=name)
        return None, not_text or [Problem(name, 0, 0, f"cannot be read as CSV: {error}")]
    columns = {column: table[column].combine_chunks() for column in header}
    del table
    found = _Found(path, len(header), skipped, ragged)
    keep = _judge_ids(columns["id"], found)
    _judge_places(columns, found)
    if not keep.all():
        chosen = pa.array(keep)
        columns = {column: cells.filter(chosen) for column, cells in columns.items()}
    pa.default_memory_pool().release_unused()
    return columns, found.problems()


def _header(path: Path) -> tuple[list[str] | None, int, list[Problem]]:
    """The columns' names, and how many lines they and blank lines before them take."""
    place = str(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        first = next((row for row in reader if row), None)
        lines = reader.line_num
    wanted = f"the first line must name the columns {','.join(COLUMNS)}"
    if first is None:
        return None, 0, [Problem(place, 1, 1, f"the file is empty; {wanted}")]
    names = [name.strip() for name in first]
    for separator, word in ((";", "';'"), ("\t", "tabs")):
        if len(names) == 1 and separator in names[0]:
            return None, 0, [Problem(place, lines, 1, f"cells are separated by {word}; use ','")]
    told = [f"column '{name}' stands twice" for name, n in Counter(names).items() if n > 1 and name]
    told += ["a column has no name"] * ("" in names)
    missing = [column for column in COLUMNS if column not in names]
    own = [name for name in names if name not in COLUMNS]
    near = {column: difflib.get_close_matches(column, own, n=1) for column in missing}
    told += [f"column '{column}' is missing; is it '{n[0]}'?" for column, n in near.items() if n]
    far = [column for column in missing if not near[column]]
    if far:
        told.append(f"no column {', '.join(far)}; {wanted}")
    return names, lines, [Problem(place, lines, 1, message) for message in told]


def _table(path: Path, header: Sequence[str], skipped: int) -> tuple[Any, dict[int, int]]:
    """The rows of the right length, and of the others: row number from 1, cells found."""
    ragged: dict[int, int] = {}

    def note(row: Any) -> str:
        ragged[row.number - skipped] = row.actual_columns
        return "skip"

    table = pa_csv.read_csv(
        path,
        read_options=pa_csv.ReadOptions(use_threads=False, skip_rows=skipped, column_names=header),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()),
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            null_values=[""],
        ),
    )
    return table, ragged


@dataclass(slots=True)
class _Found:
    """Problems by row; lines are looked up at the end, and only if there are any."""

    path: Path
    width: int
    skipped: int
    ragged: dict[int, int]
    said: list[tuple[int, str, str, int | None]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def say(self, kind: str, row: int, message: str, *, first: int | None = None) -> None:
        """``row``: index in the table; ``first``: another row whose line ends the message."""
        self.counts[kind] += 1
        if self.counts[kind] <= _MOST_OF_A_KIND:
            self.said.append((row, kind, message, first))

    def problems(self) -> list[Problem]:
        if not self.said and not self.ragged:
            return []
        rows = {row for row, _, _, first in self.said}
        rows |= {first for _, _, _, first in self.said if first is not None}
        numbers = self._numbers(rows)
        lines = _lines(self.path, self.skipped, {*numbers.values(), *self.ragged})
        place = str(self.path)
        told = [
            Problem(
                place,
                lines[numbers[row]],
                1,
                message + (f"{lines[numbers[first]]}" if first is not None else ""),
            )
            for row, _, message, first in self.said
        ]
        told += [
            Problem(place, lines[number], 1, f"{cells} cells; the first line has {self.width}")
            for number, cells in list(self.ragged.items())[:_MOST_OF_A_KIND]
        ]
        self.counts["a wrong number of cells"] = len(self.ragged)
        told += [
            Problem(place, 0, 0, f"{n - _MOST_OF_A_KIND} further lines have {kind}")
            for kind, n in self.counts.items()
            if n > _MOST_OF_A_KIND
        ]
        return sorted(told, key=lambda problem: (problem.line == 0, problem))

    def _numbers(self, rows: Iterable[int]) -> dict[int, int]:
        """Numbers in the file (from 1) of rows of the table, which lacks the ragged ones."""
        numbers, shift, gone = {}, 1, sorted(self.ragged)
        at = 0
        for row in sorted(rows):
            while at < len(gone) and gone[at] <= row + shift:
                at += 1
                shift += 1
            numbers[row] = row + shift
        return numbers


def _lines(path: Path, skipped: int, wanted: set[int]) -> dict[int, int]:
    """The line on which each wanted row begins, 0 where it is not known.

    Rows are counted from 1, blank lines are none.
    """
    lines = dict.fromkeys(wanted, 0)
    with path.open(encoding="utf-8-sig", newline="") as file:
        for _ in range(skipped):
            next(file)
        reader = csv.reader(file)
        number, before = 0, 0
        with contextlib.suppress(csv.Error):  # a cell without end: what lies behind has no line
            for row in reader:
                if row:
                    number += 1
                    if number in wanted:
                        lines[number] = skipped + before + 1
                before = reader.line_num
    return lines


def hashed(ids: Any) -> NDArray[np.int64]:
    """Python's hash of every id, without all of them as Python strings at once."""
    pages = (ids[at : at + _PAGE].to_pylist() for at in range(0, len(ids), _PAGE))
    return np.fromiter(map(hash, chain.from_iterable(pages)), dtype=np.int64, count=len(ids))


def _judge_ids(ids: Any, found: _Found) -> NDArray[np.bool_]:
    keep = np.ones(len(ids), dtype=np.bool_)
    for row in np.flatnonzero(ids.is_null().to_numpy(zero_copy_only=False)):
        found.say("no id", int(row), "no id")
        keep[row] = False
    padded = pc.not_equal(pc.utf8_trim_whitespace(ids), ids).fill_null(False)
    for row in np.flatnonzero(padded.to_numpy(zero_copy_only=False)):
        found.say("spaces around the id", int(row), f"spaces around the id '{ids[int(row)]}'")
    hashes = hashed(ids)
    order = np.argsort(hashes, kind="stable")
    alike = np.flatnonzero(np.diff(hashes[order]) == 0)
    first: dict[str, int] = {}
    for at in alike.tolist():
        for row in order[at : at + 2].tolist():
            id = ids[row].as_py()
            if id is None or row == first.setdefault(id, row):
                continue
            if keep[row]:
                message = f"duplicate id '{id}'; the first is at line "
                found.say("a duplicate id", row, message, first=first[id])
                keep[row] = False
    return keep


def _judge_places(columns: dict[str, Any], found: _Found) -> None:
    empty = {}
    for name, limit in _LIMITS.items():
        cells = columns[name] = pc.utf8_trim_whitespace(columns[name])
        empty[name] = cells.is_null().to_numpy(zero_copy_only=False)
        try:
            degrees = pc.cast(cells, pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            degrees = np.array([_degrees(text) for text in cells.to_pylist()])
        with np.errstate(invalid="ignore"):
            wrong = ~empty[name] & ~(np.abs(degrees) <= limit)
        for row in np.flatnonzero(wrong):
            text = cells[int(row)].as_py()
            form = f"write degrees like 34.7155, from -{limit:g} to {limit:g}"
            found.say(f"a wrong {name}", int(row), f"{name} '{text}' is no place; {form}")
        if wrong.any():
            columns[name] = pc.if_else(pa.array(wrong), pa.scalar(None, pa.string()), cells)
    for name, other in (("lat", "lon"), ("lon", "lat")):
        for row in np.flatnonzero(empty[name] & ~empty[other]):
            found.say(f"{other} without {name}", int(row), f"{other} without {name}")


def _degrees(text: str | None) -> float:
    try:
        return float(text) if text is not None else np.nan
    except ValueError:
        return np.nan
