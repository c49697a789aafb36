"""How the journal lies in SQLite, and what is read from it.

Records carry running totals (of batches, of bytes), so that lag and size are differences of two
rows and never a scan. Each row has a checksum of its own: SQLite has none for its pages, and a byte
that a disk has turned would else be another water level.
"""

import contextlib
import sqlite3
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from citypatrol.journal import Snapshot
from citypatrol.sqlitefile import NotWhole

APPLICATION: Final = 0x43504A4E  # "CPJN"
VERSION: Final = 2
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS records (
  position INTEGER PRIMARY KEY, at INTEGER NOT NULL, is_batch INTEGER NOT NULL,
  batches INTEGER NOT NULL, total INTEGER NOT NULL, data BLOB NOT NULL, crc INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS cursors (
  name TEXT PRIMARY KEY, position INTEGER NOT NULL, crc INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS snapshots (
  name TEXT NOT NULL, number INTEGER NOT NULL, position INTEGER NOT NULL, data BLOB NOT NULL,
  parts INTEGER, crc INTEGER, PRIMARY KEY (name, number)
) STRICT;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT
"""
UPGRADES: Final = {
    1: "ALTER TABLE records ADD COLUMN crc INTEGER;"
    "ALTER TABLE snapshots ADD COLUMN parts INTEGER;"
    "ALTER TABLE snapshots ADD COLUMN crc INTEGER;"
    "ALTER TABLE cursors ADD COLUMN crc INTEGER"
}
"""By the version that they start from. Rows without a checksum are taken as they are."""
OVERHEAD: Final = 64
"""Bytes that a record is counted for beside its data."""
_PAGE_BYTES: Final = 16_000_000
_NUMBERS: Final = struct.Struct("<5q")
COLUMNS: Final = "position, at, is_batch, batches, total, data, crc"


@dataclass(frozen=True, slots=True)
class Encoded:
    """A record as it lies in the table; ``is_batch``: it holds samples."""

    data: bytes
    is_batch: bool


class Row(NamedTuple):
    """One row of ``records``. ``batches`` and ``total`` count from the beginning, it included."""

    position: int
    at: int
    is_batch: int
    batches: int
    total: int
    data: bytes
    crc: int | None

    @classmethod
    def of(
        cls, position: int, *, at: int, is_batch: bool, batches: int, total: int, data: bytes
    ) -> "Row":
        row = cls(position, at, int(is_batch), batches, total, data, None)
        return row._replace(crc=row.checksum())

    def checksum(self) -> int:
        return zlib.crc32(self.data, zlib.crc32(_NUMBERS.pack(*self[:5])))

    @property
    def is_whole(self) -> bool:
        """As it was written; a damaged page may give anything, text for a number too."""
        try:
            return self.crc is None or self.crc == self.checksum()
        except (TypeError, struct.error):
            return False


def check_shape(connection: sqlite3.Connection) -> None:
    """NotWhole where the tables are others than ours: a byte turned in a name hides a table."""
    with contextlib.closing(sqlite3.connect(":memory:")) as ours:
        ours.executescript(SCHEMA)
        if _shape(connection) != _shape(ours):
            message = "its tables are not those that were made"
            raise NotWhole(message)


def _shape(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT m.name, m.rootpage, c.name, c.pk FROM sqlite_schema m, pragma_table_info(m.name) c"
        " WHERE m.type = 'table' ORDER BY m.name, c.cid"
    ).fetchall()


def page(connection: sqlite3.Connection, after: int, *, limit: int) -> list[Row]:
    """Rows behind ``after``: ``limit`` of them or about 16 MB, but one in any case."""
    rows: list[Row] = []
    size = 0
    found = connection.execute(
        f"SELECT {COLUMNS} FROM records WHERE position > ? ORDER BY position LIMIT ?",  # noqa: S608
        (after, limit),
    )
    for row in map(Row._make, found):
        rows.append(row)
        size += len(row.data)
        if size > _PAGE_BYTES:
            break
    found.close()
    return rows


class CursorRow(NamedTuple):
    name: str
    position: int
    crc: int | None

    @classmethod
    def of(cls, name: str, position: int) -> "CursorRow":
        return cls(name, position, _cursor_crc(name, position))

    @property
    def is_whole(self) -> bool:
        try:
            return self.crc is None or self.crc == _cursor_crc(self.name, self.position)
        except (TypeError, AttributeError, struct.error):
            return False


class SnapshotRow(NamedTuple):
    """One of the ``parts`` of a snapshot."""

    name: str
    number: int
    position: int
    data: bytes
    parts: int | None
    crc: int | None


def snapshot_rows(name: str, snapshot: Snapshot, *, chunk: int) -> list[SnapshotRow]:
    data, crc = snapshot.data, _snapshot_crc(snapshot)
    parts = [data[at : at + chunk] for at in range(0, max(len(data), 1), chunk)]
    return [
        SnapshotRow(name, number, snapshot.position, part, len(parts), crc)
        for number, part in enumerate(parts)
    ]


def whole_snapshot(rows: Sequence[SnapshotRow]) -> Snapshot | None:
    """The rows of one name, by their numbers, as what was saved; None where a part is missing or
    not as it was."""
    first = rows[0]
    parts = first.parts if first.parts is not None else len(rows)
    if [row.number for row in rows] != list(range(parts)):
        return None
    snapshot = Snapshot(min(row.position for row in rows), b"".join(row.data for row in rows))
    if first.crc is not None and first.crc != _snapshot_crc(snapshot):
        return None
    return snapshot


def load_snapshot(connection: sqlite3.Connection, name: str) -> Sequence[SnapshotRow]:
    found = connection.execute(
        "SELECT name, number, position, data, parts, crc FROM snapshots WHERE name = ?"
        " ORDER BY number",
        (name,),
    ).fetchall()
    return [SnapshotRow._make(row) for row in found]


def meta_get(connection: sqlite3.Connection, key: str) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def _cursor_crc(name: str, position: int) -> int:
    return zlib.crc32(name.encode(), zlib.crc32(struct.pack("<q", position)))


def _snapshot_crc(snapshot: Snapshot) -> int:
    return zlib.crc32(snapshot.data, zlib.crc32(struct.pack("<q", snapshot.position)))
