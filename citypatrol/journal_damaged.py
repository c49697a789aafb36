"""Reading a damaged journal: every row that can still be read, whatever lies between them."""

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from citypatrol.journal_rows import APPLICATION, SCHEMA, VERSION, check_shape
from citypatrol.sqlitefile import is_corrupt, open_file

FARTHEST: Final = 2**48
"""No journal has so many records: a row id behind it is damage."""
_PAGE_SIZE: Final = 4096
_UNREADABLE: Final = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_ERROR)


def open_damaged(path: Path) -> sqlite3.Connection:
    """To read, whatever the file says of its own length; by a copy with our own first page where
    its own cannot be read."""
    connection = _opened(path)
    try:
        check_shape(connection)
    except sqlite3.Error as error:
        connection.close()
        _must_be_unreadable(error)
        return _opened(_with_our_first_page(path))
    return connection


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA writable_schema = ON")  # or a file that was cut is not read at all
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def _with_our_first_page(path: Path) -> Path:
    """Every journal has the same tables at the same pages: the first one can be made anew."""
    copy = patched(path)
    remove(copy)
    open_file(copy, schema=SCHEMA, application=APPLICATION, what="", version=VERSION).close()
    ours = bytearray(copy.read_bytes()[:_PAGE_SIZE])
    shutil.copyfile(path, copy)
    log = path.with_name(path.name + "-wal")
    if log.exists():
        shutil.copyfile(log, copy.with_name(copy.name + "-wal"))
    ours[28:32] = (copy.stat().st_size // _PAGE_SIZE).to_bytes(4)
    ours[32:40] = bytes(8)  # no page is free: nothing is written to this copy
    ours[92:96] = ours[24:28]
    with copy.open("r+b") as file:
        file.write(ours)
    return copy


def edge_of(source: sqlite3.Connection, order: Literal["ASC", "DESC"]) -> int:
    """The first or the last position, whole or not; 0 where that cannot be read."""
    query = f"SELECT position FROM records ORDER BY position {order} LIMIT 1"  # noqa: S608
    with contextlib.suppress(sqlite3.Error):
        for (position,) in source.execute(query):
            return int(position) if position < FARTHEST else 0
    return 0


def rows_of(source: sqlite3.Connection, table: str, columns: str) -> Iterator[tuple[Any, ...]]:
    """The row id and the columns of every row that can be read, around what cannot."""
    query = f"SELECT rowid, {columns} FROM {table} NOT INDEXED WHERE rowid >= ? ORDER BY rowid"  # noqa: S608
    start, tried = 0, -1
    while True:
        last = start - 1
        try:
            for row in source.execute(query, (start,)):
                if last < row[0] < FARTHEST:
                    last = row[0]
                yield row
        except (sqlite3.Error, UnicodeDecodeError) as error:
            _must_be_unreadable(error)
        else:
            return
        found = _next(source, table, last + 1)
        if found is None:
            return
        # A row may be found whose columns cannot be read: then the next try begins behind it.
        start = found + 1 if found == tried else found
        tried = found


def _next(source: sqlite3.Connection, table: str, start: int) -> int | None:
    """The row id at ``start`` or behind it where there is something to read again; None where
    there is nothing to the end."""
    bad, good, step = start - 1, start, 1
    while not _can_seek(source, table, good):
        bad, good, step = good, good + step, 2 * step
        if good > FARTHEST:
            return None
    while good - bad > 1:
        middle = (good + bad) // 2
        if _can_seek(source, table, middle):
            good = middle
        else:
            bad = middle
    return _sought(source, table, good)


def _can_seek(source: sqlite3.Connection, table: str, start: int) -> bool:
    try:
        _sought(source, table, start)
    except sqlite3.Error as error:
        _must_be_unreadable(error)
        return False
    return True


def _sought(source: sqlite3.Connection, table: str, start: int) -> int | None:
    query = f"SELECT rowid FROM {table} NOT INDEXED WHERE rowid >= ? ORDER BY rowid LIMIT 1"  # noqa: S608
    row = source.execute(query, (start,)).fetchone()
    return None if row is None or row[0] > FARTHEST else max(start, row[0])


def patched(path: Path) -> Path:
    """The copy that ``open_damaged`` may make; whoever opened removes it."""
    return path.with_name(f"{path.name}.readable")


def remove(path: Path) -> None:
    """A database with all that lies beside it."""
    for suffix in ("-wal", "-shm", "-journal", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _must_be_unreadable(error: Exception) -> None:
    """Damage is what we are here for; everything else goes on up."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    damage = isinstance(error, sqlite3.Error) and (is_corrupt(error) or code in _UNREADABLE)
    if not damage and not isinstance(error, UnicodeDecodeError):
        raise error
