"""The journal of a process that was killed."""

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson

from bench.contracts.journal import drain
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import Tick
from citypatrol.samples import Batch, Sample

APPENDER = """
import asyncio, sys
from pathlib import Path
from citypatrol.journal import Snapshot
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import Tick
from citypatrol.samples import Batch, Sample

async def one(journal, name, number):
    while True:
        number += 1
        sample = Sample(name, "x", number, float(number))
        last = await journal.append([Batch.of([sample]), Tick(number)])
        print(f'["{name}",{number},{last}]', flush=True)
        if number % 10 == 0:
            await journal.save_snapshot(name, Snapshot(last, b"%d" % number * 200_000))
            await journal.commit(name, last)

async def main():
    journal = SqliteJournal(Path(sys.argv[1]))
    begin = int(sys.argv[2])
    await asyncio.gather(*(one(journal, f"task-{n}", begin) for n in range(6)))

asyncio.run(main())
"""


def killed_after(path: Path, *, begin: int, lines: int, wait_s: float) -> list[list[Any]]:
    """What a child that appends was told is stored before it was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", APPENDER, str(path), str(begin)], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        try:
            acknowledged = [child.stdout.readline() for _ in range(lines)]
            time.sleep(wait_s)
        finally:
            child.kill()
        acknowledged += child.stdout.read().splitlines(keepends=True)
    whole = [line for line in acknowledged if line.endswith(b"\n")]
    return [orjson.loads(line) for line in whole]


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    instants = random.Random(7)
    stored: dict[int, tuple[str, int]] = {}
    for life in range(4):
        acknowledged = killed_after(
            path,
            begin=life * 1_000_000,
            lines=instants.randrange(20, 120),
            wait_s=instants.random() / 20,
        )
        assert len(acknowledged) >= 20
        for name, number, last in acknowledged:
            assert last not in stored, "a position was given out twice"
            stored[last] = (name, number)

        async def look() -> None:
            journal = SqliteJournal(path)
            by_position = {e.position: e.record for e in await drain(journal, "looks")}
            assert sorted(by_position) == list(range(1, len(by_position) + 1))
            for last, (name, number) in stored.items():
                batch = by_position[last - 1]
                assert isinstance(batch, Batch)
                assert list(batch.samples()) == [Sample(name, "x", number, float(number))]
                assert by_position[last] == Tick(number)
            for name in {name for name, _ in stored.values()}:
                snapshot = await journal.load_snapshot(name)
                if snapshot is not None:
                    tick = by_position[snapshot.position]
                    assert isinstance(tick, Tick)
                    assert snapshot.data == b"%d" % tick.ts * 200_000
                    assert await journal.committed(name) <= snapshot.position
            await journal.close()

        asyncio.run(look())
