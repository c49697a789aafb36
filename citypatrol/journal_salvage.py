"""A new journal out of a damaged one: what can be read goes on, at its old positions.

Why like this: docs/decisions/a-damaged-journal.md.
"""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from citypatrol.clock import Ts
from citypatrol.errors import ConfigError, Problem
from citypatrol.journal_damaged import edge_of, open_damaged, patched, remove, rows_of
from citypatrol.journal_rows import (
    APPLICATION,
    COLUMNS,
    OVERHEAD,
    SCHEMA,
    VERSION,
    CursorRow,
    Row,
    SnapshotRow,
    whole_snapshot,
)
from citypatrol.journal_table import Table

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Salvaged:
    """``kept`` and ``lost`` records; ``lost`` counts positions between the first and the last one
    that anything knows of: at least so many. ``unreadable``: rows whose bytes are there and not as
    written. ``snapshots``: names of those that are lost. ``aside``: the damaged file."""

    kept: int
    lost: int
    unreadable: Sequence[tuple[int, bytes]]
    snapshots: Sequence[str]
    cursors: int
    aside: Path


def salvage(path: Path, *, at: Ts) -> Salvaged:
    """Puts a new journal in the damaged one's place, and the damaged one aside. Nobody may have it
    open. A crash in between is made good by the next call, or by ``finish``.

    Raises ConfigError where nothing can be read or there is no room for a second file.
    """
    new = _new(path)
    remove(new)
    try:
        with contextlib.closing(open_damaged(path)) as source:
            found = _copy(source, new, at=at)
    except (OSError, sqlite3.Error) as error:
        remove(new)
        raise _hopeless(path, str(error)) from error
    finally:
        remove(patched(path))
    if found is None:
        remove(new)
        raise _hopeless(path, "nothing in it can be read")
    aside = _put_aside(path)
    finish(path)
    return Salvaged(*found, aside)


def finish(path: Path) -> None:
    """Puts a salvaged journal that is whole in its place, where a crash has kept it from there."""
    new = _new(path)
    if not new.exists():
        return
    with contextlib.closing(sqlite3.connect(new)) as connection:
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error:
            version = 0
    if version != VERSION:
        remove(new)
        return
    for suffix in ("-wal", "-shm"):  # the old log must not be taken for the new file's
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    new.replace(path)
    _sync(path.parent)


def _copy(
    source: sqlite3.Connection, new: Path, *, at: Ts
) -> tuple[int, int, list[tuple[int, bytes]], list[str], int] | None:
    found = (CursorRow._make(row) for _, *row in rows_of(source, "cursors", "name, position, crc"))
    cursors = [row for row in found if row.is_whole]
    facts = [(str(key), str(value)) for _, key, value in rows_of(source, "meta", "key, value")]
    snapshots, torn = _snapshots(source)
    connection = sqlite3.connect(new, isolation_level=None)
    with contextlib.closing(connection):
        connection.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {SCHEMA}")
        connection.execute("BEGIN")
        table = Table(connection, holds=(), keep=0, max_size=0)
        kept, first, last, unreadable = _copy_records(source, table)
        heard_of = [row.position for row in cursors] + [row.position for row in snapshots]
        known = max(last, edge_of(source, "DESC"), *heard_of)
        if not (kept or cursors or facts or snapshots):
            return None
        table.reload()
        table.leave_gap(behind=known, at=at)
        connection.executemany(
            "INSERT OR REPLACE INTO cursors (name, position, crc) VALUES (?, ?, ?)", cursors
        )
        connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", facts)
        connection.executemany(
            "INSERT INTO snapshots (name, number, position, data, parts, crc)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            snapshots,
        )
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute("COMMIT")
        _sync(new)
        connection.execute(f"PRAGMA user_version = {VERSION}")  # from here on it is whole
    _sync(new)
    # Where an end is gone, nothing says how long it was.
    gone = sum(edge_of(source, order) == 0 for order in ("ASC", "DESC"))
    lost = max(0, known - first + 1 - kept) if first else known
    return kept, max(lost, gone), unreadable, torn, len(cursors)


def _copy_records(
    source: sqlite3.Connection, table: Table
) -> tuple[int, int, int, list[tuple[int, bytes]]]:
    """How many, the first and the last position, and what is not as it was written."""
    kept = first = last = batches = total = 0
    rows: list[Row] = []
    unreadable: list[tuple[int, bytes]] = []
    for _, *found in rows_of(source, "records", COLUMNS):
        row = Row._make(found)
        if not row.is_whole or row.position <= last:
            if isinstance(row.data, bytes):
                unreadable.append((row.position, row.data))
            continue
        batches, total = batches + row.is_batch, total + len(row.data) + OVERHEAD
        rows.append(
            Row.of(
                row.position,
                at=row.at,
                is_batch=bool(row.is_batch),
                batches=batches,
                total=total,
                data=row.data,
            )
        )
        kept, first, last = kept + 1, first or row.position, row.position
        if len(rows) >= _AT_ONCE:
            table.put(rows)
            rows.clear()
    table.put(rows)
    return kept, first, last, unreadable


def _snapshots(source: sqlite3.Connection) -> tuple[list[SnapshotRow], list[str]]:
    """The rows of whole ones; the names of the others."""
    by_name: dict[str, list[SnapshotRow]] = {}
    columns = "name, number, position, data, parts, crc"
    for _, *found in rows_of(source, "snapshots", columns):
        row = SnapshotRow._make(found)
        by_name.setdefault(str(row.name), []).append(row)
    whole: list[SnapshotRow] = []
    torn = []
    for name, rows in by_name.items():
        rows.sort(key=lambda row: row.number)
        try:
            good = whole_snapshot(rows) is not None
        except TypeError:
            good = False
        if good:
            whole += rows
        else:
            torn.append(name)
    return whole, torn


def _put_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("-wal", ""):
        old = path.with_name(path.name + suffix)
        if old.exists():
            _link(old, aside.with_name(aside.name + suffix))
    _sync(path.parent)
    return aside


def _link(old: Path, new: Path) -> None:
    try:
        new.hardlink_to(old)
    except OSError:  # some file systems have none
        shutil.copyfile(old, new)


def _new(path: Path) -> Path:
    return path.with_name(f"{path.name}.salvaged")


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _hopeless(path: Path, why: str) -> ConfigError:
    message = (
        f"journal is damaged and cannot be salvaged ({why}); make room for a second file of its"
        " size, or move it away: a new one is begun without it"
    )
    return ConfigError([Problem(str(path), 0, 0, message)])
