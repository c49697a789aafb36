"""The database: one writer, outages, releases."""

import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from bench.servers.postgres import postgres
from citypatrol.errors import Retry
from tickets.errors import SecondWriter, StoreError
from tickets.rows import ticket_values
from tickets.schema import sequences, tickets
from tickets.store import Store

ROOT = Path(__file__).parents[2]


def put(store: Store, day: str) -> None:
    with store.write() as connection:
        connection.execute(insert(sequences).values(day=day, last=1))


def days(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.execute(select(sequences.c.day).order_by("day")).scalars())


def test_what_is_written_is_read_and_survives(url):
    store = Store(url)
    store.open()
    store.open()
    put(store, "a")
    assert days(store) == ["a"]
    store.close()
    store.close()
    store.open()
    assert days(store) == ["a"]
    store.close()


def test_an_error_rolls_everything_back(store):
    def fail() -> None:
        with store.write() as connection:
            connection.execute(insert(sequences).values(day="a", last=1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    put(store, "b")
    assert days(store) == ["b"]


@pytest.mark.parametrize(("point", "kept"), [("before commit", []), ("after commit", ["a"])])
def test_crash_points(url, point, kept):
    def crash(at: str) -> None:
        if at == point:
            raise KeyboardInterrupt

    store = Store(url, crash=crash)
    store.open()
    with pytest.raises(KeyboardInterrupt):
        put(store, "a")
    assert days(store) == kept
    store.close()


def test_a_reader_does_not_see_what_is_not_committed_and_does_not_wait(store):
    with store.write() as connection:
        connection.execute(insert(sequences).values(day="a", last=1))
        assert days(store) == []
    assert days(store) == ["a"]


def test_a_read_is_one_view(store):
    with store.read() as connection:
        query = select(sequences.c.day)
        assert connection.execute(query).all() == []
        put(store, "a")
        assert connection.execute(query).all() == []
    assert days(store) == ["a"]


def test_a_second_writer_is_refused_until_the_first_is_gone(url):
    first, second = Store(url), Store(url)
    first.open()
    with pytest.raises(SecondWriter, match="its one writer already; stop that one first"):
        second.open()
    put(first, "a")
    with pytest.raises(StoreError, match="is not open"):
        second.read().__enter__()
    first.close()
    second.open()
    assert days(second) == ["a"]
    second.close()


HOLD = """
import sys
from tickets.store import Store
Store(sys.argv[1]).open()
print("open", flush=True)
sys.stdin.read()
"""


def test_a_writer_in_another_process_holds_the_lock_until_kill_9(url):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "open\n"
        store = Store(url)
        whose = f"process {process.pid}" if url.startswith("sqlite") else "another process"
        with pytest.raises(SecondWriter, match=f"{whose} is its one writer"):
            store.open()
    finally:
        process.kill()
        process.communicate(timeout=30)
    for _ in range(300):
        try:
            store.open()
            break
        except SecondWriter:  # PostgreSQL notices within moments
            time.sleep(0.1)
    put(store, "a")
    store.close()


def test_a_second_reader_needs_no_lock(url, store):
    put(store, "a")
    reader = Store(url)
    reader.open_to_read()
    put(store, "b")
    assert days(reader) == ["a", "b"]
    with pytest.raises(StoreError, match="is not open for writing"):
        put(reader, "c")
    reader.close()


def test_a_reader_wants_the_tables(url, tmp_path):
    reader = Store(url)
    problem = "no such file" if url.startswith("sqlite") else "are not there, this release reads"
    with pytest.raises(StoreError, match=f"{problem}.*`citypatrol run`"):
        reader.open_to_read()
    assert list(tmp_path.iterdir()) == []


def test_tables_of_a_newer_release(url):
    store = Store(url)
    store.open()
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    with pytest.raises(StoreError, match=r"\(9999\) are from a newer release"):
        store.open()
    with pytest.raises(StoreError, match="are 9999, this release reads"):
        store.open_to_read()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "is no database URL"),
        ("nonsense", "is no database URL"),
        ("sqlite://", "write sqlite:///data/tickets.db"),
        ("sqlite:///:memory:", "write sqlite:///data/tickets.db"),
        ("mysql://u:canary@h/d", r"mysql://u:\*\*\*@h/d: write sqlite"),
        ("postgresql://u:canary@h/d", r"or postgresql\+psycopg://"),
        ("postgresql+psycopg://u:canary@h", r"or postgresql\+psycopg://"),
    ],
)
def test_urls_that_are_none(url, problem):
    with pytest.raises(StoreError, match=problem) as said:
        Store(url)
    assert "canary" not in str(said.value)


def test_a_server_that_is_not_there_is_a_retry_without_the_password():
    store = Store("postgresql+psycopg://u:canary@127.0.0.1:1/d")
    for open_ in (store.open, store.open_to_read):
        with pytest.raises(Retry, match="refused") as said:
            open_()
        assert "canary" not in str(said.value)
    assert store.shown == "postgresql+psycopg://u:***@127.0.0.1:1/d"


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "tickets.db").write_bytes(b"x" * 5000)
    with pytest.raises(StoreError, match="file is not a database"):
        Store(f"sqlite:///{tmp_path}/tickets.db").open()


def test_a_file_in_a_folder_that_is_not_there_yet(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/a/b/tickets.db")
    store.open()
    put(store, "a")
    store.close()


def test_sqlite_is_durable(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/tickets.db")
    store.open()
    with store.write() as connection:
        answers = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert answers == ["wal", 2, 1]
    store.close()


def test_an_outage_is_a_retry_and_the_lock_is_taken_again():
    with postgres() as server:
        url = server.url("outage")
        store = Store(url)
        store.open()
        put(store, "a")
        server.stop()
        with pytest.raises(Retry):
            put(store, "b")
        with pytest.raises(Retry):
            days(store)
        server.start()
        put(store, "c")
        assert days(store) == ["a", "c"]
        with pytest.raises(SecondWriter):
            Store(url).open()
        server.stop()
        server.start()
        other = Store(url)
        other.open()
        with pytest.raises(SecondWriter):
            put(store, "d")
        other.close()
        put(store, "e")
        store.close()


def test_a_session_that_ends_in_the_middle_of_a_transaction(server):
    store = Store(server.url("ended"))
    store.open()

    def write_and_lose() -> None:
        with store.write() as connection:
            me = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            with server.connect() as admin:
                admin.execute("SELECT pg_terminate_backend(%s)", [me])
            connection.execute(insert(sequences).values(day="a", last=1))

    with pytest.raises(Retry):
        write_and_lose()
    put(store, "b")
    assert days(store) == ["b"]
    store.close()


def test_two_open_tickets_of_one_key_are_impossible(city, fire):
    city.apply(fire())
    again = ticket_values(city.one()) | {"id": "ZZ-2"}
    with pytest.raises(IntegrityError), city.store.write() as connection:
        connection.execute(insert(tickets).values(again))
    for number, state in enumerate(("closed", "cancelled")):
        with city.store.write() as connection:
            ended = again | {"id": f"ZZ-{number}", "state": state}
            connection.execute(insert(tickets).values(ended))


def test_the_database_is_no_business_of_other_users_of_the_machine(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/tickets.db")
    store.open()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) & 0o022 for path in tmp_path.iterdir()}
    assert set(modes.values()) == {0}
    store.close()


def test_a_busy_file_is_a_retry(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/tickets.db", busy_s=0.1)
    store.open()
    stranger = sqlite3.connect(Path(tmp_path) / "tickets.db", isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    with pytest.raises(Retry, match="database is locked"):
        put(store, "a")
    stranger.execute("ROLLBACK")
    stranger.close()
    put(store, "b")
    store.close()
