"""The tickets database: SQLite or PostgreSQL by URL, one active writer, migrated at the start."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, OperationalError
from sqlalchemy.pool import NullPool

from citypatrol.errors import Retry
from tickets.errors import SecondWriter, StoreError
from tickets.lock import FileLock
from tickets.migrate import require_newest, upgrade

_WRITER_LOCK: Final = 0x63697479  # "city": the advisory lock of the one writer, per database
_CONNECT_TIMEOUT_S: Final = 10


def _nothing(point: str) -> None:
    pass


class Store:
    """Connections to the tickets database. Blocking; safe to use from any thread.

    Promised: ``write`` is one transaction, durable when it returns, and only ever runs in the one
    process that holds the writer's lock. Not promised: that it did not commit where it raised
    ``Retry`` (the connection may have broken in the commit), so whoever repeats must be idempotent.

    ``busy_s`` is how long a SQLite file may be locked by somebody else's backup before ``Retry``.
    ``crash`` is called with "before commit" and "after commit": tests end the world there.
    """

    def __init__(
        self, url: str, *, busy_s: float = 10.0, crash: Callable[[str], None] = _nothing
    ) -> None:
        self._url = _parse(url)
        self._busy_s = busy_s
        self._crash = crash
        self._lock = threading.RLock()
        self._file_lock: FileLock | None = None
        self._writer: Connection | None = None
        self._engine: Engine | None = None
        self._readers: Engine | None = None

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return self._url.render_as_string(hide_password=True)

    def open(self) -> None:
        """Become the one writer and bring the tables up to date.

        Raises SecondWriter, StoreError (a database of a newer release), or Retry (unreachable).
        """
        with self._lock, self._translated():
            if self._engine is not None:
                return
            if self._is_sqlite:
                self._lock_file()
            self._engine = self._new_engine(begin="BEGIN IMMEDIATE", pooled=False)
            try:
                with self._connection(self._engine).begin() as transaction:
                    upgrade(transaction.connection, shown=self.shown)
            except BaseException:
                self.close()
                raise
            self._readers = self._new_engine(begin="BEGIN", pooled=True)

    def open_to_read(self) -> None:
        """For programs that only look: no lock. Raises StoreError where the tables are not there
        or of another release, Retry where the server is unreachable."""
        with self._lock, self._translated():
            if self._is_sqlite and not Path(self._url.database or "").exists():
                message = f"tickets database {self.shown}: no such file; `citypatrol run` makes it"
                raise StoreError(message)
            self._readers = self._new_engine(begin="BEGIN", pooled=True)
            try:
                with self.read() as connection:
                    require_newest(connection, shown=self.shown)
            except BaseException:
                self.close()
                raise

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction of the one writer; others of this process wait."""
        with self._lock, self._translated():
            if self._engine is None:
                message = f"tickets database {self.shown} is not open for writing"
                raise StoreError(message)
            connection = self._connection(self._engine)
            try:
                with connection.begin():
                    yield connection
                    self._crash("before commit")
            finally:
                if connection.invalidated:
                    self._drop_writer()
            self._crash("after commit")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view; never waits for the writer."""
        if self._readers is None:
            message = f"tickets database {self.shown} is not open"
            raise StoreError(message)
        with self._translated(), self._readers.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Give the lock back. May be called twice."""
        with self._lock:
            self._drop_writer()
            for engine in (self._engine, self._readers):
                if engine is not None:
                    engine.dispose()
            self._engine = self._readers = None
            if self._file_lock is not None:
                self._file_lock.release()
                self._file_lock = None

    @property
    def _is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    def _lock_file(self) -> None:
        path = Path(self._url.database or "")
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(path.name + ".lock"))
        lock.acquire()
        self._file_lock = lock

    def _connection(self, engine: Engine) -> Connection:
        """The one writing connection. On PostgreSQL its session holds the lock, so that whatever
        it writes, it writes as the one writer; a new session must first get the lock again."""
        if self._writer is not None and not self._is_sqlite and not _answers(self._writer):
            self._drop_writer()
        if self._writer is None:
            connection = engine.connect()
            try:
                if not self._is_sqlite:
                    self._lock_session(connection)
            except BaseException:
                connection.close()
                raise
            self._writer = connection
        return self._writer

    def _lock_session(self, connection: Connection) -> None:
        with connection.begin():
            # A writer that lost its power must not hold the lock for the kernel's two hours.
            connection.exec_driver_sql("SET tcp_keepalives_idle = 15")
            connection.exec_driver_sql("SET tcp_keepalives_interval = 5")
            connection.exec_driver_sql("SET tcp_keepalives_count = 3")
            lock = f"SELECT pg_try_advisory_lock({_WRITER_LOCK})"
            if not connection.exec_driver_sql(lock).scalar_one():
                message = (
                    f"tickets database {self.shown}: another process is its one writer already; "
                    "stop that one first, or use its HTTP API"
                )
                raise SecondWriter(message)

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _new_engine(self, *, begin: str, pooled: bool) -> Engine:
        if self._is_sqlite:
            engine = create_engine(
                self._url,
                hide_parameters=True,
                poolclass=None if pooled else NullPool,
                connect_args={"check_same_thread": False, "timeout": self._busy_s},
            )
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
            return engine
        return create_engine(
            self._url,
            hide_parameters=True,
            pool_pre_ping=True,
            poolclass=None if pooled else NullPool,
            isolation_level="REPEATABLE READ",  # one view for all statements of a read
            connect_args={"connect_timeout": _CONNECT_TIMEOUT_S},
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, InterfaceError) as error:
            server = "is the server up, and are user and password right?"
            way_out = "" if self._is_sqlite else f"; {server}"
            message = f"tickets database {self.shown}: {_first_line(error.orig)}{way_out}"
            raise Retry(message) from error
        except DatabaseError as error:
            if type(error.orig) is not sqlite3.DatabaseError:
                raise
            message = f"tickets database {self.shown}: {error.orig}; put back a copy of it"
            raise StoreError(message) from error


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        message = "tickets.url is no database URL; write sqlite:///data/tickets.db"
        raise StoreError(message) from None
    if parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return parsed
    if parsed.drivername == "postgresql+psycopg" and parsed.database:
        return parsed
    message = (
        f"tickets.url {parsed.render_as_string(hide_password=True)}: write "
        "sqlite:///data/tickets.db or postgresql+psycopg://user:password@host/database"
    )
    raise StoreError(message)


def _prepare_sqlite(connection: DBAPIConnection, _: object) -> None:
    connection.isolation_level = None  # transactions begin where we say, not at the first write
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _answers(connection: Connection) -> bool:
    """False where the session has ended while nobody used it: the server was restarted."""
    try:
        connection.exec_driver_sql("SELECT 1")
        connection.rollback()
    except (OperationalError, InterfaceError):
        return False
    return True


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().split("\n", 1)[0]
