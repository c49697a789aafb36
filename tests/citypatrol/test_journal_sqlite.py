"""The SQLite journal: the contract, and its one owner."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bench.contracts.journal import CONTRACT, Reopen, drain, ticks
from citypatrol.errors import ConfigError
from citypatrol.journal import Journal
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import Tick
from tests.citypatrol.a_journal import MakeJournal, batch


@pytest.mark.parametrize("keeps", CONTRACT, ids=lambda f: f.__name__)
async def test_contract(
    keeps: Callable[[Reopen], Awaitable[None]], make_journal: MakeJournal
) -> None:
    await keeps(make_journal)


async def test_constructing_opens_nothing_and_it_is_a_journal(journal_path: Path) -> None:
    journal: Journal = SqliteJournal(journal_path)
    assert not journal_path.parent.exists()
    await journal.close()
    assert not journal_path.parent.exists()


async def test_small_facts_are_kept(make_journal: MakeJournal) -> None:
    journal = make_journal()
    assert await journal.meta_get("mqtt.client_id") is None
    await journal.meta_set("mqtt.client_id", "citypatrol-1a2b")
    await journal.meta_set("mqtt.client_id", "citypatrol-3c4d")
    assert await journal.meta_get("mqtt.client_id") == "citypatrol-3c4d"
    await journal.close()
    assert await make_journal().meta_get("mqtt.client_id") == "citypatrol-3c4d"


async def test_a_closed_journal_says_so(make_journal: MakeJournal, journal_path: Path) -> None:
    journal = make_journal()
    waiting = asyncio.create_task(journal.read("rules", wait_s=60))
    await asyncio.sleep(0.05)
    await journal.close()
    await journal.close()
    assert await waiting == []
    with pytest.raises(RuntimeError, match=rf"journal {journal_path} is closed"):
        await journal.append([Tick(1)])


async def test_what_was_asked_for_is_stored_by_close(make_journal: MakeJournal) -> None:
    journal = make_journal()
    await journal.open()
    appends = [asyncio.create_task(journal.append([Tick(n)])) for n in range(50)]
    await asyncio.sleep(0)
    await journal.close()
    assert sorted(await asyncio.gather(*appends)) == list(range(1, 51))
    assert await make_journal().end() == 50


async def test_a_cancelled_append_harms_nobody(make_journal: MakeJournal) -> None:
    journal = make_journal()
    await journal.open()
    tasks = [asyncio.create_task(journal.append([Tick(n)])) for n in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await journal.append([Tick(99)]) >= 11


async def test_pages_are_bounded_by_bytes_too(make_journal: MakeJournal) -> None:
    journal = make_journal()
    wide = batch(size=200_000)
    await journal.append([wide] * 6)
    page = await journal.read("rules", limit=500)
    assert 1 <= len(page) < 6
    assert len(await drain(journal, "rules")) == 6
    assert await journal.read("rules", limit=0) == []


async def test_a_commit_beyond_the_end_is_a_bug_of_the_caller(make_journal: MakeJournal) -> None:
    journal = make_journal()
    await journal.append([Tick(1)])
    done = await asyncio.gather(
        journal.commit("rules", 2), journal.append([Tick(2)]), return_exceptions=True
    )
    assert done[1] == 2
    assert await journal.committed("rules") in (0, 2)
    with pytest.raises(ValueError, match="cursor 'rules': position 9 is beyond the end, 2"):
        await journal.commit("rules", 9)


async def test_a_record_that_cannot_be_encoded_takes_no_other_with_it(
    make_journal: MakeJournal,
) -> None:
    journal = make_journal()
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


async def test_a_second_process_is_told_who_owns_it(
    make_journal: MakeJournal, journal_path: Path
) -> None:
    with subprocess.Popen(  # noqa: ASYNC220  the test waits for it all the same
        [sys.executable, "-c", OPENER, str(journal_path)], stdout=subprocess.PIPE, text=True
    ) as owner:
        try:
            assert owner.stdout is not None
            assert owner.stdout.readline() == "open\n"
            with pytest.raises(ConfigError) as caught:
                await make_journal().open()
        finally:
            owner.kill()
    assert str(caught.value) == (
        f"{journal_path}: journal is in use by process {owner.pid} "
        f"(lock file {journal_path}.lock); stop that one first"
    )
    assert await make_journal().end() == 1, "a killed owner owns nothing"


async def test_a_second_handle_in_one_process_is_refused(
    make_journal: MakeJournal, journal_path: Path
) -> None:
    first = make_journal()
    await first.open()
    with pytest.raises(ConfigError, match="journal is in use by this process"):
        await make_journal().open()
    await first.append([Tick(1)])
    await first.close()
    await make_journal().open()


@pytest.mark.parametrize("what", ["folder", "lock"])
async def test_a_place_that_cannot_be_written(
    make_journal: MakeJournal, journal_path: Path, what: str
) -> None:
    if what == "folder":
        journal_path.parent.write_text("a file", encoding="utf-8")
    else:
        journal_path.with_name(journal_path.name + ".lock").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"lock file .*journal\.db\.lock cannot be made: "):
        await make_journal().open()
