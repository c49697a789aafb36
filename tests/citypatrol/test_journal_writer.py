import sqlite3
import threading
from concurrent.futures import wait
from pathlib import Path

import pytest

from citypatrol.clock import ManualClock
from citypatrol.journal_rows import APPLICATION, SCHEMA, Encoded
from citypatrol.journal_table import Table
from citypatrol.journal_writer import Stored, Writer
from citypatrol.sqlitefile import open_file


class Commits:
    """What the writer said is stored, commit by commit."""

    def __init__(self) -> None:
        self.said: list[Stored] = []

    def __call__(self, stored: Stored) -> None:
        self.said.append(stored)
        if stored.end == 13:
            message = "nobody listens"
            raise RuntimeError(message)


@pytest.fixture
def commits() -> Commits:
    return Commits()


def nothing() -> tuple[sqlite3.Connection, Table]:
    message = "nothing was damaged"
    raise AssertionError(message)


@pytest.fixture
def writer(tmp_path: Path, commits: Commits) -> Writer:
    path = tmp_path / "journal.db"
    connection = open_file(path, schema=SCHEMA, application=APPLICATION, what="journal")
    table = Table(connection, holds=("rules",), keep=0, max_size=10**9)
    return Writer(
        connection, table, path=path, clock=ManualClock(0), stored=commits, mended=nothing
    )


def one(table: Table) -> int:
    return table.append([Encoded(b"x", is_batch=True)], at=0)


def test_all_that_waits_shares_one_commit(writer: Writer, commits: Commits) -> None:
    futures = [writer.submit(one) for _ in range(200)]
    writer.start()
    writer.stop()
    assert [future.result() for future in futures] == list(range(1, 201))
    assert [stored.end for stored in commits.said] == [0, 200]


def test_a_job_that_breaks_is_alone_with_it(writer: Writer) -> None:
    def half_done(table: Table) -> None:
        one(table)
        message = "broken"
        raise KeyError(message)

    first, broken, last = writer.submit(one), writer.submit(half_done), writer.submit(one)
    writer.start()
    writer.stop()
    assert (first.result(), last.result()) == (1, 2)
    with pytest.raises(KeyError, match="broken"):
        broken.result()


def test_a_refusal_undoes_nothing_of_others(writer: Writer, commits: Commits) -> None:
    futures = [
        writer.submit(one),
        writer.submit(lambda table: table.commit("rules", 9)),
        writer.submit(lambda table: table.commit("rules", 1)),
    ]
    writer.start()
    writer.stop()
    assert isinstance(futures[1].exception(), ValueError)
    assert commits.said == [Stored(0, 1, {}), Stored(1, 1, {"rules": 1})]


def test_what_was_given_up_before_its_turn_is_not_done(writer: Writer) -> None:
    futures = [writer.submit(one) for _ in range(3)]
    assert futures[1].cancel()
    writer.start()
    writer.stop()
    assert [futures[0].result(), futures[2].result()] == [1, 2]


def test_a_listener_that_breaks_leaves_nobody_waiting(writer: Writer) -> None:
    twelve = writer.submit(lambda table: [one(table) for _ in range(12)])
    writer.start()
    twelve.result(timeout=30)
    with pytest.raises(RuntimeError, match="nobody listens"):
        writer.submit(one).result(timeout=30)
    assert writer.submit(one).result(timeout=30) == 14
    writer.stop()


def test_more_than_a_group_is_done_too(writer: Writer) -> None:
    futures = [writer.submit(one) for _ in range(1_100)]
    writer.start()
    threads = [
        threading.Thread(target=lambda: futures.append(writer.submit(one))) for _ in range(9)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait(futures, timeout=60)
    writer.stop()
    assert sorted(future.result() for future in futures) == list(range(1, 1_110))
