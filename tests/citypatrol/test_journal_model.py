"""The SQLite journal against a plain model: whatever was acknowledged is there after any crash."""

import asyncio
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bench.contracts.journal import drain, plain
from citypatrol.clock import ManualClock
from citypatrol.journal import Snapshot
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import ModeSwitched, Record, Tick
from citypatrol.samples import Batch, Sample

KEEP = 1_000
HOLDS = ("rules", "history")
CURSORS = st.sampled_from(["rules", "influx", "history"])
RECORDS = st.one_of(
    st.builds(Tick, st.integers(0, 2**53)),
    st.builds(ModeSwitched, st.integers(0, 2**53), st.text(max_size=5)),
    st.builds(
        Batch.of,
        st.lists(
            st.builds(
                Sample,
                st.text(min_size=1, max_size=4),
                st.sampled_from(["pm25", "lit"]),
                st.integers(0, 2**53),
                st.floats(allow_nan=False, allow_infinity=False),
                st.none() | st.just("ab" * 32),
            ),
            max_size=4,
        ),
    ),
)


class JournalMachine(RuleBasedStateMachine):
    """A crash is the files as they lie at that moment, opened by somebody else."""

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="journal-"))
        self.lives = 0
        self.clock = ManualClock(0)
        self.records: list[tuple[int, Record]] = []
        self.first = 1
        self.cursors: dict[str, int] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self.journal = self.opened()

    def opened(self) -> SqliteJournal:
        path = self.folder / f"{self.lives}.db"
        return SqliteJournal(path, keep=KEEP, holds=HOLDS, clock=self.clock)

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    @rule(groups=st.lists(st.lists(RECORDS, min_size=1, max_size=3), min_size=1, max_size=4))
    def append(self, groups: list[list[Record]]) -> None:
        async def at_once() -> list[int]:
            return await asyncio.gather(*map(self.journal.append, groups))

        lasts = self.run(at_once())
        for last, group in sorted(zip(lasts, groups, strict=True), key=lambda pair: pair[0]):
            assert last == len(self.records) + len(group)
            self.records += [(self.clock.now(), record) for record in group]

    @rule(cursor=CURSORS, share=st.floats(0, 1))
    def commit(self, cursor: str, share: float) -> None:
        position = round(share * len(self.records))
        self.run(self.journal.commit(cursor, position))
        self.cursors[cursor] = max(position, self.cursors.get(cursor, 0))

    @rule(cursor=CURSORS, limit=st.integers(1, 5))
    def read(self, cursor: str, limit: int) -> None:
        entries = self.run(self.journal.read(cursor, limit=limit))
        start = max(self.cursors.get(cursor, 0) + 1, self.first)
        expected = [record for _, record in self.records[start - 1 :][:limit]]
        assert [entry.position for entry in entries] == list(range(start, start + len(expected)))
        assert plain([entry.record for entry in entries]) == plain(expected)

    @rule(data=st.binary(max_size=20), times=st.sampled_from([1, 60_000]), name=CURSORS)
    def snapshot(self, data: bytes, times: int, name: str) -> None:
        snapshot = Snapshot(self.cursors.get(name, 0), data * times)
        self.run(self.journal.save_snapshot(name, snapshot))
        self.snapshots[name] = snapshot

    @rule(by=st.sampled_from([1, KEEP // 2, KEEP]))
    def time_passes(self, by: int) -> None:
        self.clock.advance(by)

    @rule()
    def prune(self) -> None:
        now = self.clock.now()
        pruned = self.run(self.journal.prune(now))
        before = self.first
        limit = self.first_needed()
        while (
            self.first < min(limit, len(self.records))
            and self.records[self.first - 1][0] <= now - KEEP
        ):
            self.first += 1
        assert pruned == self.first - before

    def first_needed(self) -> int:
        needed = [self.cursors.get("rules", 0), *self.cursors.values()]
        needed += [self.cursors.get("history", 0)]
        needed += [s.position for name, s in self.snapshots.items() if name in HOLDS]
        return min(needed) + 1

    @rule()
    def crash(self) -> None:
        before = self.folder / f"{self.lives}.db"
        self.lives += 1
        for suffix in ("", "-wal"):
            part = before.with_name(before.name + suffix)
            if part.exists():
                shutil.copy(part, self.folder / f"{self.lives}.db{suffix}")
        self.run(self.journal.close())
        self.journal = self.opened()

    @rule()
    def close_and_open(self) -> None:
        self.run(self.journal.close())
        self.journal = self.opened()

    @invariant()
    def everything_acknowledged_is_there(self) -> None:
        async def seen() -> tuple[Any, ...]:
            journal = self.journal
            return (
                await journal.end(),
                await drain(journal, "looks", limit=7),
                {name: await journal.committed(name) for name in self.cursors},
                {name: await journal.load_snapshot(name) for name in self.snapshots},
            )

        end, entries, cursors, snapshots = self.run(seen())
        assert end == len(self.records)
        there = range(self.first, len(self.records) + 1)
        assert [entry.position for entry in entries] == list(there)
        expected = [record for _, record in self.records[self.first - 1 :]]
        assert plain([entry.record for entry in entries]) == plain(expected)
        assert cursors == self.cursors
        assert snapshots == self.snapshots

    def teardown(self) -> None:
        self.run(self.journal.close())
        self.runner.close()
        shutil.rmtree(self.folder)


JournalMachine.TestCase.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
test_journal_model = pytest.mark.filterwarnings("error")(JournalMachine.TestCase)


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
