"""SQLite files that survive kill -9 and loss of power: WAL, synchronous=FULL, ours or refused."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from citypatrol.errors import ConfigError, Problem

_FULL: Final = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_SHMSIZE,
)
_NO_UPGRADES: Final = MappingProxyType[int, str]({})
_CORRUPT: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class NotWhole(sqlite3.DatabaseError):
    """SQLite sees nothing wrong, but a checksum of ours does."""


class DamagedFile(ConfigError):
    """The file is not what was written to it."""


def open_file(
    path: Path,
    *,
    schema: str,
    application: int,
    what: str,
    wait_s: float = 5.0,
    version: int = 1,
    upgrades: Mapping[int, str] = _NO_UPGRADES,
) -> sqlite3.Connection:
    """A connection in autocommit mode, with ``schema`` in place; for any one thread.

    Raises DamagedFile where the file is corrupt, ConfigError where it is another program's, of a
    newer version, or cannot be made; messages begin with ``what``. ``wait_s``: for others that
    write to the file. ``upgrades``: statements that bring a file from a version to the next.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            path, timeout=wait_s, isolation_level=None, check_same_thread=False
        )
    except (OSError, sqlite3.Error) as error:
        raise _refused(path, what, f"cannot be opened: {_words(error)}") from error
    try:
        _own(connection, path=path, application=application, version=version, what=what)
        _prepare(connection, schema, application=application, version=version, upgrades=upgrades)
    except sqlite3.Error as error:
        connection.close()
        raise unreadable(path, error, what=what) from error
    except ConfigError:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A second connection to a file that ``open_file`` has made; sqlite3.Error where it cannot."""
    connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA cache_size = -256")  # kB: a journal is read once, from end to end
    return connection


def is_full(error: sqlite3.Error) -> bool:
    """The disk (or the file's page limit) takes no more: what was not committed is not stored."""
    return getattr(error, "sqlite_errorcode", None) in _FULL


def is_corrupt(error: sqlite3.Error) -> bool:
    """The file cannot be read as what it was."""
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, NotWhole) or (code is not None and code & 0xFF in _CORRUPT)


def unreadable(path: Path, error: sqlite3.Error, *, what: str) -> ConfigError:
    """What to tell the person who must look after the file."""
    if is_corrupt(error):
        words = f"is damaged ({_words(error)}); move the file away, a new one is begun without it"
        return DamagedFile(_refused(path, what, words).problems)
    hint = "; is the disk full?" if is_full(error) else ""
    return _refused(path, what, f"cannot be used: {_words(error)}{hint}")


def _own(
    connection: sqlite3.Connection, *, path: Path, application: int, version: int, what: str
) -> None:
    """Refuse what is not ours; set up what is, or what is empty."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if owner != application and (owner or tables):
        raise _refused(path, what, "is another program's SQLite file; choose another path")
    if found > version:
        raise _refused(path, what, f"was written by a newer citypatrol (version {found})")


def _prepare(
    connection: sqlite3.Connection,
    schema: str,
    *,
    application: int,
    version: int,
    upgrades: Mapping[int, str],
) -> None:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    steps = [upgrades[step] for step in range(found, version)] if found else []
    mark = f"PRAGMA application_id = {application}; PRAGMA user_version = {version};"
    if found == version:
        mark = ""  # a full disk may keep us from writing, not from looking
    connection.executescript(f"BEGIN IMMEDIATE; {';'.join((*steps, schema))}; {mark} COMMIT")


def _refused(path: Path, what: str, words: str) -> ConfigError:
    return ConfigError([Problem(str(path), 0, 0, f"{what} {words}")])


def _words(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
