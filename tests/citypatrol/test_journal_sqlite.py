"""The SQLite journal: the contract, and what is its own (lock, retention, disk, damage)."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import structlog

from bench.contracts.journal import CONTRACT, Reopen, drain, ticks
from citypatrol import metrics
from citypatrol.clock import ManualClock
from citypatrol.errors import ConfigError, Retry
from citypatrol.journal import Journal, JournalFull, Snapshot
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import Tick
from citypatrol.samples import Batch, Sample

DAY = 86_400_000
Make = Callable[..., SqliteJournal]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "journal.db"


@pytest.fixture
async def make(path: Path) -> AsyncIterator[Make]:
    """Handles on one journal; the last is closed at the end of the test."""
    made: list[SqliteJournal] = []

    def one(**options: Any) -> SqliteJournal:
        made.append(SqliteJournal(path, **options))
        return made[-1]

    yield one
    for journal in made:
        await journal.close()


@pytest.mark.parametrize("keeps", CONTRACT, ids=lambda f: f.__name__)
async def test_contract(keeps: Callable[[Reopen], Awaitable[None]], make: Make) -> None:
    await keeps(make)


def batch(n: int = 1, *, size: int = 1) -> Batch:
    return Batch.of([Sample(f"s{m}", "x", n, 1.0) for m in range(size)])


def metric(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


async def test_constructing_opens_nothing_and_it_is_a_journal(path: Path) -> None:
    journal: Journal = SqliteJournal(path)
    assert not path.parent.exists()
    await journal.close()
    assert not path.parent.exists()


async def test_small_facts_are_kept(make: Make) -> None:
    journal = make()
    assert await journal.meta_get("mqtt.client_id") is None
    await journal.meta_set("mqtt.client_id", "citypatrol-1a2b")
    await journal.meta_set("mqtt.client_id", "citypatrol-3c4d")
    assert await journal.meta_get("mqtt.client_id") == "citypatrol-3c4d"
    await journal.close()
    assert await make().meta_get("mqtt.client_id") == "citypatrol-3c4d"


async def test_a_closed_journal_says_so(make: Make, path: Path) -> None:
    journal = make()
    waiting = asyncio.create_task(journal.read("rules", wait_s=60))
    await asyncio.sleep(0.05)
    await journal.close()
    await journal.close()
    assert await waiting == []
    with pytest.raises(RuntimeError, match=rf"journal {path} is closed"):
        await journal.append([Tick(1)])


async def test_what_was_asked_for_is_stored_by_close(make: Make) -> None:
    journal = make()
    await journal.open()
    appends = [asyncio.create_task(journal.append([Tick(n)])) for n in range(50)]
    await asyncio.sleep(0)
    await journal.close()
    assert sorted(await asyncio.gather(*appends)) == list(range(1, 51))
    assert await make().end() == 50


async def test_a_cancelled_append_harms_nobody(make: Make) -> None:
    journal = make()
    await journal.open()
    tasks = [asyncio.create_task(journal.append([Tick(n)])) for n in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await journal.append([Tick(99)]) >= 11


async def test_pages_are_bounded_by_bytes_too(make: Make) -> None:
    journal = make()
    wide = batch(size=200_000)
    await journal.append([wide] * 6)
    page = await journal.read("rules", limit=500)
    assert 1 <= len(page) < 6
    assert len(await drain(journal, "rules")) == 6
    assert await journal.read("rules", limit=0) == []


async def test_a_commit_beyond_the_end_is_a_bug_of_the_caller(make: Make) -> None:
    journal = make()
    await journal.append([Tick(1)])
    done = await asyncio.gather(
        journal.commit("rules", 2), journal.append([Tick(2)]), return_exceptions=True
    )
    assert done[1] == 2
    assert await journal.committed("rules") in (0, 2)
    with pytest.raises(ValueError, match="cursor 'rules': position 9 is beyond the end, 2"):
        await journal.commit("rules", 9)


async def test_a_record_that_cannot_be_encoded_takes_no_other_with_it(make: Make) -> None:
    journal = make()
    await journal.open()
    results = await asyncio.gather(
        journal.append([Tick(1)]),
        journal.append([object()]),  # type: ignore[list-item]
        journal.append([Tick(2)]),
        return_exceptions=True,
    )
    assert isinstance(results[1], KeyError)
    assert ticks(await drain(journal, "rules")) == [1, 2]
    assert sorted(r for r in results if isinstance(r, int)) == [1, 2]


# ---- one owner


OPENER = """
import asyncio, sys
from pathlib import Path
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import Tick
async def main():
    journal = SqliteJournal(Path(sys.argv[1]))
    await journal.append([Tick(1)])
    print("open", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_a_second_process_is_told_who_owns_it(make: Make, path: Path) -> None:
    with subprocess.Popen(  # noqa: ASYNC220  the test waits for it all the same
        [sys.executable, "-c", OPENER, str(path)], stdout=subprocess.PIPE, text=True
    ) as owner:
        try:
            assert owner.stdout is not None
            assert owner.stdout.readline() == "open\n"
            with pytest.raises(ConfigError) as caught:
                await make().open()
        finally:
            owner.kill()
    assert str(caught.value) == (
        f"{path}: journal is in use by process {owner.pid} (lock file {path}.lock); "
        "stop that one first"
    )
    assert await make().end() == 1, "a killed owner owns nothing"


async def test_a_second_handle_in_one_process_is_refused(make: Make, path: Path) -> None:
    first = make()
    await first.open()
    with pytest.raises(ConfigError, match="journal is in use by this process"):
        await make().open()
    await first.append([Tick(1)])
    await first.close()
    await make().open()


@pytest.mark.parametrize("what", ["folder", "lock"])
async def test_a_place_that_cannot_be_written(make: Make, path: Path, what: str) -> None:
    if what == "folder":
        path.parent.write_text("a file", encoding="utf-8")
    else:
        path.with_name(path.name + ".lock").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"lock file .*journal\.db\.lock cannot be made: "):
        await make().open()


# ---- retention


async def fill(
    journal: SqliteJournal,
    after_each: Callable[[int], Awaitable[None]] | None = None,
    *,
    size: int = 0,
) -> None:
    """Append until the journal refuses; at most 1,000 times."""
    for n in range(1_000):
        last = await journal.append([batch(n, size=size) if size else Tick(n)])
        if after_each is not None:
            await after_each(last)


async def test_age_takes_what_every_cursor_has_passed(make: Make) -> None:
    clock = ManualClock(10 * DAY)
    journal = make(keep=7 * DAY, clock=clock)
    await journal.append([Tick(1), Tick(2), Tick(3)])
    clock.advance(DAY)
    await journal.append([Tick(4)])
    await journal.commit("rules", 4)
    await journal.commit("influx", 2)
    assert await journal.prune(clock.now() + 6 * DAY - 1) == 0
    assert await journal.prune(clock.now() + 6 * DAY) == 2
    assert ticks(await drain(journal, "x")) == [3, 4]
    await journal.commit("influx", 3)
    assert await journal.prune(clock.now() + 6 * DAY) == 1
    assert await journal.prune(clock.now() + 99 * DAY) == 0, "the last record stays"


async def test_nothing_is_pruned_before_the_rules_have_begun(make: Make) -> None:
    journal = make(keep=0, clock=ManualClock(0))
    await journal.append([Tick(n) for n in range(5)])
    await journal.commit("influx", 5)
    assert await journal.prune(DAY) == 0
    await journal.commit("rules", 3)
    assert await journal.prune(DAY) == 3


async def test_a_snapshot_of_a_holding_cursor_holds_too(make: Make) -> None:
    journal = make(keep=0, clock=ManualClock(0))
    await journal.append([Tick(n) for n in range(1, 10)])
    await journal.commit("rules", 8)
    await journal.save_snapshot("rules/0", Snapshot(2, b"x"))
    await journal.save_snapshot("rules/1", Snapshot(5, b"y"))
    await journal.save_snapshot("other", Snapshot(1, b"z"))
    assert await journal.prune(DAY) == 2
    await journal.save_snapshot("rules/0", Snapshot(8, b"x"))
    assert await journal.prune(DAY) == 3


async def test_history_holds_from_the_first_record_on_where_there_is_one(make: Make) -> None:
    journal = make(max_size=3_000, holds=("rules", "history"), clock=ManualClock(0))
    await journal.append([Tick(1)])
    await journal.commit("rules", 1)
    assert metric("citypatrol_cursor_lag", cursor="history") == 0
    with pytest.raises(JournalFull):
        await fill(journal, lambda last: journal.commit("rules", last))
    assert await journal.oldest() == 1
    await journal.commit("history", await journal.end())
    await journal.append([Tick(100)])
    assert await journal.oldest() > 1


async def test_a_history_that_was_given_up_holds_nothing(make: Make) -> None:
    journal = make(max_size=3_000, clock=ManualClock(0))
    await journal.append([Tick(1)])
    await journal.commit("history", 1)
    for n in range(100):
        await journal.commit("rules", await journal.append([Tick(n)]))
    assert await journal.committed("history") + 1 < await journal.oldest()


async def test_other_holders(make: Make) -> None:
    journal = make(keep=0, holds=("uplink",), clock=ManualClock(0))
    await journal.append([Tick(1), Tick(2), Tick(3)])
    assert await journal.prune(DAY) == 0
    await journal.commit("uplink", 2)
    assert await journal.prune(DAY) == 2


async def test_a_forgotten_cursor_holds_nothing(make: Make) -> None:
    journal = make(keep=0, clock=ManualClock(0))
    await journal.append([Tick(1), Tick(2), Tick(3)])
    await journal.commit("rules", 3)
    await journal.commit("old-sink", 1)
    assert await journal.prune(DAY) == 1
    await journal.forget("old-sink")
    assert await journal.committed("old-sink") == 0
    assert await journal.prune(DAY) == 1


async def test_full_means_wait_until_the_rules_have_come_on(make: Make) -> None:
    journal = make(max_size=6_000, clock=ManualClock(0))
    with pytest.raises(JournalFull) as caught:
        await fill(journal)
    end = await journal.end()
    assert 50 < end < 100
    assert "of at most 6000 bytes; records from 1 on are still needed by rules" in str(caught.value)
    await journal.commit("rules", 10)
    await journal.append([Tick(-1)])
    kept = [entry.position for entry in await drain(journal, "x")]
    assert kept == list(range(kept[0], end + 2))
    assert 1 < kept[0] <= 11, "no record that the rules have not passed"
    await journal.commit("rules", await journal.end())
    for n in range(100):
        last = await journal.append([Tick(n)])
        await journal.commit("rules", last)


async def test_a_record_larger_than_the_journal_is_not_stored(make: Make) -> None:
    journal = make(max_size=5_000, clock=ManualClock(0))
    await journal.append([Tick(1)])
    await journal.commit("rules", 1)
    with pytest.raises(JournalFull):
        await journal.append([batch(size=1_000)])
    assert await journal.append([Tick(2)]) == 2


async def test_a_cursor_left_behind_skips_loudly(make: Make) -> None:
    journal = make(max_size=60_000, clock=ManualClock(0))
    dropped = {"stage": "influx", "reason": "journal_max_size"}
    before = metric("citypatrol_dropped_total", **dropped)
    await journal.append([batch(1), Tick(1)])
    await journal.commit("influx", 2)
    appended = 0
    with structlog.testing.capture_logs() as logs:
        for n in range(100):
            last = await journal.append([Tick(n), batch(n)])
            appended += 1
            await journal.commit("rules", last)
    readable = [e for e in await drain(journal, "influx") if isinstance(e.record, Batch)]
    skipped = metric("citypatrol_dropped_total", **dropped) - before
    assert skipped + len(readable) == appended
    assert skipped > 0
    told = [line for line in logs if line["log_level"] == "error"]
    assert sum(line["batches"] for line in told) == skipped
    assert {line["cursor"] for line in told} == {"influx"}
    assert metric("citypatrol_cursor_lag", cursor="influx") == len(readable)
    await journal.close()
    again = make(max_size=60_000, clock=ManualClock(0))
    await again.open()
    assert metric("citypatrol_cursor_lag", cursor="influx") == len(readable)
    await again.append([Tick(0)])
    assert metric("citypatrol_dropped_total", **dropped) - before == skipped


async def test_a_cursor_left_behind_is_no_loss_where_there_is_a_history(make: Make) -> None:
    journal = make(max_size=60_000, holds=("rules", "history"), clock=ManualClock(0))
    dropped = {"stage": "influx", "reason": "journal_max_size"}
    before = metric("citypatrol_dropped_total", **dropped)
    await journal.commit("influx", await journal.append([batch(1)]))
    with structlog.testing.capture_logs() as logs:
        for n in range(100):
            last = await journal.append([Tick(n), batch(n)])
            await journal.commit("rules", last)
            await journal.commit("history", last)
    assert await journal.committed("influx") + 1 < await journal.oldest()
    assert metric("citypatrol_dropped_total", **dropped) == before
    assert {(line["log_level"], line["cursor"]) for line in logs} == {("warning", "influx")}


async def test_positions_go_on_after_everything_was_pruned(make: Make) -> None:
    journal = make(keep=0, clock=ManualClock(0))
    await journal.append([Tick(n) for n in range(1, 6)])
    await journal.commit("rules", 5)
    assert await journal.prune(DAY) == 4
    await journal.close()
    again = make(keep=0, clock=ManualClock(0))
    assert await again.append([Tick(6)]) == 6
    assert ticks(await drain(again, "rules")) == [6]
    assert ticks(await drain(again, "new")) == [5, 6]


async def test_it_prunes_by_itself_about_once_a_minute(make: Make) -> None:
    clock = ManualClock(DAY)
    journal = make(keep=DAY, clock=clock)
    for n in range(5_000):
        if n % 500 == 0:
            await journal.append([Tick(m) for m in range(500)])
    await journal.commit("rules", 4_990)
    clock.advance(DAY + 1)
    for n in range(4):
        await journal.append([Tick(n)])
    entries = await drain(journal, "new")
    assert entries[0].position == 4_991


async def test_lag_counts_batches_and_size_counts_bytes(make: Make) -> None:
    journal = make(clock=ManualClock(0))
    await journal.append([Tick(1), batch(1), Batch.of([]), batch(2), Tick(2), batch(3)])
    await journal.commit("influx", 2)
    assert metric("citypatrol_cursor_lag", cursor="influx") == 2
    assert metric("citypatrol_cursor_lag", cursor="rules") == 3
    size = metric("citypatrol_journal_bytes")
    assert size > 3_000
    await journal.close()
    await make(clock=ManualClock(0)).open()
    assert metric("citypatrol_cursor_lag", cursor="influx") == 2
    assert metric("citypatrol_cursor_lag", cursor="rules") == 3
    assert metric("citypatrol_journal_bytes") == size


# ---- disk and damage


def place(path: Path, content: bytes | str) -> None:
    """A file of these bytes, or a database in which this was run."""
    path.parent.mkdir()
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        connection = sqlite3.connect(path)
        connection.execute(content)
        connection.close()


async def test_a_full_disk_stores_nothing_loses_nothing_and_recovers(
    make: Make, path: Path, files_end_at: Callable[[int], AbstractContextManager[None]]
) -> None:
    journal = make()
    stored = [await journal.append([batch(n, size=50)]) for n in range(20)]

    async def record_stored(last: int) -> None:
        stored.append(last)

    with files_end_at(path.with_name(path.name + "-wal").stat().st_size + 100_000):
        with pytest.raises(JournalFull, match=r"journal\.db: .*; is the disk full\?"):
            await fill(journal, record_stored, size=50)
        with pytest.raises(JournalFull):
            await journal.append([batch(size=5_000)])
        assert len(await drain(journal, "rules")) == len(stored)
    assert await journal.end() == len(stored)
    assert await journal.append([batch(1, size=5_000)]) == len(stored) + 1
    await journal.close()
    assert len(await drain(make(), "rules")) == len(stored) + 1


async def test_pruning_that_fails_is_told_and_tried_again(
    make: Make, path: Path, files_end_at: Callable[[int], AbstractContextManager[None]]
) -> None:
    clock = ManualClock(DAY)
    journal = make(keep=0, clock=clock)
    await journal.append([batch(n, size=2_000) for n in range(200)])
    await journal.commit("rules", 200)
    await journal.close()
    again = make(keep=0, clock=clock)
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
    make: Make, path: Path, content: bytes | str, message: str
) -> None:
    place(path, content)
    for _ in range(2):
        with pytest.raises(ConfigError) as caught:
            await make().open()
        assert str(caught.value).startswith(f"{path}: {message}")


async def test_tables_that_are_gone(make: Make, path: Path) -> None:
    journal = make()
    await journal.append([Tick(1)])
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE records")
    connection.close()
    with pytest.raises(Retry, match=r"journal .*: no such table: records"):
        await journal.read("rules")


async def test_a_record_that_cannot_be_read_is_skipped_loudly(make: Make, path: Path) -> None:
    journal = make()
    await journal.append([Tick(n) for n in range(1, 5)])
    await journal.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE records SET data = x'00ff', crc = NULL WHERE position IN (2, 3)")
    connection.close()
    labels = {"stage": "journal", "reason": "unreadable"}
    before = metric("citypatrol_dropped_total", **labels)
    again = make()
    with structlog.testing.capture_logs() as logs:
        assert ticks(await again.read("rules")) == [1, 4]
        assert ticks(await again.read("rules", after=1)) == [4]
        assert ticks(await again.read("rules", after=2, limit=1)) == [4], "a page of nothing else"
    assert {line["position"] for line in logs} == {2, 3}
    assert metric("citypatrol_dropped_total", **labels) > before
