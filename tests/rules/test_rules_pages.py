"""Pages of a journal's records: nothing skipped, nothing twice, whatever was read ahead."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import Tick
from rules.pages import MOST, Pages

COUNT = 2 * MOST + 700


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    journal = SqliteJournal(tmp_path / "journal.db")
    await journal.append([Tick(number) for number in range(COUNT)])
    yield journal
    await journal.close()


async def test_a_backlog_comes_in_order_and_once(journal: SqliteJournal) -> None:
    pages, seen = Pages(journal, "rules"), list[int]()
    while entries := await pages.after(seen[-1] if seen else 0, wait_s=0.0):
        seen += [entry.position for entry in entries]
    assert seen == list(range(1, COUNT + 1))
    await journal.append([Tick(COUNT)])
    (entry,) = await pages.after(COUNT, wait_s=5.0)
    assert entry.position == COUNT + 1
    pages.close()


async def test_who_goes_back_gets_what_is_there_and_not_what_was_read_ahead(
    journal: SqliteJournal,
) -> None:
    pages = Pages(journal, "rules")
    first = await pages.after(0, wait_s=0.0)
    assert len(first) == MOST
    again = await pages.after(0, wait_s=0.0)
    assert [entry.position for entry in again] == [entry.position for entry in first]
    (one,) = await pages.after(10, wait_s=0.0, limit=1)
    assert one.position == 11
    more = await pages.after(MOST, wait_s=0.0)
    assert more[0].position == MOST + 1
    pages.close()
