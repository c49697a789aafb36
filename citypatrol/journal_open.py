"""Opening a journal as it was left: after a stop, a crash, or damage."""

import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from citypatrol import metrics
from citypatrol.clock import Ts
from citypatrol.journal_rows import APPLICATION, SCHEMA, UPGRADES, VERSION, check_shape
from citypatrol.journal_salvage import Salvaged, finish, salvage
from citypatrol.journal_table import Table
from citypatrol.journal_wal import Cut, recover_wal
from citypatrol.sqlitefile import DamagedFile, open_file, unreadable

WHAT: Final = "journal"
Unreadable = Callable[[int, bytes, str], None]
"""Told of a record whose bytes are there and cannot be read: position, bytes, reason."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Retention:
    """What a journal keeps, as ``Table`` has it."""

    holds: Sequence[str]
    keep: int
    max_size: int


def open_table(
    path: Path, retention: Retention, *, at: Ts, unreadable: Unreadable
) -> tuple[sqlite3.Connection, Table]:
    """The file's one writer. A damaged file is put aside, and what can be read of it goes on.

    Raises ConfigError where that cannot be; nobody else may have the file open.
    """
    finish(path)
    cut = Cut()
    with contextlib.suppress(sqlite3.Error):  # what is damaged here is damaged in a moment too
        cut = recover_wal(path)
    try:
        connection, table = _opened(path, retention)
    except DamagedFile as error:
        log.error("the journal is damaged: it is read as far as it can be", error=str(error))
        return mend_table(path, retention, at=at, unreadable=unreadable)
    if cut.frames:
        _tell_cut(cut, path=path, after=table.end)
    if cut.committed:
        connection.execute("BEGIN IMMEDIATE")
        table.leave_gap(behind=table.end, at=at)
        connection.execute("COMMIT")
    return connection, table


def mend_table(
    path: Path, retention: Retention, *, at: Ts, unreadable: Unreadable
) -> tuple[sqlite3.Connection, Table]:
    """As ``open_table``, where damage was met: the file is salvaged, whatever it looks like."""
    finish(path)
    _tell(salvage(path, at=at), path=path, unreadable=unreadable)
    return _opened(path, retention)


def _opened(path: Path, retention: Retention) -> tuple[sqlite3.Connection, Table]:
    _look(path)
    connection = open_file(
        path,
        schema=SCHEMA,
        application=APPLICATION,
        what=WHAT,
        version=VERSION,
        upgrades=UPGRADES,
    )
    try:
        return connection, Table(
            connection,
            holds=retention.holds,
            keep=retention.keep,
            max_size=retention.max_size,
        )
    except sqlite3.Error as error:
        connection.close()
        raise unreadable(path, error, what=WHAT) from error


def _look(path: Path) -> None:
    """Before anything is written: a table whose name has changed must not be made a second time."""
    if not path.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            (owner,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if (owner, version) == (APPLICATION, VERSION):
                check_shape(connection)
    except sqlite3.Error as error:
        raise unreadable(path, error, what=WHAT) from error


def _tell(salvaged: Salvaged, *, path: Path, unreadable: Unreadable) -> None:
    metrics.DROPPED.labels(WHAT, "damaged").inc(salvaged.lost)
    log.error(
        "the journal was damaged: what could be read goes on in a new file",
        path=str(path),
        kept=salvaged.kept,
        lost=salvaged.lost,
        cursors=salvaged.cursors,
        lost_snapshots=list(salvaged.snapshots),
        damaged_file=str(salvaged.aside),
    )
    for position, data in salvaged.unreadable:
        unreadable(position, data, "damaged on the disk")


def _tell_cut(cut: Cut, *, path: Path, after: int) -> None:
    if not cut.committed:
        log.info("a commit that a crash had cut short is not there", path=str(path))
        return
    metrics.DROPPED.labels(WHAT, "log_cut").inc(cut.frames)
    log.error(
        "the journal's write-ahead log was damaged and is cut: records behind this position are"
        " gone",
        path=str(path),
        after=after,
        pages=cut.frames,
    )
