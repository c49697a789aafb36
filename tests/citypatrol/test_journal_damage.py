"""Journals with bytes turned and tails cut: what lies before the damage is kept, and nobody is told
less than happened."""

import struct
from pathlib import Path

import pytest
import structlog

from bench.contracts.journal import drain, ticks
from citypatrol.journal_table import GAP
from citypatrol.records import Tick
from tests.citypatrol.a_damaged_journal import (
    COUNT,
    PAGE,
    SNAPSHOT,
    as_written,
    content,
    dropped,
    filled,
    flip,
    leaf_with,
    put,
    spoil,
)
from tests.citypatrol.a_journal import MakeJournal


@pytest.fixture
def journal_path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


async def test_a_turned_byte_in_a_record_costs_that_record(
    make_journal: MakeJournal, journal_path: Path
) -> None:
    await filled(make_journal)
    data = content(journal_path)
    flip(journal_path, data.index(b'{"type":"tick","ts":301}') + 20)
    before = dropped("unreadable")
    journal = make_journal()
    put_aside: list[tuple[int, bytes, str]] = []
    with structlog.testing.capture_logs() as logs:
        entries = await drain(journal, "new")
        await drain(journal, "another")
    assert [e.position for e in entries] == [n for n in range(1, COUNT + 1) if n != 301]
    assert as_written(entries)
    assert dropped("unreadable") == before + 1, "once for all its readers"
    assert [(line["position"], line["error"]) for line in logs] == [
        (301, "its checksum is another one")
    ]
    journal.set_aside(lambda *told: put_aside.append(told))
    assert put_aside == [(301, b'{"type":"tick","ts":#01}', "its checksum is another one")]


async def test_a_value_that_a_disk_has_turned_is_never_believed(
    make_journal: MakeJournal, journal_path: Path
) -> None:
    await filled(make_journal)
    data = content(journal_path)
    at = next(at for at in range(len(data) - 8) if data[at : at + 8] == struct.pack("<d", 303.0))
    flip(journal_path, at + 6)
    entries = await drain(make_journal(), "new")
    assert as_written(entries)
    assert len(entries) == COUNT - 1


@pytest.mark.parametrize("tick", [1, 301, COUNT], ids=["first", "middle", "last"])
async def test_a_leaf_of_records_that_is_damaged(
    make_journal: MakeJournal, journal_path: Path, tick: int
) -> None:
    await filled(make_journal)
    page = leaf_with(journal_path, tick)
    spoil(journal_path, page, length=200)
    spoiled = content(journal_path)[(page - 1) * PAGE : page * PAGE]
    before = dropped("damaged")
    journal = make_journal()
    entries = await drain(journal, "new")
    positions = [e.position for e in entries if e.position <= COUNT]
    assert as_written(entries)
    assert 0 < COUNT - len(positions) < 60, "a leaf's worth"
    if tick == COUNT:
        assert positions == list(range(1, len(positions) + 1)), "all before the tail"
    assert dropped("damaged") > before
    aside = journal_path.with_name("journal.db.damaged-1")
    assert spoiled in content(aside), "the damaged file is kept"
    assert await journal.committed("rules") == COUNT // 2
    assert await journal.committed("influx") == 20
    assert await journal.load_snapshot("rules") == SNAPSHOT
    assert await journal.meta_get("mqtt.client_id") == "citypatrol-1a2b"
    new = await journal.append([Tick(1)])
    assert new > GAP, "no position is given out twice"
    assert ticks(await journal.read("new", after=new - 1)) == [1]
    await journal.close()
    again = make_journal()
    assert [e.position for e in await drain(again, "new")][: len(positions)] == positions
    assert not journal_path.with_name("journal.db.damaged-2").exists()


@pytest.mark.parametrize("length", [16, 100, PAGE], ids=["magic", "header", "page"])
async def test_the_first_page_is_made_anew(
    make_journal: MakeJournal, journal_path: Path, length: int
) -> None:
    await filled(make_journal)
    spoil(journal_path, 1, length=length)
    journal = make_journal()
    entries = await drain(journal, "new")
    assert as_written(entries)
    assert len(entries) == COUNT + 1
    assert await journal.committed("rules") == COUNT // 2
    assert await journal.load_snapshot("rules") == SNAPSHOT
    assert not list(journal_path.parent.glob("*.readable*"))


async def test_damage_met_while_it_runs_is_mended_while_it_runs(
    make_journal: MakeJournal, journal_path: Path
) -> None:
    await filled(make_journal)
    journal = make_journal()
    first = await journal.read("new", limit=100)
    spoil(journal_path, leaf_with(journal_path, 301), length=200)
    rest = await drain(journal, "new", after=first[-1].position)
    assert as_written(first + rest)
    assert COUNT - 60 < len(first + rest) < COUNT + 1
    last = await journal.append([Tick(7)])
    assert ticks(await journal.read("new", after=last - 1)) == [7]
    await journal.close()
    assert (await make_journal().read("new", after=last - 1))[0].record == Tick(7)


async def test_a_tail_that_was_cut_off(make_journal: MakeJournal, journal_path: Path) -> None:
    await filled(make_journal)
    data = content(journal_path)
    put(journal_path, data[: len(data) * 2 // 3 // PAGE * PAGE + 1_000])
    entries = await drain(make_journal(), "new")
    positions = [e.position for e in entries if e.position <= COUNT]
    assert as_written(entries)
    assert positions[:200] == list(range(1, 201))
    assert entries[-1].position >= COUNT // 2 + GAP, "so far a cursor had come"


async def test_a_snapshot_that_is_not_as_saved_is_taken_for_none(
    make_journal: MakeJournal, journal_path: Path
) -> None:
    await filled(make_journal)
    data = content(journal_path)
    flip(journal_path, data.index(bytes(range(256))) + 77)
    before = dropped("snapshot")
    journal = make_journal()
    assert await journal.load_snapshot("rules") is None
    assert dropped("snapshot") == before + 1
    await journal.save_snapshot("rules", SNAPSHOT)
    assert await journal.load_snapshot("rules") == SNAPSHOT
