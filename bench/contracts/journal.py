"""The order, cursor and replay parts of ``citypatrol.journal.Journal``, for every form of it.

Each function of ``CONTRACT`` takes ``reopen``: a function that gives a new handle on one and the
same journal, empty at first. Handles are closed before the next is asked for. Use it as

    @pytest.mark.parametrize("keeps", CONTRACT, ids=lambda f: f.__name__)
    async def test_contract(keeps, reopen): await keeps(reopen)
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from citypatrol.journal import Entry, Journal, Snapshot
from citypatrol.records import ModeSwitched, Record, RulesInForce, SourceSeen, Tick
from citypatrol.samples import Batch, Sample

Reopen = Callable[[], Journal]

EVERY_KIND: Sequence[Record] = (
    SourceSeen(1, "pump-1", {"site": "underpass", "name": "管城区"}, 0, 7_200_000),
    Batch.of([Sample("pump-1", "water_level", 5, 15.25), Sample("pump-1", "pm25", 6, -1e300)]),
    Tick(1_000),
    ModeSwitched(2_000, "flood"),
    RulesInForce(3_000, "ab12"),
    Batch.of([Sample("cam/north", "traffic_light.lit", 7, 0.1, "ab" * 32)]),
    Batch.of([]),
)


@asynccontextmanager
async def opened(reopen: Reopen) -> AsyncIterator[Journal]:
    journal = reopen()
    try:
        yield journal
    finally:
        await journal.close()


def plain(records: Sequence[Record]) -> list[object]:
    """Records that can be compared: a batch as its rows."""
    return [list(r.samples()) if isinstance(r, Batch) else r for r in records]


def ticks(entries: Sequence[Entry]) -> list[int]:
    return [entry.record.ts for entry in entries if isinstance(entry.record, Tick)]


async def drain(
    journal: Journal, cursor: str, *, after: int | None = None, limit: int = 500
) -> list[Entry]:
    """Page by page to the end; a page may be shorter than asked."""
    entries: list[Entry] = []
    while True:
        at = entries[-1].position if entries else after
        page = await journal.read(cursor, after=at, limit=limit)
        assert len(page) <= limit
        if not page:
            return entries
        entries += page


async def an_empty_journal_ends_at_0(reopen: Reopen) -> None:
    async with opened(reopen) as journal:
        assert await journal.end() == 0
        assert await journal.committed("rules") == 0
        assert await journal.read("rules") == []
        assert await journal.load_snapshot("rules") is None
        assert await journal.append([]) == 0
        assert await journal.oldest() == 1


async def records_come_back_in_order_and_whole(reopen: Reopen) -> None:
    async with opened(reopen) as journal:
        assert await journal.append(EVERY_KIND[:4]) == 4
        assert await journal.append(EVERY_KIND[4:]) == len(EVERY_KIND)
        assert await journal.end() == len(EVERY_KIND)
    async with opened(reopen) as journal:
        assert await journal.oldest() == 1, "nothing is gone"
        entries = await drain(journal, "rules")
        assert [entry.position for entry in entries] == list(range(1, len(EVERY_KIND) + 1))
        assert plain([entry.record for entry in entries]) == plain(EVERY_KIND)
        assert await journal.end() == len(EVERY_KIND)


async def a_cursor_goes_on_from_its_commit(reopen: Reopen) -> None:
    async with opened(reopen) as journal:
        await journal.append([Tick(n) for n in range(1, 8)])
        assert ticks(await drain(journal, "rules")) == [1, 2, 3, 4, 5, 6, 7]
        assert ticks(await drain(journal, "rules")) == [1, 2, 3, 4, 5, 6, 7], "nothing committed"
        await journal.commit("rules", 3)
        assert ticks(await drain(journal, "rules")) == [4, 5, 6, 7]
        assert ticks(await drain(journal, "influx")) == [1, 2, 3, 4, 5, 6, 7], "another cursor"
    async with opened(reopen) as journal:
        assert await journal.committed("rules") == 3
        assert await journal.committed("influx") == 0
        assert ticks(await drain(journal, "rules")) == [4, 5, 6, 7]


async def a_cursor_never_moves_back(reopen: Reopen) -> None:
    async with opened(reopen) as journal:
        await journal.append([Tick(n) for n in range(1, 6)])
        await drain(journal, "rules")
        await journal.commit("rules", 4)
        await journal.commit("rules", 2)
        assert await journal.committed("rules") == 4
        assert ticks(await drain(journal, "rules")) == [5]


async def after_overrides_what_is_committed(reopen: Reopen) -> None:
    async with opened(reopen) as journal:
        await journal.append([Tick(n) for n in range(1, 6)])
        assert ticks(await drain(journal, "rules")) == [1, 2, 3, 4, 5]
        assert ticks(await journal.read("rules", after=0, limit=1)) == [1]
        assert ticks(await drain(journal, "rules", after=0)) == [1, 2, 3, 4, 5]
        await journal.commit("rules", 3)
        assert ticks(await drain(journal, "rules", after=5)) == []


async def a_replay_reads_the_same(reopen: Reopen) -> None:
    async with opened(reopen) as journal:
        await journal.append([Tick(n) for n in range(1, 1_201)])
    async with opened(reopen) as journal:
        first = await drain(journal, "a")
        again = await drain(journal, "b", limit=77)
        assert ticks(first) == list(range(1, 1_201))
        assert again == first


async def a_reader_waits_for_what_comes(reopen: Reopen) -> None:
    async with opened(reopen) as journal:
        assert await journal.read("rules", wait_s=0.05) == []
        waiting = asyncio.create_task(journal.read("rules", wait_s=30))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await journal.append([Tick(1)])
        assert ticks(await waiting) == [1]


async def what_is_appended_at_once_stays_together(reopen: Reopen) -> None:
    async with opened(reopen) as journal:
        groups = [[Tick(100 * n + m) for m in range(5)] for n in range(20)]
        lasts = await asyncio.gather(*(journal.append(group) for group in groups))
        assert len(set(lasts)) == len(groups)
        by_position = {entry.position: entry for entry in await drain(journal, "rules")}
        for group, last in zip(groups, lasts, strict=True):
            there = [by_position[position].record for position in range(last - 4, last + 1)]
            assert there == group


async def a_snapshot_is_replaced_whole(reopen: Reopen) -> None:
    large = bytes(range(256)) * 6_000
    async with opened(reopen) as journal:
        await journal.append([Tick(1), Tick(2)])
        for snapshot in (Snapshot(1, large), Snapshot(2, b"small"), Snapshot(2, large[::-1])):
            await journal.save_snapshot("rules", snapshot)
            assert await journal.load_snapshot("rules") == snapshot
        assert await journal.load_snapshot("other") is None
        await journal.save_snapshot("other", Snapshot(1, b""))
    async with opened(reopen) as journal:
        assert await journal.load_snapshot("rules") == Snapshot(2, large[::-1])
        assert await journal.load_snapshot("other") == Snapshot(1, b"")


CONTRACT: Sequence[Callable[[Reopen], Awaitable[None]]] = (
    an_empty_journal_ends_at_0,
    records_come_back_in_order_and_whole,
    a_cursor_goes_on_from_its_commit,
    a_cursor_never_moves_back,
    after_overrides_what_is_committed,
    a_replay_reads_the_same,
    a_reader_waits_for_what_comes,
    what_is_appended_at_once_stays_together,
    a_snapshot_is_replaced_whole,
)
