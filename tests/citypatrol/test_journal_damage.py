"""Journals with bytes turned and tails cut: what lies before the damage is kept, and nobody is told
less than happened."""

import contextlib
import random
import shutil
import sqlite3
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import structlog

from bench.contracts.journal import drain, plain, ticks
from citypatrol import metrics
from citypatrol.errors import ConfigError
from citypatrol.journal import Entry, Snapshot
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.journal_table import GAP
from citypatrol.records import Tick
from citypatrol.samples import Batch, Sample

PAGE = 4096
COUNT = 620
SNAPSHOT = Snapshot(290, bytes(range(256)) * 40)
Make = Callable[..., SqliteJournal]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
async def make(path: Path) -> AsyncIterator[Make]:
    made: list[SqliteJournal] = []

    def one(**options: Any) -> SqliteJournal:
        made.append(SqliteJournal(path, **options))
        return made[-1]

    yield one
    for journal in made:
        await journal.close()


def record(n: int) -> Batch | Tick:
    if n % 3:
        return Tick(n)
    return Batch.of([Sample(f"s{m}", "x", n, float(n + m)) for m in range(20 + n % 40)])


async def filled(make: Make, *, count: int = COUNT) -> None:
    """A journal of so many records, two cursors, a snapshot of many pages and a fact; closed."""
    journal = make()
    for n in range(1, count + 1, 20):
        await journal.append([record(m) for m in range(n, n + 20)])
    await journal.commit("rules", count // 2)
    await journal.commit("influx", 20)
    await journal.save_snapshot("rules", SNAPSHOT)
    await journal.meta_set("mqtt.client_id", "citypatrol-1a2b")
    await journal.close()


def content(path: Path) -> bytes:
    return path.read_bytes()


def put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def leaf_with(path: Path, tick: int) -> int:
    """The number of the page that holds this tick. A page's first byte says that it is a leaf."""
    at = content(path).index(b'{"type":"tick","ts":%d}' % tick)
    assert content(path)[at // PAGE * PAGE] == 0x0D
    return at // PAGE + 1


def spoil(path: Path, page: int, *, at: int = 0, length: int = PAGE) -> None:
    data = bytearray(content(path))
    start = (page - 1) * PAGE + at
    data[start : start + length] = bytes(b ^ 0xA5 for b in data[start : start + length])
    path.write_bytes(data)


def flip(path: Path, offset: int) -> None:
    data = bytearray(content(path))
    data[offset] ^= 0x10
    path.write_bytes(data)


def dropped(reason: str) -> float:
    labels = {"stage": "journal", "reason": reason}
    return metrics.REGISTRY.get_sample_value("citypatrol_dropped_total", labels) or 0.0


def as_written(entries: list[Entry]) -> bool:
    """Every entry is what was appended at its place; what a gap ends with is an empty batch."""
    for entry in entries:
        if entry.position > GAP:
            assert isinstance(entry.record, Batch)
            assert not len(entry.record)
            continue
        wanted = record(entry.position)
        if isinstance(wanted, Batch):
            assert isinstance(entry.record, Batch)
            assert list(entry.record.samples()) == list(wanted.samples())
        else:
            assert entry.record == wanted
    return True


async def test_a_turned_byte_in_a_record_costs_that_record(make: Make, path: Path) -> None:
    await filled(make)
    data = content(path)
    flip(path, data.index(b'{"type":"tick","ts":301}') + 20)
    before = dropped("unreadable")
    journal = make()
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


async def test_a_value_that_a_disk_has_turned_is_never_believed(make: Make, path: Path) -> None:
    await filled(make)
    data = content(path)
    at = next(at for at in range(len(data) - 8) if data[at : at + 8] == struct.pack("<d", 303.0))
    flip(path, at + 6)
    entries = await drain(make(), "new")
    assert as_written(entries)
    assert len(entries) == COUNT - 1


@pytest.mark.parametrize("tick", [1, 301, COUNT], ids=["first", "middle", "last"])
async def test_a_leaf_of_records_that_is_damaged(make: Make, path: Path, tick: int) -> None:
    await filled(make)
    page = leaf_with(path, tick)
    spoil(path, page, length=200)
    spoiled = content(path)[(page - 1) * PAGE : page * PAGE]
    before = dropped("damaged")
    journal = make()
    entries = await drain(journal, "new")
    positions = [e.position for e in entries if e.position <= COUNT]
    assert as_written(entries)
    assert 0 < COUNT - len(positions) < 60, "a leaf's worth"
    if tick == COUNT:
        assert positions == list(range(1, len(positions) + 1)), "all before the tail"
    assert dropped("damaged") > before
    aside = path.with_name("journal.db.damaged-1")
    assert spoiled in content(aside), "the damaged file is kept"
    assert await journal.committed("rules") == COUNT // 2
    assert await journal.committed("influx") == 20
    assert await journal.load_snapshot("rules") == SNAPSHOT
    assert await journal.meta_get("mqtt.client_id") == "citypatrol-1a2b"
    new = await journal.append([Tick(1)])
    assert new > GAP, "no position is given out twice"
    assert ticks(await journal.read("new", after=new - 1)) == [1]
    await journal.close()
    again = make()
    assert [e.position for e in await drain(again, "new")][: len(positions)] == positions
    assert not path.with_name("journal.db.damaged-2").exists()


@pytest.mark.parametrize("length", [16, 100, PAGE], ids=["magic", "header", "page"])
async def test_the_first_page_is_made_anew(make: Make, path: Path, length: int) -> None:
    await filled(make)
    spoil(path, 1, length=length)
    journal = make()
    entries = await drain(journal, "new")
    assert as_written(entries)
    assert len(entries) == COUNT + 1
    assert await journal.committed("rules") == COUNT // 2
    assert await journal.load_snapshot("rules") == SNAPSHOT
    assert not list(path.parent.glob("*.readable*"))


async def test_damage_met_while_it_runs_is_mended_while_it_runs(make: Make, path: Path) -> None:
    await filled(make)
    journal = make()
    first = await journal.read("new", limit=100)
    spoil(path, leaf_with(path, 301), length=200)
    rest = await drain(journal, "new", after=first[-1].position)
    assert as_written(first + rest)
    assert COUNT - 60 < len(first + rest) < COUNT + 1
    last = await journal.append([Tick(7)])
    assert ticks(await journal.read("new", after=last - 1)) == [7]
    await journal.close()
    assert (await make().read("new", after=last - 1))[0].record == Tick(7)


async def test_a_tail_that_was_cut_off(make: Make, path: Path) -> None:
    await filled(make)
    data = content(path)
    put(path, data[: len(data) * 2 // 3 // PAGE * PAGE + 1_000])
    entries = await drain(make(), "new")
    positions = [e.position for e in entries if e.position <= COUNT]
    assert as_written(entries)
    assert positions[:200] == list(range(1, 201))
    assert entries[-1].position >= COUNT // 2 + GAP, "so far a cursor had come"


async def test_a_snapshot_that_is_not_as_saved_is_taken_for_none(make: Make, path: Path) -> None:
    await filled(make)
    data = content(path)
    flip(path, data.index(bytes(range(256))) + 77)
    before = dropped("snapshot")
    journal = make()
    assert await journal.load_snapshot("rules") is None
    assert dropped("snapshot") == before + 1
    await journal.save_snapshot("rules", SNAPSHOT)
    assert await journal.load_snapshot("rules") == SNAPSHOT


# ---- the write-ahead log


async def left_by_a_crash(make: Make, path: Path) -> Path:
    """The files as a kill leaves them: records that are in the log only."""
    journal = make()
    for n in range(1, 201, 5):
        await journal.append([record(m) for m in range(n, n + 5)])
    crashed = path.with_name("crashed") / path.name
    crashed.parent.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(path.with_name(path.name + suffix), crashed.with_name(path.name + suffix))
    await journal.close()
    return crashed


def frame(log: Path, number: int, *, of: int) -> int:
    """The offset of a frame, ``number`` of ``of`` parts of the log."""
    frames = (log.stat().st_size - 32) // (PAGE + 24)
    return 32 + (frames * number // of) * (PAGE + 24)


async def test_a_log_that_ends_in_the_middle_of_a_frame(make: Make, path: Path) -> None:
    crashed = await left_by_a_crash(make, path)
    log = crashed.with_name(crashed.name + "-wal")
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size - 1_000)
    before = dropped("log_cut")
    journal = SqliteJournal(crashed)
    entries = await drain(journal, "new")
    await journal.close()
    assert as_written(entries)
    assert [e.position for e in entries] == list(range(1, 196)), "without its last commit"
    assert dropped("log_cut") == before, "as a crash leaves it"


async def test_a_log_that_is_damaged_is_cut_and_told(make: Make, path: Path) -> None:
    crashed = await left_by_a_crash(make, path)
    log = crashed.with_name(crashed.name + "-wal")
    flip(log, frame(log, 1, of=2) + 24 + 500)
    before = dropped("log_cut")
    journal = SqliteJournal(crashed)
    with structlog.testing.capture_logs() as logs:
        entries = await drain(journal, "new")
    positions = [e.position for e in entries]
    kept = len(positions) - 1
    assert as_written(entries)
    assert 20 < kept < 195
    assert positions == [*range(1, kept + 1), kept + GAP]
    assert dropped("log_cut") > before
    (line,) = [line for line in logs if line["log_level"] == "error"]
    assert "write-ahead log was damaged and is cut" in line["event"]
    assert line["after"] == kept
    assert await journal.append([Tick(1)]) == kept + GAP + 1
    await journal.close()


# ---- what cannot be salvaged


async def test_rubbish_is_told_with_the_way_out(make: Make, path: Path) -> None:
    put(path, random.Random(3).randbytes(50_000))
    before = content(path)
    with pytest.raises(ConfigError, match=r"journal is damaged and cannot be salvaged \(.*\); "):
        await make().open()
    assert content(path) == before
    assert sorted(p.name for p in path.parent.iterdir()) == ["journal.db", "journal.db.lock"]


async def test_a_salvage_that_was_cut_short_begins_again(make: Make, path: Path) -> None:
    await filled(make)
    spoil(path, 1)
    path.with_name("journal.db.salvaged").write_bytes(b"half a file")
    assert len(await drain(make(), "new")) == COUNT + 1


async def test_any_byte_anywhere(make: Make, path: Path) -> None:
    """Whatever one byte becomes: nothing wrong is read, and the journal works."""
    await filled(make, count=100)
    whole = content(path)
    rng = random.Random(11)
    for at in [*range(28, 100, 9), *(rng.randrange(100, len(whole)) for _ in range(40))]:
        if 60 <= at < 72:
            continue  # whose file it is, and of which version: that is asked first
        for old in path.parent.glob("journal.db*"):
            old.unlink()
        data = bytearray(whole)
        data[at] ^= 1 << rng.randrange(8)
        put(path, bytes(data))
        journal = make()
        entries = await drain(journal, "new")
        assert as_written(entries), at
        assert len([e for e in entries if e.position <= 100]) > 40, at
        last = await journal.append([Tick(1), Tick(2)])
        assert ticks(await journal.read("new", after=last - 2)) == [1, 2], at
        await journal.close()


async def test_a_salvage_that_only_lacks_its_name_is_taken(make: Make, path: Path) -> None:
    await filled(make)
    page = leaf_with(path, 301)
    spoil(path, page, length=200)
    damaged = content(path)
    journal = make()
    entries = await drain(journal, "new")
    await journal.close()
    put(path.with_name("journal.db.salvaged"), content(path))
    put(path, damaged)
    assert plain([e.record for e in await drain(make(), "new")]) == plain(
        [e.record for e in entries]
    )
    assert not path.with_name("journal.db.salvaged").exists()


async def test_a_cursor_that_a_disk_has_moved_begins_again(make: Make, path: Path) -> None:
    await filled(make)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE cursors SET position = 618 WHERE name = 'influx'")
    journal = make()
    assert await journal.committed("influx") == 0
    assert await journal.committed("rules") == COUNT // 2
    assert [e.position for e in await drain(journal, "influx")][:COUNT] == list(range(1, COUNT + 1))


V1 = """
CREATE TABLE records (
  position INTEGER PRIMARY KEY, at INTEGER NOT NULL, is_batch INTEGER NOT NULL,
  batches INTEGER NOT NULL, total INTEGER NOT NULL, data BLOB NOT NULL
) STRICT;
CREATE TABLE cursors (name TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT;
CREATE TABLE snapshots (
  name TEXT NOT NULL, number INTEGER NOT NULL, position INTEGER NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (name, number)
) STRICT;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
INSERT INTO records VALUES (1, 0, 0, 0, 86, CAST('{"type":"tick","ts":7}' AS BLOB));
INSERT INTO cursors VALUES ('rules', 1);
INSERT INTO snapshots VALUES ('rules', 0, 1, x'0102'), ('rules', 1, 1, x'03');
PRAGMA application_id = 0x43504A4E;
PRAGMA user_version = 1
"""


@pytest.mark.parametrize("first_page", ["whole", "damaged"])
async def test_a_journal_without_checksums_goes_on(make: Make, path: Path, first_page: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(V1)
    if first_page == "damaged":
        spoil(path, 1)
    journal = make()
    assert ticks(await journal.read("new")) == [7]
    assert await journal.committed("rules") == 1
    assert await journal.load_snapshot("rules") == Snapshot(1, b"\x01\x02\x03")
    last = await journal.append([Tick(8)])
    await journal.close()
    assert ticks(await make().read("new", after=last - 1)) == [8]
