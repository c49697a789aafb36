import sqlite3
from pathlib import Path

import pytest

from citypatrol.errors import ConfigError
from citypatrol.sqlitefile import is_corrupt, is_full, open_file, open_for_reading

SCHEMA = "CREATE TABLE IF NOT EXISTS t (x INTEGER) STRICT"


def opened(path: Path, *, application: int = 77) -> sqlite3.Connection:
    return open_file(path, schema=SCHEMA, application=application, what="store", wait_s=0.2)


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_it_survives_loss_of_power_by_its_settings(tmp_path: Path) -> None:
    connection = opened(tmp_path / "a" / "b.db")
    assert pragma(connection, "journal_mode") == "wal"
    assert pragma(connection, "synchronous") == 2, "FULL: each commit is on the disk"
    assert pragma(connection, "application_id") == 77
    assert pragma(connection, "user_version") == 1
    connection.close()


def test_a_reader_sees_commits_and_writes_nothing(tmp_path: Path) -> None:
    writer = opened(tmp_path / "a.db")
    reader = open_for_reading(tmp_path / "a.db")
    writer.execute("INSERT INTO t VALUES (1)")
    assert reader.execute("SELECT x FROM t").fetchall() == [(1,)]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("INSERT INTO t VALUES (2)")
    reader.close()
    writer.close()


def test_another_applications_file_is_left_alone(tmp_path: Path) -> None:
    opened(tmp_path / "a.db", application=5).close()
    before = (tmp_path / "a.db").read_bytes()
    with pytest.raises(ConfigError, match="store is another program's SQLite file"):
        opened(tmp_path / "a.db")
    assert (tmp_path / "a.db").read_bytes() == before


def test_a_file_that_may_not_be_written(tmp_path: Path) -> None:
    opened(tmp_path / "a.db").close()
    with sqlite3.connect(tmp_path / "a.db") as blocker:
        blocker.execute("PRAGMA locking_mode = EXCLUSIVE")
        blocker.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConfigError, match="store cannot be used: database is locked"):
            opened(tmp_path / "a.db")
    blocker.close()


@pytest.mark.parametrize(
    ("code", "full", "corrupt"),
    [
        (sqlite3.SQLITE_FULL, True, False),
        (sqlite3.SQLITE_IOERR_WRITE, True, False),
        (sqlite3.SQLITE_CORRUPT, False, True),
        (sqlite3.SQLITE_CORRUPT_INDEX, False, True),
        (sqlite3.SQLITE_NOTADB, False, True),
        (sqlite3.SQLITE_BUSY, False, False),
        (None, False, False),
    ],
)
def test_kinds_of_errors(code: int | None, full: bool, corrupt: bool) -> None:
    error = sqlite3.OperationalError("x")
    if code is not None:
        error.sqlite_errorcode = code
    assert is_full(error) is full
    assert is_corrupt(error) is corrupt
