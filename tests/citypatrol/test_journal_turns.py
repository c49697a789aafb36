"""The rules read first while they are behind; the others get a tenth, and never nothing."""

import asyncio
import time
from pathlib import Path

import pytest

from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.journal_turns import BACKLOG, Turns
from citypatrol.records import Tick


@pytest.mark.parametrize(
    ("ahead", "asked_at", "rest_s"),
    [
        (BACKLOG, 10.5, 4.5),
        (BACKLOG - 1, 10.5, 0.0),
        (BACKLOG, 10.0, 0.0),
        (BACKLOG, 12.0, 18.0),
        (BACKLOG, 12.1, 0.0),
    ],
    ids=["behind", "live", "at once", "still there", "held up by something else"],
)
def test_another_reader_rests_while_the_first_is_behind(
    ahead: int, asked_at: float, rest_s: float
) -> None:
    turns = Turns("rules")
    turns.gave("rules", ahead=ahead, now=10.0)
    turns.gave("history", ahead=BACKLOG, now=10.0)
    assert turns.rest_s("history", now=asked_at) == pytest.approx(rest_s)
    assert turns.rest_s("rules", now=asked_at) == 0.0


def test_who_comes_for_the_first_time_and_whom_nobody_precedes_need_not_rest() -> None:
    turns = Turns("rules")
    turns.gave("history", ahead=BACKLOG, now=1.0)
    assert turns.rest_s("history", now=5.0) == 0.0
    turns.gave("rules", ahead=BACKLOG, now=5.0)
    assert turns.rest_s("influx", now=5.5) == 0.0
    assert turns.rest_s("history", now=5.5) > 0


def test_all_go_on_when_the_first_has_caught_up() -> None:
    turns = Turns("rules")
    turns.gave("history", ahead=BACKLOG, now=1.0)
    turns.gave("rules", ahead=BACKLOG, now=1.0)
    turns.gave("rules", ahead=BACKLOG - 1, now=1.5)
    assert turns.rest_s("history", now=1.6) == 0.0


async def test_a_reader_of_the_journal_rests_no_longer_than_it_would_wait(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.db", holds=("rules", "history"))
    await journal.append([Tick(at) for at in range(BACKLOG + 20)])
    await journal.read("rules", limit=10)
    await journal.read("history", limit=10)
    await asyncio.sleep(0.1)
    began = time.monotonic()
    rested = await journal.read("history", after=10, limit=10, wait_s=0.2)
    assert time.monotonic() - began >= 0.2
    assert [entry.position for entry in rested] == list(range(11, 21))
    assert len(await journal.read("history", after=20, limit=10)) == 10
    await journal.close()
