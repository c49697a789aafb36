"""A journal of known records, and ways to damage its file."""

from pathlib import Path

from citypatrol import metrics
from citypatrol.journal import Entry, Snapshot
from citypatrol.journal_table import GAP
from citypatrol.records import Tick
from citypatrol.samples import Batch, Sample
from tests.citypatrol.a_journal import MakeJournal

PAGE = 4096
COUNT = 620
SNAPSHOT = Snapshot(290, bytes(range(256)) * 40)


def record(n: int) -> Batch | Tick:
    if n % 3:
        return Tick(n)
    return Batch.of([Sample(f"s{m}", "x", n, float(n + m)) for m in range(20 + n % 40)])


async def filled(make: MakeJournal, *, count: int = COUNT) -> None:
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
