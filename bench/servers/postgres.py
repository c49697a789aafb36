"""A real PostgreSQL in a temporary folder: ``with postgres() as server: server.url("name")``.

It refuses to run as root, so as root it runs as the user ``postgres`` of its package.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from bench.servers.free_port import free_port
from bench.servers.need import need

_USER = "city"


class Postgres:
    """One server on one free port. ``stop`` and ``start`` again keep its data: an outage."""

    def __init__(self, folder: Path, *, program: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._as_user = _unprivileged(folder)
        self._port = free_port()

    def initialise(self) -> None:
        done = subprocess.run(
            [
                *(self._program.with_name("initdb"), "-D", self._data, "-U", _USER),
                *("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"),
            ],
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=120,
            **self._as_user,
        )
        if done.returncode:
            message = f"initdb failed: {done.stderr[-2000:]}"
            raise RuntimeError(message)

    def start(self, *, timeout_s: float = 60) -> None:
        """Returns when the server answers a query."""
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self._program, "-D", self._data, "-p", str(self._port)),
                    *("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="),
                    *("-c", "fsync=off", "-c", "shared_buffers=16MB"),
                ],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self._as_user,
            )
        deadline = time.monotonic() + timeout_s
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                said = (self._folder / "server.log").read_text(errors="replace")[-2000:]
                message = f"PostgreSQL did not answer within {timeout_s:.0f} s:\n{said}"
                raise RuntimeError(message)
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends every session at once, and keeps the data (PostgreSQL's fast shutdown)."""
        self._end(signal.SIGINT, within_s=60)

    def kill(self) -> None:
        """Ends it as a crash does: nothing is written any more."""
        self._end(signal.SIGQUIT, within_s=10)

    def _end(self, how: signal.Signals, *, within_s: float) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(20)
        self._process = None

    def url(self, database: str) -> str:
        """The URL of this database, for ``tickets.url``; made where it is not there yet, and
        emptied where it is."""
        with self.connect() as connection:
            there = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [database]
            ).fetchone()
            if there is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        with self.connect(database) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return f"postgresql+psycopg://{_USER}@127.0.0.1:{self._port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """A session of the server's owner, each statement its own transaction."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self._port,
            user=_USER,
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def _answers(self) -> bool:
        try:
            with self.connect() as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False


def _unprivileged(folder: Path) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam("postgres")
    shutil.chown(folder, account.pw_uid, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """Skips by name where PostgreSQL is not installed."""
    program = need("postgres")
    with tempfile.TemporaryDirectory(prefix="citypatrol-postgres-") as folder:
        server = Postgres(Path(folder), program=program)
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.kill()
