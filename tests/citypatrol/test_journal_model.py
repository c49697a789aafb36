"""The SQLite journal against a plain model: whatever was acknowledged is there after any crash."""

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from bench.contracts.journal import drain, plain
from citypatrol.clock import ManualClock
from citypatrol.journal import Entry, JournalFull, Snapshot
from citypatrol.journal_rows import OVERHEAD
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import ModeSwitched, Record, Tick, encode_record
from citypatrol.samples import Batch, Sample
from tests.citypatrol.a_full_disk import files_end_at

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
    """A crash is the files as they lie at that moment, opened by somebody else. Damage is a byte of
    those turned on the way; then the journal may know less than the model, and nothing else."""

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="journal-"))
        self.lives = 0
        self.clock = ManualClock(0)
        self.records: dict[int, tuple[int, Record]] = {}
        self.end = 0
        self.cursors: dict[str, int] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self.saved: list[tuple[str, Snapshot]] = []
        self.journal = self.opened()

    @property
    def path(self) -> Path:
        return self.folder / f"{self.lives}.db"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.lives}.db-wal"

    def opened(self, *, max_size: int = 10**9) -> SqliteJournal:
        return SqliteJournal(self.path, keep=KEEP, max_size=max_size, holds=HOLDS, clock=self.clock)

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    @rule(groups=st.lists(st.lists(RECORDS, min_size=1, max_size=3), min_size=1, max_size=4))
    def append(self, groups: list[list[Record]]) -> None:
        async def at_once() -> list[int]:
            return await asyncio.gather(*map(self.journal.append, groups))

        lasts = self.run(at_once())
        for last, group in sorted(zip(lasts, groups, strict=True), key=lambda pair: pair[0]):
            assert last == self.end + len(group)
            for position, record in enumerate(group, start=self.end + 1):
                self.records[position] = (self.clock.now(), record)
            self.end = last

    @rule(cursor=CURSORS, share=st.floats(0, 1))
    def commit(self, cursor: str, share: float) -> None:
        positions = [0, *self.records]
        position = positions[round(share * (len(positions) - 1))]
        self.run(self.journal.commit(cursor, position))
        self.cursors[cursor] = max(position, self.cursors.get(cursor, 0))

    @rule(cursor=CURSORS, limit=st.integers(1, 5))
    def read(self, cursor: str, limit: int) -> None:
        entries = self.run(self.journal.read(cursor, limit=limit))
        after = self.cursors.get(cursor, 0)
        expected = [position for position in self.records if position > after][:limit]
        assert [entry.position for entry in entries] == expected
        self.assert_as_appended(entries)

    def assert_as_appended(self, entries: Sequence[Entry]) -> None:
        expected = [self.records[entry.position][1] for entry in entries]
        assert plain([entry.record for entry in entries]) == plain(expected)

    @rule(data=st.binary(max_size=20), times=st.sampled_from([1, 60_000]), name=CURSORS)
    def snapshot(self, data: bytes, times: int, name: str) -> None:
        snapshot = Snapshot(self.cursors.get(name, 0), data * times)
        self.run(self.journal.save_snapshot(name, snapshot))
        self.snapshots[name] = snapshot
        self.saved.append((name, snapshot))

    @rule(by=st.sampled_from([1, KEEP // 2, KEEP]))
    def time_passes(self, by: int) -> None:
        self.clock.advance(by)

    @rule()
    def prune_by_age(self) -> None:
        pruned = self.run(self.journal.prune(self.clock.now()))
        assert pruned == self.let_go(max_size=10**9)

    @rule(share=st.floats(0, 1))
    def prune_by_size(self, share: float) -> None:
        """As after a restart with a smaller `max_size`."""
        max_size = round(share * sum(map(size_of, self.records.values())))
        self.run(self.journal.close())
        self.journal = self.opened(max_size=max_size)
        before = len(self.records)
        self.let_go(max_size=max_size)
        self.run(self.journal.prune(self.clock.now()))
        assert before >= len(self.records)
        self.run(self.journal.close())
        self.journal = self.opened()

    def let_go(self, *, max_size: int) -> int:
        """What retention takes: the old that all are past, the too much that holders are past."""
        committed = [self.cursors.get(name, 0) for name in HOLDS]
        held = min([*committed, *(s.position for n, s in self.snapshots.items() if n in HOLDS)])
        behind = min([held, *self.cursors.values()])
        size = sum(map(size_of, self.records.values()))
        aim = max_size if size <= max_size else max_size * 19 // 20
        gone = 0
        for position, one in list(self.records.items()):
            old = one[0] <= self.clock.now() - KEEP and position <= behind
            if position == self.end or not (old or (size > aim and position <= held)):
                break
            size -= size_of(self.records.pop(position))
            gone += 1
        return gone

    @precondition(lambda self: self.end)
    @rule()
    def the_disk_fills(self) -> None:
        """Nothing of what does not fit is stored, and nothing else is touched."""
        wide = Batch.of([Sample(f"s{n}", "x", n, 1.0) for n in range(3_000)])
        with files_end_at(self.log.stat().st_size if self.log.exists() else 0):
            with pytest.raises(JournalFull):
                self.run(self.journal.append([wide] * 90))
            with pytest.raises(JournalFull):
                self.run(self.journal.save_snapshot("rules", Snapshot(0, bytes(9_000_000))))

    @rule()
    def crash(self) -> None:
        self.die()
        self.journal = self.opened()

    @rule()
    def close_and_open(self) -> None:
        self.run(self.journal.close())
        self.journal = self.opened()

    @precondition(lambda self: self.end)
    @rule(share=st.floats(0, 1), bit=st.integers(0, 7), in_log=st.booleans())
    def crash_and_damage(self, share: float, bit: int, in_log: bool) -> None:
        """Nearer the end than the beginning."""
        self.die()
        damaged = self.log if in_log and self.log.exists() else self.path
        data = bytearray(damaged.read_bytes())
        at = round(share**0.5 * (len(data) - 1))
        if data and not (damaged == self.path and 60 <= at < 72):
            # There stands whose file it is, and of which version: another one's is left alone.
            data[at] ^= 1 << bit
            damaged.write_bytes(data)
        self.journal = self.opened()
        self.adopt()

    def die(self) -> None:
        before = self.path, self.log
        self.lives += 1
        for old, new in zip(before, (self.path, self.log), strict=True):
            if old.exists():
                shutil.copy(old, new)
        self.run(self.journal.close())

    def adopt(self) -> None:
        """What there is now is some of what there was, as it was; no position comes again."""
        entries = self.run(drain(self.journal, "looks", limit=7))
        for entry in entries:
            if entry.position <= self.end:
                self.assert_as_appended([entry])
            else:
                assert plain([entry.record]) == [[]], "the end of a gap"
        at = self.clock.now()
        self.records = {e.position: self.records.get(e.position, (at, e.record)) for e in entries}
        end, _, cursors, snapshots = self.run(self.seen())
        for name, position in cursors.items():
            assert position <= self.cursors[name]
        for name, snapshot in snapshots.items():
            assert snapshot is None or (name, snapshot) in self.saved
        self.end = end
        self.cursors = {name: position for name, position in cursors.items() if position}
        self.snapshots = {name: s for name, s in snapshots.items() if s is not None}

    async def seen(self) -> tuple[Any, ...]:
        journal = self.journal
        return (
            await journal.end(),
            await drain(journal, "looks", limit=7),
            {name: await journal.committed(name) for name in self.cursors},
            {name: await journal.load_snapshot(name) for name in self.snapshots},
        )

    @invariant()
    def everything_acknowledged_is_there(self) -> None:
        end, entries, cursors, snapshots = self.run(self.seen())
        assert end == self.end
        assert [entry.position for entry in entries] == list(self.records)
        self.assert_as_appended(entries)
        assert cursors == self.cursors
        assert snapshots == self.snapshots
        assert self.run(self.journal.oldest()) == min(self.records, default=end + 1)

    def teardown(self) -> None:
        self.run(self.journal.close())
        self.runner.close()
        shutil.rmtree(self.folder)


def size_of(one: tuple[int, Record]) -> int:
    return len(encode_record(one[1])) + OVERHEAD


JournalMachine.TestCase.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
test_journal_model = pytest.mark.filterwarnings("error")(JournalMachine.TestCase)
