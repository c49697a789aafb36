"""How the journal lies in SQLite, and what is read from it.

Records carry running totals (of batches, of bytes), so that lag and size are differences of two
rows and never a scan.
"""

import sqlite3
from dataclasses import dataclass
from typing import Final

from citypatrol.journal import Snapshot

APPLICATION: Final = 0x43504A4E  # "CPJN"
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS records (
  position INTEGER PRIMARY KEY, at INTEGER NOT NULL, is_batch INTEGER NOT NULL,
  batches INTEGER NOT NULL, total INTEGER NOT NULL, data BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS cursors (name TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS snapshots (
  name TEXT NOT NULL, number INTEGER NOT NULL, position INTEGER NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (name, number)
) STRICT;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT
"""
OVERHEAD: Final = 64
"""Bytes that a record is counted for beside its data."""
_PAGE_BYTES: Final = 16_000_000


@dataclass(frozen=True, slots=True)
class Encoded:
    """A record as it lies in the table; ``is_batch``: it holds samples."""

    data: bytes
    is_batch: bool


def page(connection: sqlite3.Connection, after: int, *, limit: int) -> list[tuple[int, bytes]]:
    """Positions and data behind ``after``: ``limit`` rows or about 16 MB, but one in any case."""
    rows: list[tuple[int, bytes]] = []
    size = 0
    found = connection.execute(
        "SELECT position, data FROM records WHERE position > ? ORDER BY position LIMIT ?",
        (after, limit),
    )
    for row in found:
        rows.append(row)
        size += len(row[1])
        if size > _PAGE_BYTES:
            break
    found.close()
    return rows


def load_snapshot(connection: sqlite3.Connection, name: str) -> Snapshot | None:
    rows = connection.execute(
        "SELECT position, data FROM snapshots WHERE name = ? ORDER BY number", (name,)
    ).fetchall()
    if not rows:
        return None
    return Snapshot(min(row[0] for row in rows), b"".join(row[1] for row in rows))


def meta_get(connection: sqlite3.Connection, key: str) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])
