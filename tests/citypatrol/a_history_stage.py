"""The stage that writes the history, while a test looks on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from citypatrol.clock import ManualClock
from citypatrol.history.stage import HistoryStage
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import Record, SourceSeen
from tests.citypatrol.a_history import SEVEN

PUMP = SourceSeen(SEVEN, "pump-1", {"kind": "underpass"}, 30_000, 7_200_000)


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
