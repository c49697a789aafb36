"""What a damaged log costs, and what cannot be salvaged or was salvaged only in part."""

import contextlib
import random
import shutil
import sqlite3
from pathlib import Path

import pytest
import structlog

from bench.contracts.journal import drain, plain, ticks
from citypatrol.errors import ConfigError
from citypatrol.journal import Snapshot
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.journal_table import GAP
from citypatrol.records import Tick
from tests.citypatrol.a_damaged_journal import (
    COUNT,
    PAGE,
    as_written,
    content,
    dropped,
    filled,
    flip,
    leaf_with,
    put,
    record,
    spoil,
)
from tests.citypatrol.a_journal import MakeJournal


@pytest.fixture
def journal_path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


async def left_by_a_crash(make: MakeJournal, path: Path) -> Path:
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


async def test_a_log_that_ends_in_the_middle_of_a_frame(
    make_journal: MakeJournal, journal_path: Path
) -> None:
    crashed = await left_by_a_crash(make_journal, journal_path)
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


async def test_a_log_that_is_damaged_is_cut_and_told(
    make_journal: MakeJournal, journal_path: Path
) -> None:
    crashed = await left_by_a_crash(make_journal, journal_path)
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


async def test_rubbish_is_told_with_the_way_out(
    make_journal: MakeJournal, journal_path: Path
) -> None:
    put(journal_path, random.Random(3).randbytes(50_000))
    before = content(journal_path)
    with pytest.raises(ConfigError, match=r"journal is damaged and cannot be salvaged \(.*\); "):
        await make_journal().open()
    assert content(journal_path) == before
    assert sorted(p.name for p in journal_path.parent.iterdir()) == [
        "journal.db",
        "journal.db.lock",
    ]


async def test_a_salvage_that_was_cut_short_begins_again(
    make_journal: MakeJournal, journal_path: Path
) -> None:
    await filled(make_journal)
    spoil(journal_path, 1)
    journal_path.with_name("journal.db.salvaged").write_bytes(b"half a file")
    assert len(await drain(make_journal(), "new")) == COUNT + 1


async def test_any_byte_anywhere(make_journal: MakeJournal, journal_path: Path) -> None:
    """Whatever one byte becomes: nothing wrong is read, and the journal works."""
    await filled(make_journal, count=100)
    whole = content(journal_path)
    rng = random.Random(11)
    for at in [*range(28, 100, 9), *(rng.randrange(100, len(whole)) for _ in range(40))]:
        if 60 <= at < 72:
            continue  # whose file it is, and of which version: that is asked first
        for old in journal_path.parent.glob("journal.db*"):
            old.unlink()
        data = bytearray(whole)
        data[at] ^= 1 << rng.randrange(8)
        put(journal_path, bytes(data))
        journal = make_journal()
        entries = await drain(journal, "new")
        assert as_written(entries), at
        assert len([e for e in entries if e.position <= 100]) > 40, at
        last = await journal.append([Tick(1), Tick(2)])
        assert ticks(await journal.read("new", after=last - 2)) == [1, 2], at
        await journal.close()


async def test_a_salvage_that_only_lacks_its_name_is_taken(
    make_journal: MakeJournal, journal_path: Path
) -> None:
    await filled(make_journal)
    page = leaf_with(journal_path, 301)
    spoil(journal_path, page, length=200)
    damaged = content(journal_path)
    journal = make_journal()
    entries = await drain(journal, "new")
    await journal.close()
    put(journal_path.with_name("journal.db.salvaged"), content(journal_path))
    put(journal_path, damaged)
    assert plain([e.record for e in await drain(make_journal(), "new")]) == plain(
        [e.record for e in entries]
    )
    assert not journal_path.with_name("journal.db.salvaged").exists()


async def test_a_cursor_that_a_disk_has_moved_begins_again(
    make_journal: MakeJournal, journal_path: Path
) -> None:
    await filled(make_journal)
    with contextlib.closing(sqlite3.connect(journal_path)) as connection, connection:
        connection.execute("UPDATE cursors SET position = 618 WHERE name = 'influx'")
    journal = make_journal()
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
async def test_a_journal_without_checksums_goes_on(
    make_journal: MakeJournal, journal_path: Path, first_page: str
) -> None:
    with contextlib.closing(sqlite3.connect(journal_path)) as connection:
        connection.executescript(V1)
    if first_page == "damaged":
        spoil(journal_path, 1)
    journal = make_journal()
    assert ticks(await journal.read("new")) == [7]
    assert await journal.committed("rules") == 1
    assert await journal.load_snapshot("rules") == Snapshot(1, b"\x01\x02\x03")
    last = await journal.append([Tick(8)])
    await journal.close()
    assert ticks(await make_journal().read("new", after=last - 1)) == [8]
