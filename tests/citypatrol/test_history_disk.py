"""The journal into Parquet over disks that refuse, torn lines and crashes: no row is lost."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import structlog

from citypatrol.crashpoints import CrashPoint
from citypatrol.history.reading import History
from citypatrol.journal import Snapshot
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import Tick
from tests.citypatrol.a_history import SEVEN, batch, dies, names, rows, values
from tests.citypatrol.a_history_stage import all_written, marked, running, stage, until


def write_text(path: Path, text: str) -> None:
    path.write_text(text)


def remove(path: Path) -> None:
    path.unlink()


async def test_a_disk_that_takes_nothing_is_waited_for(
    history_journal: SqliteJournal,
    history_folder: Path,
    files_end_at: Callable[[int], AbstractContextManager[None]],
) -> None:
    given = batch(*((SEVEN + n, n / 7) for n in range(5000)))
    await history_journal.append([given, Tick(SEVEN)])
    one = stage(history_journal, history_folder, flush_s=0.0)
    with structlog.testing.capture_logs() as logs:
        async with running(one):
            with files_end_at(5_000):
                await until(lambda: one.waiting_for() is not None)
                assert names(history_folder) == []
                assert await history_journal.committed("history") == 0
            await until(lambda: one.waiting_for() is None)
    assert await history_journal.committed("history") == 2
    assert len(rows(history_folder)) == 5000
    lines = (history_folder / "control" / "2026-05-13.jsonl").read_text().splitlines()
    assert len(lines) == 1
    (failed, *_), again = (
        [log for log in logs if "cannot be written" in log["event"]],
        [log for log in logs if "written again" in log["event"]],
    )
    assert failed["rows"] == 5000
    assert "File too large" in failed["error"]
    assert len(again) == 1


async def test_a_disk_that_takes_half_a_line_is_waited_for(
    history_journal: SqliteJournal,
    history_folder: Path,
    files_end_at: Callable[[int], AbstractContextManager[None]],
) -> None:
    await all_written(history_journal, history_folder, Tick(SEVEN))
    (before,) = (history_folder / "control").iterdir()
    await history_journal.append([Tick(SEVEN + 1), Tick(SEVEN + 2)])
    one = stage(history_journal, history_folder, flush_s=0.0)
    with structlog.testing.capture_logs():
        async with running(one):
            with files_end_at(before.stat().st_size + 60):
                await until(lambda: one.waiting_for() is not None)
                assert len(before.read_bytes().splitlines()) == 1
            await until(lambda: one.waiting_for() is None)
    assert [said.position for said in History(history_folder).controls(since=0, until=10**15)] == [
        1,
        2,
        3,
    ]


async def test_a_torn_line_is_cut_at_the_next_start(
    history_journal: SqliteJournal, history_folder: Path
) -> None:
    await all_written(history_journal, history_folder, Tick(SEVEN))
    path = history_folder / "control" / "2026-05-13.jsonl"
    with path.open("ab") as file:
        file.write(b'{"position":2,"ty')
    await all_written(history_journal, history_folder, Tick(SEVEN + 1))
    assert [said.position for said in History(history_folder).controls(since=0, until=10**15)] == [
        1,
        2,
    ]
    assert History(history_folder).verify(now=SEVEN) == []


async def test_a_stop_does_not_wait_for_a_disk(
    history_journal: SqliteJournal, history_folder: Path
) -> None:
    write_text(history_folder, "in the way")
    await history_journal.append([batch((SEVEN, 1.0))])
    one = stage(history_journal, history_folder)
    async with running(one):
        await until(lambda: one.waiting_for() is not None)
    assert await history_journal.committed("history") == 0
    remove(history_folder)
    async with running(one):
        pass
    assert values(history_folder) == [1.0]


async def test_a_damaged_memory_is_told_and_nothing_is_lost(
    history_journal: SqliteJournal, history_folder: Path
) -> None:
    await all_written(history_journal, history_folder, batch((SEVEN + 5, 1.0)))
    await history_journal.save_snapshot(
        "history", Snapshot(1, b'{"journal":"x","sizes":[[0,3]]}\nabc')
    )
    with structlog.testing.capture_logs() as logs:
        await all_written(history_journal, history_folder, batch((SEVEN, 2.0)))
    assert any("told anew" in log["event"] for log in logs)
    assert marked(history_folder) == {1.0: False, 2.0: False}


async def test_a_snapshot_ahead_of_the_cursor_is_where_it_goes_on(
    history_journal: SqliteJournal, history_folder: Path
) -> None:
    """A crash between the two: the files hold what the snapshot has applied."""
    await all_written(history_journal, history_folder, batch((SEVEN, 1.0)))
    saved = await history_journal.load_snapshot("history")
    assert saved is not None
    await history_journal.append([batch((SEVEN, 2.0)), batch((SEVEN, 3.0))])
    await history_journal.save_snapshot("history", Snapshot(2, saved.data))
    async with running(stage(history_journal, history_folder)):
        pass
    assert values(history_folder) == [1.0, 3.0]


async def test_a_snapshot_beyond_the_end_is_of_a_journal_that_lost_records(
    history_journal: SqliteJournal, history_folder: Path
) -> None:
    await history_journal.save_snapshot("history", Snapshot(7, b"{}"))
    await all_written(history_journal, history_folder, batch((SEVEN, 1.0)))
    assert values(history_folder) == [1.0]


async def test_half_written_files_of_ours_are_removed_at_the_start(
    history_journal: SqliteJournal, history_folder: Path
) -> None:
    await all_written(history_journal, history_folder, batch((SEVEN, 1.0)))
    for name in ("2026-05-13T07.parquet.tmp", "2026-05-13T07.1.parquet.merge.tmp", "notes.tmp"):
        write_text(history_folder / name, "PAR1")
    await all_written(history_journal, history_folder, batch((SEVEN, 2.0)))
    assert names(history_folder) == [
        "2026-05-13T07.1.parquet",
        "2026-05-13T07.parquet",
        "notes.tmp",
    ]
    assert values(history_folder) == [1.0, 2.0]


WRITE = """
import asyncio, sys
from pathlib import Path
from citypatrol.clock import ManualClock
from citypatrol.history.stage import HistoryStage
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import Tick
from tests.citypatrol.a_history import HOUR, SEVEN, batch

async def main(folder):
    journal = SqliteJournal(folder / "journal.db")
    for number in range(3):
        rows = [(SEVEN + number, number), (SEVEN + HOUR, number)]
        await journal.append([batch(*rows), Tick(SEVEN + number)][number % 2 :])
    stop = asyncio.Event()
    stop.set()
    await HistoryStage(journal, folder / "history", clock=ManualClock(SEVEN)).run(stop)
    await journal.close()

asyncio.run(main(Path(sys.argv[1])))
"""
CRASHES = {
    CrashPoint.HISTORY_WRITTEN: "once",
    CrashPoint.HISTORY_RENAMED: "twice",
    CrashPoint.JOURNAL_SNAPSHOT_AFTER: "once",
}


@pytest.mark.parametrize(("at", "times"), CRASHES.items(), ids=list(CRASHES))
async def test_a_crash_loses_no_row(
    at: CrashPoint, times: str, history_journal: SqliteJournal, history_folder: Path
) -> None:
    dies(WRITE, history_folder.parent, at=at)
    async with running(stage(history_journal, history_folder)):
        pass
    assert await history_journal.committed("history") == await history_journal.end()
    found = values(history_folder)
    assert set(found) == {0.0, 2.0}
    assert len(found) == {"once": 4, "twice": 8}[times]
    assert History(history_folder).verify(now=SEVEN) == []
    assert not [name for name in names(history_folder) if not name.endswith(".parquet")]
