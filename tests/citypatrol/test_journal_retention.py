"""What the SQLite journal keeps and lets go, by age and by size."""

import pytest
import structlog

from bench.contracts.journal import drain, ticks
from citypatrol.clock import ManualClock
from citypatrol.journal import JournalFull, Snapshot
from citypatrol.records import Tick
from citypatrol.samples import Batch
from tests.citypatrol.a_journal import DAY, MakeJournal, batch, fill, metric


async def test_age_takes_what_every_cursor_has_passed(make_journal: MakeJournal) -> None:
    clock = ManualClock(10 * DAY)
    journal = make_journal(keep=7 * DAY, clock=clock)
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


async def test_nothing_is_pruned_before_the_rules_have_begun(make_journal: MakeJournal) -> None:
    journal = make_journal(keep=0, clock=ManualClock(0))
    await journal.append([Tick(n) for n in range(5)])
    await journal.commit("influx", 5)
    assert await journal.prune(DAY) == 0
    await journal.commit("rules", 3)
    assert await journal.prune(DAY) == 3


async def test_a_snapshot_of_a_holding_cursor_holds_too(make_journal: MakeJournal) -> None:
    journal = make_journal(keep=0, clock=ManualClock(0))
    await journal.append([Tick(n) for n in range(1, 10)])
    await journal.commit("rules", 8)
    await journal.save_snapshot("rules/0", Snapshot(2, b"x"))
    await journal.save_snapshot("rules/1", Snapshot(5, b"y"))
    await journal.save_snapshot("other", Snapshot(1, b"z"))
    assert await journal.prune(DAY) == 2
    await journal.save_snapshot("rules/0", Snapshot(8, b"x"))
    assert await journal.prune(DAY) == 3


async def test_history_holds_from_the_first_record_on_where_there_is_one(
    make_journal: MakeJournal,
) -> None:
    journal = make_journal(max_size=3_000, holds=("rules", "history"), clock=ManualClock(0))
    await journal.append([Tick(1)])
    await journal.commit("rules", 1)
    assert metric("citypatrol_cursor_lag", cursor="history") == 0
    with pytest.raises(JournalFull):
        await fill(journal, lambda last: journal.commit("rules", last))
    assert await journal.oldest() == 1
    await journal.commit("history", await journal.end())
    await journal.append([Tick(100)])
    assert await journal.oldest() > 1


async def test_a_history_that_was_given_up_holds_nothing(make_journal: MakeJournal) -> None:
    journal = make_journal(max_size=3_000, clock=ManualClock(0))
    await journal.append([Tick(1)])
    await journal.commit("history", 1)
    for n in range(100):
        await journal.commit("rules", await journal.append([Tick(n)]))
    assert await journal.committed("history") + 1 < await journal.oldest()


async def test_other_holders(make_journal: MakeJournal) -> None:
    journal = make_journal(keep=0, holds=("uplink",), clock=ManualClock(0))
    await journal.append([Tick(1), Tick(2), Tick(3)])
    assert await journal.prune(DAY) == 0
    await journal.commit("uplink", 2)
    assert await journal.prune(DAY) == 2


async def test_a_forgotten_cursor_holds_nothing(make_journal: MakeJournal) -> None:
    journal = make_journal(keep=0, clock=ManualClock(0))
    await journal.append([Tick(1), Tick(2), Tick(3)])
    await journal.commit("rules", 3)
    await journal.commit("old-sink", 1)
    assert await journal.prune(DAY) == 1
    await journal.forget("old-sink")
    assert await journal.committed("old-sink") == 0
    assert await journal.prune(DAY) == 1


async def test_full_means_wait_until_the_rules_have_come_on(make_journal: MakeJournal) -> None:
    journal = make_journal(max_size=6_000, clock=ManualClock(0))
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


async def test_a_record_larger_than_the_journal_is_not_stored(make_journal: MakeJournal) -> None:
    journal = make_journal(max_size=5_000, clock=ManualClock(0))
    await journal.append([Tick(1)])
    await journal.commit("rules", 1)
    with pytest.raises(JournalFull):
        await journal.append([batch(size=1_000)])
    assert await journal.append([Tick(2)]) == 2


async def test_a_cursor_left_behind_skips_loudly(make_journal: MakeJournal) -> None:
    journal = make_journal(max_size=60_000, clock=ManualClock(0))
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
    again = make_journal(max_size=60_000, clock=ManualClock(0))
    await again.open()
    assert metric("citypatrol_cursor_lag", cursor="influx") == len(readable)
    await again.append([Tick(0)])
    assert metric("citypatrol_dropped_total", **dropped) - before == skipped


async def test_a_cursor_left_behind_is_no_loss_where_there_is_a_history(
    make_journal: MakeJournal,
) -> None:
    journal = make_journal(max_size=60_000, holds=("rules", "history"), clock=ManualClock(0))
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


async def test_positions_go_on_after_everything_was_pruned(make_journal: MakeJournal) -> None:
    journal = make_journal(keep=0, clock=ManualClock(0))
    await journal.append([Tick(n) for n in range(1, 6)])
    await journal.commit("rules", 5)
    assert await journal.prune(DAY) == 4
    await journal.close()
    again = make_journal(keep=0, clock=ManualClock(0))
    assert await again.append([Tick(6)]) == 6
    assert ticks(await drain(again, "rules")) == [6]
    assert ticks(await drain(again, "new")) == [5, 6]


async def test_it_prunes_by_itself_about_once_a_minute(make_journal: MakeJournal) -> None:
    clock = ManualClock(DAY)
    journal = make_journal(keep=DAY, clock=clock)
    for n in range(5_000):
        if n % 500 == 0:
            await journal.append([Tick(m) for m in range(500)])
    await journal.commit("rules", 4_990)
    clock.advance(DAY + 1)
    for n in range(4):
        await journal.append([Tick(n)])
    entries = await drain(journal, "new")
    assert entries[0].position == 4_991


async def test_lag_counts_batches_and_size_counts_bytes(make_journal: MakeJournal) -> None:
    journal = make_journal(clock=ManualClock(0))
    await journal.append([Tick(1), batch(1), Batch.of([]), batch(2), Tick(2), batch(3)])
    await journal.commit("influx", 2)
    assert metric("citypatrol_cursor_lag", cursor="influx") == 2
    assert metric("citypatrol_cursor_lag", cursor="rules") == 3
    size = metric("citypatrol_journal_bytes")
    assert size > 3_000
    await journal.close()
    await make_journal(clock=ManualClock(0)).open()
    assert metric("citypatrol_cursor_lag", cursor="influx") == 2
    assert metric("citypatrol_cursor_lag", cursor="rules") == 3
    assert metric("citypatrol_journal_bytes") == size
