"""A journal that was damaged and salvaged makes the same incidents again, and no others."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from citypatrol.clock import ManualClock
from citypatrol.journal_sqlite import SqliteJournal
from rules.incidents import Incident
from rules.runner import RulesStage
from tests.rules.story import DAY, one_rule, outcome, records

FLOOD = one_rule("when: {above: 15, for: 60s}")
PAGE = 4096


async def played(path: Path, story: str, got: list[Incident]) -> bool:
    """One life of the process; whether it found the state that the one before it had saved."""

    async def take(incidents: list[Incident]) -> None:
        got.extend(incidents)

    journal = SqliteJournal(path)
    known = await journal.load_snapshot("rules") is not None
    await journal.append(records(story))
    stop = asyncio.Event()
    stop.set()
    await RulesStage(journal, FLOOD, apply=take, clock=ManualClock(DAY + 500)).run(stop)
    await journal.close()
    return known


def page_of(path: Path, table: str) -> int:
    """Where the table's only page begins: the tables lie in the order in which they are made."""
    return {"records": 1, "cursors": 2, "snapshots": 4}[table] * PAGE


def spoil(path: Path, start: int) -> None:
    data = bytearray(path.read_bytes())
    data[start : start + PAGE] = bytes(byte ^ 0x5A for byte in data[start : start + PAGE])
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damaged", "known"),
    [
        (lambda path: 0, True),
        (lambda path: page_of(path, "cursors"), True),
        (lambda path: page_of(path, "snapshots"), False),
    ],
    ids=["first page", "cursors", "the rules' state"],
)
async def test_a_replay_makes_the_same_incidents(
    tmp_path: Path, damaged: Callable[[Path], int], known: bool
) -> None:
    path = tmp_path / "journal.db"
    got: list[Incident] = []
    assert not await played(path, "0 a x 16 \n 0 b x 20 \n| 60", got)
    before = {one.id for one in got}
    assert len(before) == 2
    spoil(path, damaged(path))
    assert await played(path, "| 70 \n 71 a x 1 \n| 72", got) is known
    assert {one.id for one in got} == before
    once = list({(one.id, one.cleared_at): one for one in got}.values())
    assert outcome(once) == [
        "a x since 0 fired 60 cleared 71 value 16",
        "b x since 0 fired 60 value 20",
    ]


async def test_records_that_are_gone_are_judged_no_more_and_none_twice(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    got: list[Incident] = []
    await played(path, "0 a x 16 \n| 60", got)
    spoil(path, page_of(path, "records"))
    await played(path, "| 70 \n 71 a x 1 \n| 72", got)
    assert outcome(got) == ["a x since 0 fired 60 cleared 71 value 16"]
