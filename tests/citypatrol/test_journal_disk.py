"""The journal on a disk that is really full."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.contracts.journal import drain
from bench.servers.small_disk import NotPermitted, SmallDisk, small_disk
from citypatrol import metrics
from citypatrol.clock import ManualClock
from citypatrol.errors import ConfigError, Retry
from citypatrol.journal import JournalFull, Snapshot
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.samples import Batch, Sample

MB = 1_000_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    try:
        with small_disk(tmp_path / "disk", size=8 * MB) as mounted:
            yield mounted
    except NotPermitted as error:
        pytest.skip(f"mounting is not permitted here: {error}")


def batch(n: int, *, size: int = 300) -> Batch:
    return Batch.of([Sample(f"s{m}", "x", n, float(m)) for m in range(size)])


def refuses() -> float | None:
    return metrics.REGISTRY.get_sample_value("citypatrol_journal_refuses")


async def until_full(journal: SqliteJournal) -> int:
    """Appends until it refuses; the last position that was given."""
    for n in range(10_000):
        try:
            last = await journal.append([batch(n)])
        except JournalFull:
            return last
    message = "it was never full"
    raise AssertionError(message)


async def test_a_full_disk_refuses_keeps_and_recovers(disk: SmallDisk) -> None:
    journal = SqliteJournal(disk.folder / "journal.db")
    await journal.append([batch(0)])
    assert refuses() == 0
    disk.fill(leaving=MB)
    last = await until_full(journal)
    assert last > 20
    for work in (
        lambda: journal.append([batch(1)]),
        lambda: journal.save_snapshot("rules", Snapshot(1, bytes(MB))),
    ):
        with pytest.raises(JournalFull, match="is the disk full"):
            await work()
    assert refuses() == 1
    assert len(await drain(journal, "rules")) == last
    assert await journal.end() == last
    disk.empty()
    assert await journal.append([batch(2)]) == last + 1
    assert refuses() == 0
    await journal.close()
    again = SqliteJournal(disk.folder / "journal.db")
    assert [e.position for e in await drain(again, "rules")] == list(range(1, last + 2))
    await again.close()


async def test_a_start_on_a_full_disk_says_so(disk: SmallDisk) -> None:
    journal = SqliteJournal(disk.folder / "journal.db")
    await journal.append([batch(0)])
    await journal.close()
    disk.fill(leaving=0)
    again = SqliteJournal(disk.folder / "journal.db")
    with pytest.raises(ConfigError, match=r"journal cannot be used: .*; is the disk full\?"):
        await again.open()
    disk.empty()
    assert len(await drain(again, "rules")) == 1
    await again.close()


async def test_damage_that_finds_no_room_is_mended_once_there_is_some(disk: SmallDisk) -> None:
    path, clock = disk.folder / "journal.db", ManualClock(0)
    journal = SqliteJournal(path, clock=clock)
    for n in range(100):
        await journal.append([batch(n)])
    await journal.close()
    again = SqliteJournal(path, clock=clock)
    await again.open()
    spoil_middle(path)
    disk.fill(leaving=100_000)
    for _ in range(2):
        with pytest.raises(Retry, match=r"damaged and cannot be salvaged \(.*make room"):
            await drain(again, "rules")
    with pytest.raises(Retry, match="make room for a second file"):
        await again.append([batch(1)])
    assert refuses() == 1
    disk.empty()
    clock.advance(60_000)
    assert await again.append([batch(1)]) > 100
    assert 80 < len(await drain(again, "rules")) < 102
    assert refuses() == 0
    await again.close()


def spoil_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096 * 4] = bytes(4096 * 4)
    path.write_bytes(data)
