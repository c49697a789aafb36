"""What the Parquet history costs: processor time and bytes a sample, from a real journal.

`python -m bench.history`; the peer is DuckDB, which writes the same rows as Parquet from memory.
"""

import asyncio
import os
import resource
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from bench.report import arguments, report
from citypatrol.clock import SystemClock
from citypatrol.history.buffer import Buffer
from citypatrol.history.layout import HOUR_MS
from citypatrol.history.reading import History
from citypatrol.history.stage import HistoryStage
from citypatrol.history.upkeep import Upkeep
from citypatrol.journal import Entry
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.logs import configure as configure_logs
from citypatrol.records import Record, Tick
from citypatrol.samples import Batch

SOURCES = 219_300
A_SECOND = 21_930
A_BATCH = 500
START = 1_778_655_600_000
METRICS = ("pm25", "water_level", "temperature", "humidity", "noise")


def city(seconds: int) -> Iterator[list[Record]]:
    """A second of it at a time: each source speaks every ten seconds, one decimal a value."""
    chance = np.random.default_rng(4)
    names = np.array([f"sensor-{number:06d}" for number in range(SOURCES)])
    level = chance.normal(50, 15, SOURCES)
    for second in range(seconds):
        records: list[Record] = []
        speaks = np.arange(second % 10, SOURCES, 10)
        chance.shuffle(speaks)
        for start in range(0, len(speaks), A_BATCH):
            who = speaks[start : start + A_BATCH]
            level[who] += chance.normal(0, 0.5, len(who))
            records.append(
                Batch(
                    sources=tuple(names[who].tolist()),
                    source=np.arange(len(who), dtype=np.int32),
                    metrics=METRICS,
                    metric=(who % len(METRICS)).astype(np.int32),
                    ts=START + second * 1000 + chance.integers(0, 1000, len(who)),
                    value=np.round(level[who], 1),
                )
            )
        yield [*records, Tick(START + (second + 1) * 1000)]


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def drain(journal: SqliteJournal, folder: Path) -> tuple[float, float]:
    """CPU seconds of the stage with its share of the journal, and the most memory it took (MB)."""
    await journal.end()
    before, memory, most = cpu_s(), resident_mb(), 0.0
    stage = HistoryStage(journal, folder, clock=SystemClock(), gather_s=0.0)
    stop = asyncio.Event()
    running = asyncio.create_task(stage.run(stop))
    while await journal.committed("history") < await journal.end():
        if stage.read_up_to >= await journal.end():
            stop.set()
        await asyncio.sleep(0.05)
        most = max(most, resident_mb() - memory)
    await running
    return cpu_s() - before, most


async def fill(path: Path, seconds: int) -> None:
    journal = SqliteJournal(path)
    for records in city(seconds):
        await journal.append(records)
    await journal.close()


def peer(seconds: int, path: Path) -> tuple[float, int]:
    """DuckDB's CPU seconds and bytes for the same rows; what it gets is in memory already."""
    buffer = Buffer()
    for number, records in enumerate(city(seconds)):
        buffer.take([Entry(number + 1, record) for record in records])
    rows: pa.Table = buffer.table()
    before = cpu_s()
    with duckdb.connect() as connection:
        connection.register("rows", rows)
        connection.execute(f"COPY rows TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    return cpu_s() - before, path.stat().st_size


def measured(seconds: int) -> dict[str, float]:
    """In a process that has done nothing else."""
    with tempfile.TemporaryDirectory(prefix="bench-history-") as name:
        folder = Path(name)
        history = folder / "history"

        async def run() -> tuple[float, float]:
            journal = SqliteJournal(folder / "journal.db")
            try:
                return await drain(journal, history)
            finally:
                await journal.close()

        asyncio.run(fill(folder / "journal.db", seconds))
        used_s, most_mb = asyncio.run(run())
        files = History(history).files()
        samples = sum(file.rows for file in files)
        millions = samples / 1e6
        size = sum(file.size for file in files)
        before = cpu_s()
        now = START + 3 * HOUR_MS
        Upkeep(history, keep=90 * 24 * HOUR_MS, clock=SystemClock()).once(now, threading.Event())
        together_s = cpu_s() - before
        together = sum(file.size for file in History(history).files())
        before = cpu_s()
        assert not History(history).verify(now=now)
        verify_s = cpu_s() - before
        peer_s, peer_size = peer(min(seconds, 60), folder / "peer.parquet")
        peer_millions = min(seconds, 60) * A_SECOND / 1e6
    return {
        "samples": samples,
        "cpu_seconds_per_million": round(used_s / millions, 3),
        "percent_of_a_core_at_21930_per_s": round(100 * used_s / millions * A_SECOND / 1e6, 2),
        "bytes_per_sample": round(size / samples, 2),
        "bytes_per_sample_put_together": round(together / samples, 2),
        "memory_mb": round(most_mb, 1),
        "compaction_cpu_seconds_per_million": round(together_s / millions, 3),
        "verify_cpu_seconds_per_million": round(verify_s / millions, 3),
        "peer_cpu_seconds_per_million": round(peer_s / peer_millions, 3),
        "peer_bytes_per_sample": round(peer_size / (peer_millions * 1e6), 2),
    }


def main() -> int:
    args = arguments(__doc__ or "").parse_args()
    configure_logs("error", json=False)
    seconds = 20 if args.quick else 180
    figures = measured(seconds)
    conditions = {"sources": SOURCES, "samples_in_a_batch": A_BATCH, "peer": "duckdb COPY"}
    report("history", figures, conditions=conditions, as_json=args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
