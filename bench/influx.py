"""What writing to InfluxDB costs, and how fast a backlog goes out: `python -m bench.influx`.

Line protocol in bulk beside a Python string a sample, gzip apart; then a journal full of samples
is written into a real InfluxDB 1.x by the sink, as after an outage. CPU seconds are this process's
own: they hold on a busy machine too.
"""

import asyncio
import gzip
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from bench.report import arguments, report
from bench.servers.influx import Influx, influxdb
from bench.servers.pipeline import resident_bytes
from citypatrol.clock import SystemClock
from citypatrol.dead import DeadStore
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import SourceSeen
from citypatrol.samples import Batch
from sinks.config import InfluxConfig
from sinks.influx import InfluxSink
from sinks.line_protocol import lines
from sinks.page import MAX_LINES, Page
from sinks.tags import Tags

SOURCES: Final = 20_000
ROWS: Final = 500
LABELS: Final = {"kind": "probe", "district": "guancheng"}
AT: Final = 1_778_630_400_000
NAMES: Final = tuple(f"410104-probe-{number:06d}" for number in range(SOURCES))


def batches(samples: int) -> Iterator[Batch]:
    """As the intake makes them: 500 readings of 500 devices. No two points are one."""
    rng = np.random.default_rng(1)
    for number in range(samples // ROWS):
        source = rng.choice(SOURCES, ROWS, replace=False)
        yield Batch(
            sources=tuple(NAMES[one] for one in source),
            source=np.arange(ROWS, dtype=np.int32),
            metrics=("water_level", "pm25"),
            metric=rng.integers(0, 2, ROWS).astype(np.int32),
            ts=np.full(ROWS, AT + 1000 * number) + rng.integers(0, 1000, ROWS),
            value=np.round(rng.normal(20, 5, ROWS), 2),
        )


def introduced() -> Tags:
    tags = Tags()
    for name in NAMES:
        tags.learn(SourceSeen(AT, name, LABELS, 0, 0))
    return tags


def one_by_one(batch: Batch) -> bytes:
    """A Python string a sample, its series' part made once a batch: the peer."""
    tags = ",".join(f"{name}={LABELS[name]}" for name in sorted(LABELS))
    prefixes = {
        (source, metric): f"sensor,{tags},metric={metric},source={source} value="
        for source in batch.sources
        for metric in batch.metrics
    }
    columns = zip(batch.source, batch.metric, batch.ts.tolist(), batch.value.tolist(), strict=True)
    return "\n".join(
        f"{prefixes[batch.sources[source], batch.metrics[metric]]}{value!r} {ts}"
        for source, metric, ts, value in columns
    ).encode()


def cpu_per_million(work: Callable[[], object], *, samples: int) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) / samples * 1e6


def encoding(samples: int) -> dict[str, float]:
    given, tags = list(batches(samples)), introduced()
    bodies: list[bytes] = []

    def in_bulk() -> None:
        page = Page()
        for batch in given:
            page.add(batch)
            if page.is_full:
                bodies.extend(bytes(lines(part, tags=tags).body) for part in page.take())

    lines(given[0], tags=tags)  # what is imported at the first use is not counted
    bulk = cpu_per_million(in_bulk, samples=samples)
    peer = cpu_per_million(lambda: [one_by_one(batch) for batch in given], samples=samples)
    packed = cpu_per_million(lambda: [gzip.compress(one, 1) for one in bodies], samples=samples)
    return {
        "lines_cpu_s_per_million": round(bulk, 2),
        "string_a_sample_cpu_s_per_million": round(peer, 2),
        "peer_ratio": round(peer / bulk, 1),
        "gzip_cpu_s_per_million": round(packed, 2),
        "bytes_per_line": round(sum(map(len, bodies)) / samples, 1),
    }


async def catching_up(samples: int, *, server: Influx, folder: Path) -> dict[str, float]:
    """From the first read of the journal to the last commit; reading and decoding it included."""
    journal = SqliteJournal(folder / "journal.db")
    await journal.append([SourceSeen(AT, name, LABELS, 0, 0) for name in NAMES])
    some: list[Batch] = []
    for batch in batches(samples):
        some.append(batch)
        if len(some) == 100:
            await journal.append(some)
            some.clear()
    dead = DeadStore(folder / "dead.db")
    config = InfluxConfig(type="influx", version=1, url=server.url, db=server.db)
    sink = InfluxSink(journal, config, dead=dead, clock=SystemClock())
    stop = asyncio.Event()
    began, cpu = time.perf_counter(), time.process_time()
    task = asyncio.create_task(sink.run(stop))
    resident: list[int] = []
    while await journal.committed("influx") < await journal.end():
        await asyncio.sleep(0.1)
        if await journal.committed("influx") > len(NAMES):  # behind the introductions
            resident.append(resident_bytes_now())
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    stop.set()
    await task
    await journal.close()
    return {
        "catch_up_samples_per_second": round(samples / took),
        "sink_cpu_s_per_million": round(cpu / samples * 1e6, 2),
        "requests": -(-samples // MAX_LINES),
        "rss_growth_mb": round((max(resident) - resident[0]) / 1e6, 1) if resident else 0.0,
        "set_aside": sum(dead.counts().values()),
    }


def resident_bytes_now() -> int:
    return resident_bytes(os.getpid())


def main() -> int:
    args = arguments(__doc__ or "").parse_args()
    samples = 200_000 if args.quick else 1_000_000
    figures = encoding(samples)
    with influxdb() as server, tempfile.TemporaryDirectory(prefix="influx-bench-") as name:
        figures |= asyncio.run(catching_up(samples, server=server, folder=Path(name)))
    conditions = {"samples": samples, "rows_a_batch": ROWS, "sources": SOURCES}
    report("influx", figures, conditions=conditions, as_json=args.json)
    return 1 if figures["set_aside"] else 0


if __name__ == "__main__":
    sys.exit(main())
