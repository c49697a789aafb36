"""The journal into Parquet: no crash loses a row, late ones are marked, disks are waited for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas
import pyarrow.parquet as pq
import pytest
import structlog

from citypatrol import metrics
from citypatrol.clock import ManualClock
from citypatrol.crashpoints import CrashPoint
from citypatrol.history.layout import SCHEMA
from citypatrol.history.reading import History
from citypatrol.history.stage import HistoryStage
from citypatrol.journal import Snapshot
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import ModeSwitched, Record, SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from tests.citypatrol.a_history import DAY, HOUR, SEVEN, batch, dies, names, rows, values

PUMP = SourceSeen(SEVEN, "pump-1", {"kind": "underpass"}, 30_000, 7_200_000)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    journal = SqliteJournal(tmp_path / "journal.db")
    yield journal
    await journal.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "history"


def stage(journal: SqliteJournal, folder: Path, **options: Any) -> HistoryStage:
    clock = ManualClock(SEVEN)
    return HistoryStage(journal, folder, clock=clock, **{"gather_s": 0.02, **options})


@asynccontextmanager
async def running(one: HistoryStage) -> AsyncIterator[None]:
    """Stopped at the end, which writes what is left."""
    stop = asyncio.Event()
    task = asyncio.create_task(one.run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 20)


async def all_written(journal: SqliteJournal, folder: Path, *records: Record) -> None:
    await journal.append(records)
    async with running(stage(journal, folder)):
        pass
    assert await journal.committed("history") == await journal.end()


def write_text(path: Path, text: str) -> None:
    path.write_text(text)


def remove(path: Path) -> None:
    path.unlink()


def marked(folder: Path) -> dict[float, bool]:
    """Whether each value came late."""
    table = pq.read_table(sorted(folder.glob("*.parquet")))
    return {row["value"]: row["late"] for row in table.to_pylist()}


def control_files(folder: Path) -> list[Path]:
    return list(folder.glob("control/*"))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def test_columns_names_and_what_analysts_read(journal: SqliteJournal, folder: Path) -> None:
    pictures = Batch.of(
        [
            Sample("cam-1/north", "traffic_light.lit", SEVEN + 5, 0.02, "ab" * 32),
            Sample("pump-1", "water_level", SEVEN + 6, 12.5),
        ]
    )
    await all_written(journal, folder, PUMP, batch((SEVEN, 1.0), (SEVEN + HOUR, 2.0)), pictures)
    assert names(folder) == ["2026-05-13T07.parquet", "2026-05-13T08.parquet"]
    table = pq.read_table(folder / "2026-05-13T07.parquet")
    assert table.schema.equals(SCHEMA)
    assert table.schema.names == ["source", "metric", "ts", "value", "evidence", "late"]

    all_files = f"'{folder}/*.parquet'"
    counted = duckdb.sql(
        f"SELECT metric, count(*), max(value) FROM {all_files} GROUP BY 1 ORDER BY 1"
    )
    assert counted.fetchall() == [("traffic_light.lit", 1, 0.02), ("water_level", 3, 12.5)]
    frame = pandas.read_parquet(folder / "2026-05-13T07.parquet")
    assert frame["source"].tolist() == ["pump-1", "cam-1/north", "pump-1"]
    assert frame["ts"].iloc[0] == datetime(2026, 5, 13, 7, tzinfo=UTC)
    assert frame["evidence"].tolist()[1] == "ab" * 32
    assert frame["late"].tolist() == [False, False, True]
    assert History(folder).verify(now=SEVEN) == []


async def test_names_are_sorted_and_rows_are_not(journal: SqliteJournal, folder: Path) -> None:
    spoken = ["b", "c", "a", "b", "a"]
    first, second = (
        Batch.of(Sample(source, "x", SEVEN + n, float(n)) for n, source in part)
        for part in (list(enumerate(spoken))[:3], list(enumerate(spoken))[3:])
    )
    await all_written(journal, folder, first, second)
    (file,) = History(folder).files()
    column = pq.read_table(file.path).column("source").combine_chunks()
    assert column.dictionary.to_pylist() == ["a", "b", "c"]
    assert column.to_pylist() == spoken


async def test_each_time_is_a_further_file_in_order_of_arrival(
    journal: SqliteJournal, folder: Path
) -> None:
    await all_written(journal, folder, batch((SEVEN + 2, 1.0)), batch((SEVEN + 1, 2.0)))
    await all_written(journal, folder, batch((SEVEN + 3, 3.0)))
    await all_written(journal, folder, batch((SEVEN, 4.0)))
    assert names(folder) == [
        "2026-05-13T07.1.parquet",
        "2026-05-13T07.2.parquet",
        "2026-05-13T07.parquet",
    ]
    assert values(folder) == [1.0, 2.0, 3.0, 4.0]
    files = History(folder).files()
    assert [(file.number, file.rows, file.first, file.last) for file in files] == [
        (0, 2, 1, 2),
        (1, 1, 3, 3),
        (2, 1, 4, 4),
    ]


async def test_late_rows_are_marked_over_a_restart(journal: SqliteJournal, folder: Path) -> None:
    await all_written(journal, folder, PUMP, batch((SEVEN + 60_000, 1.0), (SEVEN + 30_000, 2.0)))
    late = batch((SEVEN + 29_999, 3.0), (SEVEN + 30_001, 4.0), (SEVEN - 1, 5.0))
    prompt = batch((SEVEN + 9, 6.0), (SEVEN + 8, 7.0), source="pump-2")
    await all_written(journal, folder, late, prompt)
    assert marked(folder) == {
        1.0: False, 2.0: False, 3.0: True, 4.0: False, 5.0: True, 6.0: False, 7.0: True,
    }  # fmt: skip
    assert {str(file.name): file.footer.late for file in History(folder).files()} == {
        "2026-05-13T06.parquet": 1,
        "2026-05-13T07.parquet": 0,
        "2026-05-13T07.1.parquet": 2,
    }


async def test_control_records_by_their_day(journal: SqliteJournal, folder: Path) -> None:
    midnight = SEVEN - 7 * HOUR + DAY
    await all_written(
        journal, folder, PUMP, Tick(midnight - 1), ModeSwitched(midnight, "flood"), Tick(midnight)
    )
    first, second = (folder / "control" / f"2026-05-{day}.jsonl" for day in (13, 14))
    assert first.read_text().splitlines() == [
        '{"position":1,"type":"source","ts":1778655600000,"source":"pump-1",'
        '"labels":{"kind":"underpass"},"lateness":30000,"stale":7200000}',
        '{"position":2,"type":"tick","ts":1778716799999}',
    ]
    assert [said.position for said in History(folder).controls(since=0, until=midnight + 1)] == [
        1, 2, 3, 4,
    ]  # fmt: skip
    assert len(second.read_text().splitlines()) == 2
    assert names(folder) == []


async def test_an_open_hour_is_written_by_time_and_by_rows(
    journal: SqliteJournal, folder: Path
) -> None:
    async with running(stage(journal, folder, flush_s=0.1)):
        await journal.append([batch((SEVEN, 1.0))])
        await until(lambda: folder.is_dir() and len(names(folder)) == 1)
        await journal.append([batch((SEVEN, 2.0))])
        await until(lambda: len(names(folder)) == 2)
    async with running(stage(journal, folder, flush_rows=3)):
        await journal.append([batch((SEVEN, 3.0), (SEVEN, 4.0))])
        await asyncio.sleep(0.3)
        assert len(names(folder)) == 2
        await journal.append([batch((SEVEN, 5.0))])
        await until(lambda: len(names(folder)) == 3)
    assert values(folder) == [1.0, 2.0, 3.0, 4.0, 5.0]


async def test_sources_that_introduce_themselves_are_written_by_their_size(
    journal: SqliteJournal, folder: Path
) -> None:
    async with running(stage(journal, folder, flush_bytes=1_000)):
        await journal.append([SourceSeen(SEVEN, "ws-1", {"name": "x" * 100}, 0, 0)])
        await asyncio.sleep(0.3)
        assert not control_files(folder)
        await journal.append([SourceSeen(SEVEN, f"ws-{n}", {}, 0, 0) for n in range(2, 20)])
        await until(lambda: control_files(folder))
        written = History(folder).controls(since=0, until=10**15)
        assert [said.position for said in written] == list(range(1, 20))


async def test_rows_are_counted_once(journal: SqliteJournal, folder: Path) -> None:
    def count() -> float:
        return (
            metrics.REGISTRY.get_sample_value("citypatrol_samples_total", {"stage": "history"}) or 0
        )

    before, late = count(), metrics.REGISTRY.get_sample_value("citypatrol_late_total")
    await all_written(journal, folder, batch((SEVEN, 1.0), (SEVEN - 1, 2.0)))
    assert count() == before + 2
    assert metrics.REGISTRY.get_sample_value("citypatrol_late_total") == late  # the rules count it


async def test_a_disk_that_takes_nothing_is_waited_for(
    journal: SqliteJournal,
    folder: Path,
    files_end_at: Callable[[int], AbstractContextManager[None]],
) -> None:
    given = batch(*((SEVEN + n, n / 7) for n in range(5000)))
    await journal.append([given, Tick(SEVEN)])
    one = stage(journal, folder, flush_s=0.0)
    with structlog.testing.capture_logs() as logs:
        async with running(one):
            with files_end_at(5_000):
                await until(lambda: one.waiting_for() is not None)
                assert names(folder) == []
                assert await journal.committed("history") == 0
            await until(lambda: one.waiting_for() is None)
    assert await journal.committed("history") == 2
    assert len(rows(folder)) == 5000
    lines = (folder / "control" / "2026-05-13.jsonl").read_text().splitlines()
    assert len(lines) == 1
    (failed, *_), again = (
        [log for log in logs if "cannot be written" in log["event"]],
        [log for log in logs if "written again" in log["event"]],
    )
    assert failed["rows"] == 5000
    assert "File too large" in failed["error"]
    assert len(again) == 1


async def test_a_disk_that_takes_half_a_line_is_waited_for(
    journal: SqliteJournal,
    folder: Path,
    files_end_at: Callable[[int], AbstractContextManager[None]],
) -> None:
    await all_written(journal, folder, Tick(SEVEN))
    (before,) = (folder / "control").iterdir()
    await journal.append([Tick(SEVEN + 1), Tick(SEVEN + 2)])
    one = stage(journal, folder, flush_s=0.0)
    with structlog.testing.capture_logs():
        async with running(one):
            with files_end_at(before.stat().st_size + 60):
                await until(lambda: one.waiting_for() is not None)
                assert len(before.read_bytes().splitlines()) == 1
            await until(lambda: one.waiting_for() is None)
    assert [said.position for said in History(folder).controls(since=0, until=10**15)] == [1, 2, 3]


async def test_a_torn_line_is_cut_at_the_next_start(journal: SqliteJournal, folder: Path) -> None:
    await all_written(journal, folder, Tick(SEVEN))
    path = folder / "control" / "2026-05-13.jsonl"
    with path.open("ab") as file:
        file.write(b'{"position":2,"ty')
    await all_written(journal, folder, Tick(SEVEN + 1))
    assert [said.position for said in History(folder).controls(since=0, until=10**15)] == [1, 2]
    assert History(folder).verify(now=SEVEN) == []


async def test_a_stop_does_not_wait_for_a_disk(journal: SqliteJournal, folder: Path) -> None:
    write_text(folder, "in the way")
    await journal.append([batch((SEVEN, 1.0))])
    one = stage(journal, folder)
    async with running(one):
        await until(lambda: one.waiting_for() is not None)
    assert await journal.committed("history") == 0
    remove(folder)
    async with running(one):
        pass
    assert values(folder) == [1.0]


async def test_a_damaged_memory_is_told_and_nothing_is_lost(
    journal: SqliteJournal, folder: Path
) -> None:
    await all_written(journal, folder, batch((SEVEN + 5, 1.0)))
    await journal.save_snapshot("history", Snapshot(1, b'{"journal":"x","sizes":[[0,3]]}\nabc'))
    with structlog.testing.capture_logs() as logs:
        await all_written(journal, folder, batch((SEVEN, 2.0)))
    assert any("told anew" in log["event"] for log in logs)
    assert marked(folder) == {1.0: False, 2.0: False}


async def test_a_snapshot_ahead_of_the_cursor_is_where_it_goes_on(
    journal: SqliteJournal, folder: Path
) -> None:
    """A crash between the two: the files hold what the snapshot has applied."""
    await all_written(journal, folder, batch((SEVEN, 1.0)))
    saved = await journal.load_snapshot("history")
    assert saved is not None
    await journal.append([batch((SEVEN, 2.0)), batch((SEVEN, 3.0))])
    await journal.save_snapshot("history", Snapshot(2, saved.data))
    async with running(stage(journal, folder)):
        pass
    assert values(folder) == [1.0, 3.0]


async def test_a_snapshot_beyond_the_end_is_of_a_journal_that_lost_records(
    journal: SqliteJournal, folder: Path
) -> None:
    await journal.save_snapshot("history", Snapshot(7, b"{}"))
    await all_written(journal, folder, batch((SEVEN, 1.0)))
    assert values(folder) == [1.0]


async def test_half_written_files_of_ours_are_removed_at_the_start(
    journal: SqliteJournal, folder: Path
) -> None:
    await all_written(journal, folder, batch((SEVEN, 1.0)))
    for name in ("2026-05-13T07.parquet.tmp", "2026-05-13T07.1.parquet.merge.tmp", "notes.tmp"):
        write_text(folder / name, "PAR1")
    await all_written(journal, folder, batch((SEVEN, 2.0)))
    assert names(folder) == ["2026-05-13T07.1.parquet", "2026-05-13T07.parquet", "notes.tmp"]
    assert values(folder) == [1.0, 2.0]


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
    at: CrashPoint, times: str, journal: SqliteJournal, folder: Path
) -> None:
    dies(WRITE, folder.parent, at=at)
    async with running(stage(journal, folder)):
        pass
    assert await journal.committed("history") == await journal.end()
    found = values(folder)
    assert set(found) == {0.0, 2.0}
    assert len(found) == {"once": 4, "twice": 8}[times]
    assert History(folder).verify(now=SEVEN) == []
    assert not [name for name in names(folder) if not name.endswith(".parquet")]
