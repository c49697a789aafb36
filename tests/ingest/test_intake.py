import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pyarrow as pa
import pytest

from bench.servers.ingest import records_of
from citypatrol.clock import ManualClock, SystemClock
from citypatrol.journal import Snapshot
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.kinds import Kinds
from citypatrol.records import Record, SourceSeen, Tick
from citypatrol.registry import Registry
from citypatrol.samples import Batch, Sample
from ingest.intake import SNAPSHOT, Intake

T = 1_747_094_531_480
REGISTRY = Registry({"id": pa.array(["a", "cam"]), "district": pa.array(["gc", "jb"])})


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    found = SqliteJournal(tmp_path / "journal.db", clock=SystemClock())
    yield found
    await found.close()


def _intake(journal: SqliteJournal, **options: int) -> Intake:
    return Intake(journal, registry=REGISTRY, kinds=Kinds(), clock=SystemClock(), **options)


@contextlib.asynccontextmanager
async def _running(intake: Intake) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(intake.run(stop))
    try:
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def _batch(*sources: str, value: float = 1.0) -> Batch:
    return Batch.of(Sample(source, "m", T, value) for source in sources)


async def _kept(journal: SqliteJournal) -> list[Record]:
    return [record for record in await records_of(journal) if not isinstance(record, Tick)]


async def test_a_source_comes_before_its_first_batch(journal: SqliteJournal) -> None:
    intake = _intake(journal)
    committed: list[str] = []
    async with _running(intake):
        labels = {"a": {"kind": "water", "district": "topic"}}
        assert intake.offer(_batch("a"), labels=labels, committed=lambda: committed.append("one"))
        await _until(lambda: committed == ["one"])
        assert intake.offer(_batch("a", "new"), committed=lambda: committed.append("two"))
        await _until(lambda: committed == ["one", "two"])
    first, batch, second, more = await _kept(journal)
    assert isinstance(first, SourceSeen)
    assert first.labels == {"kind": "water", "district": "gc"}, "the registry wins"
    assert (first.lateness, first.stale) == (0, 7_200_000)
    assert isinstance(second, SourceSeen)
    assert (second.source, second.labels) == ("new", {})
    assert isinstance(batch, Batch)
    assert isinstance(more, Batch)


async def test_what_waits_is_one_batch_in_the_order_of_offers(journal: SqliteJournal) -> None:
    intake = _intake(journal)
    committed: list[int] = []
    for number in range(50):
        assert intake.offer(
            _batch("a", value=number), committed=lambda n=number: committed.append(n)
        )
    async with _running(intake):
        await _until(lambda: len(committed) == 50)
    assert committed == list(range(50))
    batches = [record for record in await _kept(journal) if isinstance(record, Batch)]
    assert len(batches) == 1
    assert batches[0].value.tolist() == list(range(50))


async def test_offers_from_threads(journal: SqliteJournal) -> None:
    intake = _intake(journal)
    committed: list[int] = []

    def offer(base: int) -> None:
        for number in range(base, base + 200):
            while not intake.offer(
                _batch(f"s{base}", value=number), committed=lambda: committed.append(1)
            ):
                time.sleep(0.001)

    async with _running(intake):
        await asyncio.gather(*(asyncio.to_thread(offer, 1_000 * n) for n in range(4)))
        await _until(lambda: len(committed) == 800)
    rows = [row for one in await _kept(journal) if isinstance(one, Batch) for row in one.samples()]
    for base in range(0, 4_000, 1_000):
        values = [row.value for row in rows if row.source == f"s{base}"]
        assert values == list(range(base, base + 200))


async def test_there_is_room_for_so_much_and_no_more(journal: SqliteJournal) -> None:
    intake = _intake(journal, most_waiting=3)
    assert intake.offer(_batch("a", "b"))
    assert not intake.offer(_batch("a", "b"))
    assert intake.offer(_batch("a"))
    assert intake.offer(Batch.of([])), "nothing needs no room"
    async with _running(intake):
        await _until(lambda: intake.offer(_batch(*"abcdefgh")))  # large, but alone


async def test_a_stop_writes_what_was_taken_and_takes_no_more(journal: SqliteJournal) -> None:
    intake = _intake(journal)
    async with _running(intake) as stop:
        await _until(lambda: intake.waiting_for() is None)
        for number in range(20):
            assert intake.offer(_batch(f"s{number}"))
        stop.set()
    assert not intake.offer(_batch("a"))
    rows = sum(len(record) for record in await _kept(journal) if isinstance(record, Batch))
    assert rows == 20


async def test_it_may_run_again(journal: SqliteJournal) -> None:
    intake = _intake(journal)
    for number in range(3):
        async with _running(intake):
            await _until(lambda n=number: intake.offer(_batch("a", value=n)))
    values = [r.value.tolist() for r in await _kept(journal) if isinstance(r, Batch)]
    assert values == [[0.0], [1.0], [2.0]]


async def test_after_a_restart_known_sources_are_not_announced_again(
    journal: SqliteJournal,
) -> None:
    for labels in ({"kind": "water"}, {"kind": "water"}, {"kind": "air"}):
        intake = _intake(journal)
        async with _running(intake):
            assert intake.offer(_batch("a"), labels={"a": labels})
    seen = [record for record in await _kept(journal) if isinstance(record, SourceSeen)]
    assert [one.labels["kind"] for one in seen] == ["water", "air"]


async def test_a_strange_snapshot_costs_an_announcement_only(journal: SqliteJournal) -> None:
    await journal.save_snapshot(SNAPSHOT, Snapshot(0, b"what is this"))
    intake = _intake(journal)
    async with _running(intake):
        assert intake.offer(_batch("a"))
    assert isinstance((await _kept(journal))[0], SourceSeen)


async def test_a_tick_a_second(journal: SqliteJournal) -> None:
    began = time.time()
    async with _running(_intake(journal)):
        await asyncio.sleep(3.2)
    ticks = [record.ts for record in await records_of(journal) if isinstance(record, Tick)]
    assert 2 <= len(ticks) <= time.time() - began + 2
    assert ticks == sorted(set(ticks))
    assert abs(ticks[0] - began * 1000) < 5_000


async def test_no_tick_while_an_input_is_behind(journal: SqliteJournal) -> None:
    intake = _intake(journal)
    gate = intake.input("mqtt")
    async with _running(intake):
        intake.offer(_batch("a"))
        await asyncio.sleep(1.5)
        assert not any(isinstance(record, Tick) for record in await records_of(journal))
        gate.caught_up()
        await asyncio.sleep(1.5)
    records = await records_of(journal)
    assert isinstance(records[-1], Tick)


async def test_a_tick_comes_behind_everything_offered_before_it(journal: SqliteJournal) -> None:
    intake = _intake(journal)
    gate = intake.input("mqtt")
    async with _running(intake):
        for number in range(200):
            intake.offer(_batch(f"s{number % 7}", value=number))
        gate.caught_up()
        await asyncio.sleep(1.5)
    records = await records_of(journal)
    first = next(n for n, record in enumerate(records) if isinstance(record, Tick))
    rows = sum(len(record) for record in records[:first] if isinstance(record, Batch))
    assert rows == 200


async def test_a_clock_that_jumps_ahead_is_time_away(journal: SqliteJournal) -> None:
    clock = ManualClock(T)
    intake = Intake(journal, registry=REGISTRY, kinds=Kinds(), clock=clock)
    gate = intake.input("mqtt")
    gate.caught_up()
    async with _running(intake):
        await asyncio.sleep(0.3)
        clock.advance(600_000)
        await _until(lambda: gate.doubts == 1)
        assert gate.is_behind
    assert [r.ts for r in await records_of(journal) if isinstance(r, Tick)] == [T]


async def test_a_full_journal_takes_what_was_kept_once_there_is_room(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "small.db", clock=SystemClock(), max_size=20_000)
    intake = _intake(journal)
    committed: list[int] = []
    offered = 0
    async with _running(intake):
        async with asyncio.timeout(20):
            await _until(lambda: intake.waiting_for() is None)
            while intake.waiting_for() is None:
                number = offered
                intake.offer(
                    _batch("a", value=number), committed=lambda n=number: committed.append(n)
                )
                offered += 1
                await asyncio.sleep(0.01)
        assert "the journal is full" in (intake.waiting_for() or "")
        assert len(committed) < offered
    assert len(committed) < offered, "a stop while it is full acknowledges nothing"
    await journal.commit("rules", await journal.end())
    await journal.prune(SystemClock().now())
    async with _running(intake):
        await _until(lambda: len(committed) == offered)
    assert committed == list(range(offered))
    await journal.close()


async def test_nothing_counts_as_announced_that_is_not_in_the_journal(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "small.db", clock=SystemClock(), max_size=1)
    intake = _intake(journal)
    async with _running(intake):
        intake.offer(_batch("a"))
        await _until(lambda: "the journal is full" in (intake.waiting_for() or ""))
    assert await journal.load_snapshot(SNAPSHOT) is None
    await journal.close()
