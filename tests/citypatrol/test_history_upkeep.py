"""Hours put together, old ones removed, and crashes meanwhile."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import structlog

from citypatrol.clock import ManualClock
from citypatrol.crashpoints import CrashPoint
from citypatrol.history.compact import SETTLED_MS, Merge, merge, plan, superseded
from citypatrol.history.layout import Footer, HistoryFile, Name
from citypatrol.history.reading import History
from citypatrol.history.upkeep import Upkeep
from citypatrol.records import Tick
from tests.citypatrol.a_history import (
    DAY,
    HOUR,
    SEVEN,
    batch,
    dies,
    entries,
    names,
    rows,
    values,
    write,
)

OVER = SEVEN + HOUR + SETTLED_MS


def file(number: int, size: int, *, hour: int = SEVEN, journal: str = "j1") -> HistoryFile:
    footer = Footer.new([(number + 1, number + 1)], journal=journal, late=0)
    return HistoryFile(Path(), Name(hour, number), rows=1, size=size, footer=footer)


PLANS: dict[str, tuple[list[HistoryFile], int, list[list[int]]]] = {
    "an hour that is open": ([file(0, 9), file(1, 9)], OVER - 1, []),
    "an hour that is over": ([file(1, 9), file(0, 9), file(2, 1)], OVER, [[0, 1, 2]]),
    "one file": ([file(0, 9)], OVER, []),
    "a little late": ([file(0, 900), file(1, 9)], OVER, []),
    "an eighth late": ([file(0, 80), file(1, 9), file(2, 1)], OVER, [[0, 1, 2]]),
    "eight small ones": (
        [file(0, 9000), *(file(n, 9) for n in range(1, 9))],
        OVER,
        [list(range(1, 9))],
    ),
    "two hours": (
        [file(0, 9, hour=SEVEN + HOUR), file(3, 9, hour=SEVEN + HOUR), file(0, 9), file(1, 9)],
        OVER + HOUR,
        [[0, 1], [0, 3]],
    ),
    "two journals": ([file(0, 9), file(1, 9, journal="j2")], OVER, []),
}


@pytest.mark.parametrize(("files", "now", "expected"), PLANS.values(), ids=PLANS)
def test_what_is_put_together(
    files: list[HistoryFile], now: int, expected: list[list[int]]
) -> None:
    merges = plan(files, now=now)
    assert [[one.number for one in merge.files] for merge in merges] == expected
    assert [merge.files[0].hour for merge in merges] == sorted(m.files[0].hour for m in merges)


def an_hour(folder: Path) -> None:
    """Three files, with a name that each has and others has not."""
    write(folder, entries(batch((SEVEN + 5, 1.0), (SEVEN, 2.0)), Tick(SEVEN)))
    write(folder, entries(batch((SEVEN + 5, 3.0), source="pump-2"), first=3))
    write(folder, entries(batch((SEVEN + 6, 4.0)), first=4))


def upkeep(folder: Path, *, keep: int = 90 * DAY) -> Upkeep:
    return Upkeep(folder, keep=keep, clock=ManualClock(OVER))


def test_one_file_holds_the_rows_of_all_in_their_order(tmp_path: Path) -> None:
    an_hour(tmp_path)
    before = rows(tmp_path)
    upkeep(tmp_path).once(OVER, threading.Event())
    assert names(tmp_path) == ["2026-05-13T07.parquet"]
    assert rows(tmp_path) == before
    (whole,) = History(tmp_path).files()
    assert (whole.rows, whole.footer.late, whole.footer.positions) == (4, 1, ((1, 4),))
    assert History(tmp_path).verify(now=OVER) == []


def test_late_rows_after_that_begin_a_further_file(tmp_path: Path) -> None:
    an_hour(tmp_path)
    upkeep(tmp_path).once(OVER, threading.Event())
    assert [str(name) for name in write(tmp_path, entries(batch((SEVEN, 9.0)), first=5))] == [
        "2026-05-13T07.1.parquet"
    ]
    upkeep(tmp_path).once(OVER, threading.Event())
    assert values(tmp_path) == [1.0, 2.0, 3.0, 4.0, 9.0]


CRASHES = {CrashPoint.HISTORY_COMPACT_WRITTEN: 0, CrashPoint.HISTORY_COMPACT_RENAMED: 2}
MERGE = """
import sys, threading
from pathlib import Path
from tests.citypatrol.test_history_upkeep import OVER, upkeep
upkeep(Path(sys.argv[1])).once(OVER, threading.Event())
"""


@pytest.mark.parametrize(("at", "double"), CRASHES.items(), ids=list(CRASHES))
def test_a_crash_meanwhile_leaves_rows_twice_at_most(
    at: CrashPoint, double: int, tmp_path: Path
) -> None:
    an_hour(tmp_path)
    dies(MERGE, tmp_path, at=at)
    left = values(tmp_path)
    assert set(left) == {1.0, 2.0, 3.0, 4.0}
    assert len(left) == 4 + double
    assert len(superseded(History(tmp_path).files())) == double
    upkeep(tmp_path).once(OVER, threading.Event())
    assert values(tmp_path) == [1.0, 2.0, 3.0, 4.0]


def test_it_leaves_when_told(tmp_path: Path) -> None:
    an_hour(tmp_path)
    stop = threading.Event()
    stop.set()
    assert not merge(Merge(tuple(History(tmp_path).files())), stop=stop)
    upkeep(tmp_path).once(OVER, stop)
    assert len(names(tmp_path)) == 3


def test_a_damaged_file_keeps_its_hour_as_it_is(tmp_path: Path) -> None:
    an_hour(tmp_path)
    path = tmp_path / "2026-05-13T07.1.parquet"
    data = bytearray(path.read_bytes())
    data[40] ^= 0xFF
    path.write_bytes(data)
    one = upkeep(tmp_path)
    with structlog.testing.capture_logs() as logs:
        one.once(OVER, threading.Event())
        one.once(OVER, threading.Event())
    assert len(names(tmp_path)) == 3
    (error,) = (log for log in logs if log["log_level"] == "error")  # once, not every time
    assert error["why"].startswith(f"{path} cannot be read")


def test_a_full_disk_keeps_the_hour_as_it_is(
    tmp_path: Path, files_end_at: Callable[[int], AbstractContextManager[None]]
) -> None:
    an_hour(tmp_path)
    with files_end_at(500), structlog.testing.capture_logs() as logs:
        upkeep(tmp_path).once(OVER, threading.Event())
    assert [log["event"] for log in logs] == ["files of an hour cannot be put together"]
    assert len(names(tmp_path)) == 3


def test_what_is_older_than_keep_goes(tmp_path: Path) -> None:
    for hours in (0, 1, 2, 26, 50):
        at = SEVEN + hours * HOUR
        write(tmp_path, entries(batch((at, 1.0)), Tick(at), first=1 + 2 * hours))
    newest = SEVEN + 51 * HOUR
    assert upkeep(tmp_path, keep=49 * HOUR).prune(newest - 1) == 1
    assert names(tmp_path)[0] == "2026-05-13T08.parquet"
    assert upkeep(tmp_path, keep=26 * HOUR).prune(newest) == 3
    assert names(tmp_path) == ["2026-05-14T09.parquet", "2026-05-15T09.parquet"]
    assert names(tmp_path / "control") == ["2026-05-14.jsonl", "2026-05-15.jsonl"]


def test_a_clock_that_leaps_removes_nothing(tmp_path: Path) -> None:
    an_hour(tmp_path)
    assert upkeep(tmp_path, keep=DAY).prune(SEVEN + 3650 * DAY) == 0
    assert upkeep(tmp_path / "control").prune(SEVEN) == 0


async def test_it_runs_beside_the_writer_until_the_stop(tmp_path: Path) -> None:
    an_hour(tmp_path)
    stop = asyncio.Event()
    task = asyncio.create_task(
        Upkeep(tmp_path, keep=DAY, clock=ManualClock(OVER), first_s=0.0).run(stop)
    )
    async with asyncio.timeout(20):
        while len(names(tmp_path)) > 1:
            await asyncio.sleep(0.02)
        stop.set()
        await task


async def test_a_stop_does_not_wait_for_an_hour_that_is_put_together(tmp_path: Path) -> None:
    many = batch(*((SEVEN + n % 1000, float(n)) for n in range(270_000)))
    for position in (1, 2):
        write(tmp_path, entries(many, first=position))
    stop = asyncio.Event()
    task = asyncio.create_task(
        Upkeep(tmp_path, keep=DAY, clock=ManualClock(OVER), first_s=0.0).run(stop)
    )
    async with asyncio.timeout(20):
        while not any(name.endswith(".tmp") for name in names(tmp_path)):
            await asyncio.sleep(0.001)
        stop.set()
        await task
        assert sum(name.endswith(".parquet") for name in names(tmp_path)) == 2
        while any(name.endswith(".tmp") for name in names(tmp_path)):
            await asyncio.sleep(0.01)
    assert sum(file.rows for file in History(tmp_path).files()) == 540_000
