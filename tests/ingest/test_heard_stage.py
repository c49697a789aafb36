import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from citypatrol import metrics
from citypatrol.clock import SystemClock
from citypatrol.journal import JournalFull, Snapshot
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import SourceSeen
from citypatrol.samples import Batch, Sample
from ingest.heard import Heard
from ingest.heard_stage import SNAPSHOT, HeardStage

T = 1_778_630_531_480


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    found = SqliteJournal(tmp_path / "journal.db", clock=SystemClock())
    yield found
    await found.close()


def _batch(*sources: str, ts: int = T) -> Batch:
    return Batch.of(Sample(source, "m", ts, 1.5) for source in sources)


async def _run_and_stop(stage: HeardStage) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(stage.run(stop))
    await asyncio.sleep(0)
    stop.set()
    await asyncio.wait_for(task, 10)


async def test_at_the_stop_it_is_kept_for_the_next_start(journal: SqliteJournal) -> None:
    stage = HeardStage(journal)
    assert stage.waiting_for() is None
    stage.take([_batch("a", "b")], at=T + 5)
    await _run_and_stop(stage)
    again = HeardStage(journal)
    await again.load()
    assert again.series_of("a") == stage.series_of("a") != []
    assert list(again.totals().names) == ["a", "b"]


async def test_nothing_new_is_not_written(journal: SqliteJournal) -> None:
    await _run_and_stop(HeardStage(journal))
    assert await journal.load_snapshot(SNAPSHOT) is None


async def test_what_cannot_be_read_is_no_disaster(journal: SqliteJournal) -> None:
    await journal.save_snapshot(SNAPSHOT, Snapshot(0, b"rubbish"))
    stage = HeardStage(journal)
    await stage.load()
    stage.take([_batch("a")], at=T)
    assert len(stage.series_of("a")) == 1


class FullOnce(SqliteJournal):
    """A disk that has no room, and then has."""

    full = True

    async def save_snapshot(self, name: str, snapshot: Snapshot) -> None:
        if self.full:
            message = "no room"
            raise JournalFull(message)
        await super().save_snapshot(name, snapshot)


async def test_a_journal_that_is_full_is_asked_again(tmp_path: Path) -> None:
    journal = FullOnce(tmp_path / "journal.db", clock=SystemClock())
    stage = HeardStage(journal)
    stage.take([_batch("a")], at=T)
    await stage.save()
    assert await journal.load_snapshot(SNAPSHOT) is None
    journal.full = False
    await stage.save()
    assert await journal.load_snapshot(SNAPSHOT) is not None
    await journal.close()


async def test_a_flood_is_counted(journal: SqliteJournal) -> None:
    labels = {"stage": "heard", "reason": "forgotten"}
    before = metrics.REGISTRY.get_sample_value("citypatrol_dropped_total", labels) or 0.0
    stage = HeardStage(journal, heard=Heard(most=100))
    for n in range(30):
        stage.take([_batch(*(f"x{n}-{k}" for k in range(10)))], at=T + n)
    after = metrics.REGISTRY.get_sample_value("citypatrol_dropped_total", labels) or 0.0
    assert after - before == 300 - len(stage.totals())
    assert len(stage.totals()) <= 100


async def test_what_was_newest_when_asked(journal: SqliteJournal) -> None:
    stage = HeardStage(journal, heard=Heard(most=20))
    stage.take([SourceSeen(T, "a", {}, 700, 1), _batch("a")], at=T)
    newest = stage.newest_before()
    stage.take([_batch("a", "b", ts=T + 9)], at=T)
    assert newest("a", "m") == (T, 700)
    assert newest("b", "m") == (None, 0), "it was not heard then"
    assert newest("c", "m") == (None, 0)
    for n in range(9):
        stage.take([_batch(*(f"x{n}-{k}" for k in range(4)))], at=T + 1)
    assert newest("a", "m")[0] is None, "numbers have changed since"
