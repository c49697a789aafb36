"""The SQLite journal on a full disk, and on a file that is none."""

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import structlog

from bench.contracts.journal import drain, ticks
from citypatrol.clock import ManualClock
from citypatrol.errors import ConfigError, Retry
from citypatrol.journal import JournalFull
from citypatrol.records import Tick
from tests.citypatrol.a_journal import DAY, MakeJournal, batch, fill, metric


def place(journal_path: Path, content: bytes | str) -> None:
    """A file of these bytes, or a database in which this was run."""
    journal_path.parent.mkdir()
    if isinstance(content, bytes):
        journal_path.write_bytes(content)
    else:
        connection = sqlite3.connect(journal_path)
        connection.execute(content)
        connection.close()


async def test_a_full_disk_stores_nothing_loses_nothing_and_recovers(
    make_journal: MakeJournal,
    journal_path: Path,
    files_end_at: Callable[[int], AbstractContextManager[None]],
) -> None:
    journal = make_journal()
    stored = [await journal.append([batch(n, size=50)]) for n in range(20)]

    async def record_stored(last: int) -> None:
        stored.append(last)

    with files_end_at(journal_path.with_name(journal_path.name + "-wal").stat().st_size + 100_000):
        with pytest.raises(JournalFull, match=r"journal\.db: .*; is the disk full\?"):
            await fill(journal, record_stored, size=50)
        with pytest.raises(JournalFull):
            await journal.append([batch(size=5_000)])
        assert len(await drain(journal, "rules")) == len(stored)
    assert await journal.end() == len(stored)
    assert await journal.append([batch(1, size=5_000)]) == len(stored) + 1
    await journal.close()
    assert len(await drain(make_journal(), "rules")) == len(stored) + 1


async def test_pruning_that_fails_is_told_and_tried_again(
    make_journal: MakeJournal,
    journal_path: Path,
    files_end_at: Callable[[int], AbstractContextManager[None]],
) -> None:
    clock = ManualClock(DAY)
    journal = make_journal(keep=0, clock=clock)
    await journal.append([batch(n, size=2_000) for n in range(200)])
    await journal.commit("rules", 200)
    await journal.close()
    again = make_journal(keep=0, clock=clock)
    await again.open()
    with structlog.testing.capture_logs() as logs, files_end_at(200_000):
        await again.meta_set("a", "1")
        await again.meta_set("a", "2")
    assert [line["event"] for line in logs] == ["journal cannot be pruned"]
    clock.advance(60_000)
    await again.meta_set("a", "3")
    await again.meta_set("a", "4")
    assert (await again.read("new"))[0].position == 200


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"this is no database, it only looks like a file" * 99, "journal is damaged"),
        ("CREATE TABLE other (x)", "journal is another program's SQLite file; choose another path"),
    ],
    ids=["rubbish", "another program's"],
)
async def test_a_file_that_is_no_journal(
    make_journal: MakeJournal, journal_path: Path, content: bytes | str, message: str
) -> None:
    place(journal_path, content)
    for _ in range(2):
        with pytest.raises(ConfigError) as caught:
            await make_journal().open()
        assert str(caught.value).startswith(f"{journal_path}: {message}")


async def test_tables_that_are_gone(make_journal: MakeJournal, journal_path: Path) -> None:
    journal = make_journal()
    await journal.append([Tick(1)])
    connection = sqlite3.connect(journal_path)
    connection.execute("DROP TABLE records")
    connection.close()
    with pytest.raises(Retry, match=r"journal .*: no such table: records"):
        await journal.read("rules")


async def test_a_record_that_cannot_be_read_is_skipped_loudly(
    make_journal: MakeJournal, journal_path: Path
) -> None:
    journal = make_journal()
    await journal.append([Tick(n) for n in range(1, 5)])
    await journal.close()
    with sqlite3.connect(journal_path) as connection:
        connection.execute("UPDATE records SET data = x'00ff', crc = NULL WHERE position IN (2, 3)")
    connection.close()
    labels = {"stage": "journal", "reason": "unreadable"}
    before = metric("citypatrol_dropped_total", **labels)
    again = make_journal()
    with structlog.testing.capture_logs() as logs:
        assert ticks(await again.read("rules")) == [1, 4]
        assert ticks(await again.read("rules", after=1)) == [4]
        assert ticks(await again.read("rules", after=2, limit=1)) == [4], "a page of nothing else"
    assert {line["position"] for line in logs} == {2, 3}
    assert metric("citypatrol_dropped_total", **labels) > before
