"""Names, columns and footers of the history's files (RULES 26)."""

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from citypatrol.clock import Ts
from citypatrol.samples import SCHEMA as SAMPLES

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
SCHEMA: Final = SAMPLES.append(pa.field("late", pa.bool_()))
TMP: Final = ".tmp"
MERGE: Final = ".merge"
CONTROL: Final = "control"
_KEY: Final = b"citypatrol"
_HOUR: Final = "%Y-%m-%dT%H"
_DAY: Final = "%Y-%m-%d"
_NAME: Final = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2})(?:\.([1-9]\d{0,8}))?\.parquet", re.ASCII)
_CONTROL_NAME: Final = re.compile(r"(\d{4}-\d{2}-\d{2})\.jsonl", re.ASCII)

Span = tuple[int, int]
"""Journal positions, from and to, both included."""


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """``hour`` is its first millisecond; ``number`` 0 is the file without one."""

    hour: Ts
    number: int

    def __str__(self) -> str:
        hour = datetime.fromtimestamp(self.hour / 1000, tz=UTC).strftime(_HOUR)
        return f"{hour}.{self.number}.parquet" if self.number else f"{hour}.parquet"

    @classmethod
    def of(cls, text: str) -> "Name | None":
        """None where this is no name of ours."""
        found = _NAME.fullmatch(text)
        hour = found and _millis(found[1], _HOUR)
        return None if not found or hour is None else cls(hour, int(found[2] or 0))


@dataclass(frozen=True, slots=True)
class Footer:
    """What a file says of itself, beside its rows.

    ``id`` is never given twice: a name may come again after files were put together, an id does
    not. ``journal`` tells two journals apart, since each counts from 1. ``positions``: every sample
    of these records that is of this hour is here or in another file of the hour. ``merged``: the
    ids of what was put together.
    """

    id: str
    journal: str
    positions: tuple[Span, ...]
    late: int
    merged: tuple[str, ...] = ()

    @classmethod
    def new(
        cls, positions: Iterable[Span], *, journal: str, late: int, merged: Sequence[str] = ()
    ) -> "Footer":
        return cls(new_id(), journal, joined(positions), late, tuple(merged))

    def on(self, schema: pa.Schema) -> pa.Schema:
        """The schema with this footer."""
        said = {
            "id": self.id,
            "journal": self.journal,
            "positions": self.positions,
            "late": self.late,
            "merged": self.merged,
        }
        return schema.with_metadata({_KEY: orjson.dumps(said)})


@dataclass(frozen=True, slots=True)
class HistoryFile:
    """One Parquet file; ``size`` in bytes, ``first`` and ``last`` are journal positions."""

    path: Path
    name: Name
    rows: int
    size: int
    footer: Footer

    @property
    def hour(self) -> Ts:
        return self.name.hour

    @property
    def number(self) -> int:
        return self.name.number

    @property
    def first(self) -> int:
        return self.footer.positions[0][0]

    @property
    def last(self) -> int:
        return self.footer.positions[-1][1]


def new_id() -> str:
    return uuid.uuid4().hex


def read_file(path: Path) -> HistoryFile:
    """From the footer alone. ValueError where it is no whole file of ours, OSError where it is not
    to be had."""
    name = Name.of(path.name)
    if name is None:
        message = f"{path.name} is no name of a history file, like 2026-05-13T07.1.parquet"
        raise ValueError(message)
    size = path.stat().st_size
    try:
        with pq.ParquetFile(path) as file:
            footer = footer_of(file.schema_arrow)
            return HistoryFile(path, name, file.metadata.num_rows, size, footer)
    except pa.ArrowException as error:
        message = f"its end is missing or damaged: {error}"
        raise ValueError(message) from error


def footer_of(schema: pa.Schema) -> Footer:
    """Raises ValueError where a file was not written by citypatrol."""
    try:
        said: dict[str, Any] = orjson.loads((schema.metadata or {})[_KEY])
        spans = tuple((int(first), int(last)) for first, last in said["positions"])
        late, merged = int(said["late"]), tuple(said["merged"])
        footer = Footer(said["id"], said["journal"], spans, late, merged)
    except (KeyError, TypeError, ValueError) as error:
        message = "it does not say which part of the journal it holds: citypatrol did not write it"
        raise ValueError(message) from error
    if not spans:
        message = "it holds no part of the journal"
        raise ValueError(message)
    return footer


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """In order; those that touch or overlap become one."""
    whole: list[Span] = []
    for first, last in sorted(spans):
        if whole and first <= whole[-1][1] + 1:
            whole[-1] = (whole[-1][0], max(last, whole[-1][1]))
        else:
            whole.append((first, last))
    return tuple(whole)


def control_name(ts: Ts) -> str:
    """The file of control records of the UTC day in which ``ts`` lies."""
    return datetime.fromtimestamp(ts / 1000, tz=UTC).strftime(f"{_DAY}.jsonl")


def control_day(text: str) -> Ts | None:
    """The first millisecond of the day; None where this is no name of such a file."""
    found = _CONTROL_NAME.fullmatch(text)
    return _millis(found[1], _DAY) if found else None


def _millis(text: str, form: str) -> Ts | None:
    try:
        moment = datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) * 1000
