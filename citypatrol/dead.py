"""The dead-letter store: what could not be used, with its reason, visible and replayable."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import structlog

from citypatrol import metrics
from citypatrol.clock import Ts
from citypatrol.crashpoints import CrashPoint, crash_point
from citypatrol.errors import Retry
from citypatrol.sqlitefile import is_corrupt, open_file, unreadable

Kind = Literal["message", "line", "delivery", "incident", "batch"]
"""An MQTT message, a line of line protocol, a webhook delivery, an incident, a batch."""

MAX_BYTES: Final = 2_000_000_000
_OVERHEAD: Final = 200
_APPLICATION: Final = 0x43504454  # "CPDT"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS letters (
  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, origin TEXT NOT NULL,
  reason TEXT NOT NULL, payload BLOB NOT NULL, at INTEGER NOT NULL, note TEXT NOT NULL,
  size INTEGER NOT NULL, dropped INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS letters_by_kind ON letters (dropped, kind, id);
CREATE TABLE IF NOT EXISTS deeds (
  id INTEGER PRIMARY KEY AUTOINCREMENT, letter INTEGER NOT NULL, deed TEXT NOT NULL,
  who TEXT NOT NULL, at INTEGER NOT NULL, note TEXT NOT NULL, reason TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS deeds_by_letter ON deeds (letter)
"""
_WHAT: Final = "dead-letter store"
_LIST: Final = """
SELECT id, kind, origin, reason, payload, at, note FROM letters
WHERE dropped = 0 AND (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR id < ?2)
ORDER BY id DESC LIMIT ?3
"""
_GET: Final = "SELECT id, kind, origin, reason, payload, at, note FROM letters WHERE id = ?"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One thing set aside. ``origin``: a topic, endpoint or ticket; ``at``: when it was set aside;
    ``note``: of whoever dropped it. ``id`` grows; 0 before it is stored."""

    kind: Kind
    origin: str
    reason: str
    payload: bytes
    at: Ts
    note: str = ""
    id: int = 0


class DeadStore:
    """Letters in a SQLite file of their own. Durable when ``put`` returns; safe from any thread,
    and from another process (the command line) beside this one.

    Holds at most ``max_bytes``: then the oldest go, counted in ``citypatrol_dropped_total`` and
    logged. Every method raises ``Retry`` while the disk does not answer, ConfigError for a damaged
    file.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._bytes: int | None = None

    def put(
        self, kind: Kind, *, origin: str, reason: str, payload: bytes, at: Ts, note: str = ""
    ) -> int:
        """Set one thing aside; its id."""
        return self.put_many([DeadLetter(kind, origin, reason, payload, at, note)])[0]

    def put_many(self, letters: Iterable[DeadLetter]) -> tuple[int, ...]:
        """Set many aside, all or none; their ids in the same order."""
        given = tuple(letters)
        with self.writing() as connection:
            size = self._total(connection) + sum(map(_size, given))
            ids = tuple(_insert(connection, letter) for letter in given)
            gone, freed = _make_room(connection, size - self._max_bytes, newest=min(ids, default=0))
            self._bytes = size - freed
            crash_point(CrashPoint.DEAD_PUT_BEFORE)
        crash_point(CrashPoint.DEAD_PUT_AFTER)
        for letter in given:
            metrics.DEAD.labels(letter.kind).inc()
        if gone:
            metrics.DROPPED.labels("dead", "store_full").inc(gone)
            log.error(
                "dead-letter store is full, its oldest letters are gone",
                gone=gone,
                path=str(self._path),
                max_bytes=self._max_bytes,
            )
        return ids

    def list(
        self, kind: Kind | None = None, *, limit: int = 100, before: int | None = None
    ) -> Sequence[DeadLetter]:
        """Letters that were not dropped, newest first; ``before``: with smaller ids only."""
        with self.reading() as connection:
            rows = connection.execute(_LIST, (kind, before, limit)).fetchall()
        return [letter_of(row) for row in rows]

    def get(self, id: int) -> DeadLetter | None:
        """The letter, dropped or not; None where there is none."""
        with self.reading() as connection:
            row = connection.execute(_GET, (id,)).fetchone()
        return None if row is None else letter_of(row)

    def drop(self, id: int, *, note: str) -> bool:
        """Done with: no longer listed or counted. False: not there. ``citypatrol.dead_desk`` does
        so in somebody's name."""
        with self.writing() as connection:
            changed = connection.execute(
                "UPDATE letters SET dropped = 1, note = ? WHERE id = ? AND dropped = 0", (note, id)
            ).rowcount
        return changed == 1

    def counts(self) -> Mapping[str, int]:
        """How many letters of each kind were not dropped."""
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT kind, count(*) FROM letters WHERE dropped = 0 GROUP BY kind"
            ).fetchall()
        return dict(rows)

    def prune(self, before: Ts) -> int:
        """Delete dropped letters set aside before that time, and what was done before it; how many
        letters."""
        with self.writing() as connection:
            connection.execute("DELETE FROM deeds WHERE at < ?", (before,))
            pruned = connection.execute(
                "DELETE FROM letters WHERE dropped = 1 AND at < ?", (before,)
            ).rowcount
            self._bytes = None
        return pruned

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The file, for ``citypatrol.dead_desk``; nobody else writes or reads meanwhile."""
        with self._lock:
            if self._connection is None:
                self._connection = open_file(
                    self._path, schema=_SCHEMA, application=_APPLICATION, what=_WHAT
                )
            try:
                yield self._connection
            except sqlite3.Error as error:
                if is_corrupt(error):
                    raise unreadable(self._path, error, what=_WHAT) from error
                message = f"{_WHAT} {self._path}: {error}"
                raise Retry(message) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The same in one transaction."""
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    self._bytes = None
                    connection.execute("ROLLBACK")

    def _total(self, connection: sqlite3.Connection) -> int:
        if self._bytes is None:
            (self._bytes,) = connection.execute("SELECT sum(size) FROM letters").fetchone()
        return self._bytes or 0


def _size(letter: DeadLetter) -> int:
    return len(letter.payload) + len(letter.origin) + len(letter.reason) + _OVERHEAD


def _insert(connection: sqlite3.Connection, letter: DeadLetter) -> int:
    origin, reason, note = map(storable, (letter.origin, letter.reason, letter.note))
    row = connection.execute(
        "INSERT INTO letters (kind, origin, reason, payload, at, note, size)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (letter.kind, origin, reason, letter.payload, letter.at, note, _size(letter)),
    )
    return int(row.lastrowid or 0)


def storable(text: str) -> str:
    """Text out of broken bytes may hold half characters, which no file takes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _make_room(connection: sqlite3.Connection, excess: int, *, newest: int) -> tuple[int, int]:
    """Delete from the oldest on, dropped ones first, until ``excess`` bytes are free."""
    gone = freed = 0
    while freed < excess:
        row = connection.execute(
            "SELECT id, size FROM letters WHERE id < ? ORDER BY dropped DESC, id LIMIT 1",
            (newest,),
        ).fetchone()
        if row is None:
            break
        connection.execute("DELETE FROM letters WHERE id = ?", row[:1])
        gone += 1
        freed += row[1]
    return gone, freed


def letter_of(row: tuple[int, Kind, str, str, bytes, int, str]) -> DeadLetter:
    id, kind, origin, reason, payload, at, note = row
    return DeadLetter(kind, origin, reason, payload, at, note, id)
