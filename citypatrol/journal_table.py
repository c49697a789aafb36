"""The journal's writing side in SQLite; no threads, no clock, no transactions of its own."""

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from citypatrol.clock import Ts
from citypatrol.crashpoints import CrashPoint
from citypatrol.journal import JournalFull, Snapshot
from citypatrol.journal_rows import COLUMNS, OVERHEAD, CursorRow, Encoded, Row, snapshot_rows
from citypatrol.records import encode_record
from citypatrol.samples import Batch
from citypatrol.sqlitefile import NotWhole

CHUNK_BYTES: Final = 512_000
HISTORY: Final = "history"
GAP: Final = 1_000_000
_PRUNED_AT_ONCE: Final = 2_000


class Side(Enum):
    """What a transaction may hold, with the points before and after its commit."""

    APPEND = (CrashPoint.JOURNAL_APPEND_BEFORE, CrashPoint.JOURNAL_APPEND_AFTER)
    CURSOR = (CrashPoint.JOURNAL_CURSOR_BEFORE, CrashPoint.JOURNAL_CURSOR_AFTER)
    SNAPSHOT = (CrashPoint.JOURNAL_SNAPSHOT_BEFORE, CrashPoint.JOURNAL_SNAPSHOT_AFTER)
    PRUNE = (CrashPoint.JOURNAL_PRUNE_BEFORE, CrashPoint.JOURNAL_PRUNE_AFTER)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What one step took: records, and by cursor the batches that it now skips."""

    records: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Totals:
    """Up to and including ``position``: how many batches, how many bytes, since the beginning."""

    position: int = 0
    batches: int = 0
    total: int = 0


class Table:
    """What a journal remembers, on one connection inside the caller's transaction.

    ``holds``: the cursors that retention never passes, committed or not. ``keep`` in milliseconds,
    ``max_size`` in bytes.
    """

    def __init__(
        self, connection: sqlite3.Connection, *, holds: Sequence[str], keep: int, max_size: int
    ) -> None:
        self._connection = connection
        self._holds = tuple(holds)
        self._keep = keep
        self._max_size = max_size
        self.reload()

    def reload(self) -> None:
        """Read again what is remembered, after a transaction that was rolled back."""
        run = self._connection.execute
        first, last = (self._edge(order) for order in ("ASC", "DESC"))
        self._last = _Totals() if last is None else _Totals(last.position, last.batches, last.total)
        self._gone = _Totals()
        if first is not None:
            size = len(first.data) + OVERHEAD
            before = first.position - 1, first.batches - first.is_batch, first.total - size
            self._gone = _Totals(*before)
        cursors = list(map(CursorRow._make, run("SELECT name, position, crc FROM cursors")))
        if not all(cursor.is_whole for cursor in cursors):
            message = "a cursor is not where it was put"
            raise NotWhole(message)
        self._cursors = {name: self._totals(position) for name, position, _ in cursors}
        self._steps: list[Pruned] = []
        self._touched: set[Side] = set()

    def _edge(self, order: str) -> Row | None:
        """The first or the last record: what all counting rests on."""
        found = self._connection.execute(
            f"SELECT {COLUMNS} FROM records ORDER BY position {order} LIMIT 1"  # noqa: S608
        ).fetchone()
        if found is None:
            return None
        row = Row._make(found)
        if not row.is_whole:
            message = f"the record at {row.position} is not what was written"
            raise NotWhole(message)
        return row

    @property
    def end(self) -> int:
        return self._last.position

    @property
    def has_history(self) -> bool:
        """What is let go lies in the history: a reader goes on from there."""
        return HISTORY in self._holds

    @property
    def oldest(self) -> int:
        return self._gone.position + 1

    @property
    def size(self) -> int:
        """Bytes of what is kept."""
        return self._last.total - self._gone.total

    def committed(self) -> dict[str, int]:
        return {name: cursor.position for name, cursor in self._cursors.items()}

    def lags(self) -> dict[str, int]:
        """Batches that each cursor has not committed and can read; of holding cursors always."""
        done = {name: cursor.batches for name, cursor in self._cursors.items()}
        done |= {name: 0 for name in self._holds if name not in done}
        return {n: self._last.batches - max(b, self._gone.batches) for n, b in done.items()}

    def append(self, records: Sequence[Encoded], *, at: Ts) -> int:
        """The last position. JournalFull, and nothing stored, where ``max_size`` allows no more."""
        added = sum(len(record.data) + OVERHEAD for record in records)
        while self.size + added > self._max_size:
            if not self.prune(at, room=added).records:
                raise self._full()
        last = self._last
        rows = []
        for record in records:
            row = Row.of(
                last.position + 1,
                at=at,
                is_batch=record.is_batch,
                batches=last.batches + record.is_batch,
                total=last.total + len(record.data) + OVERHEAD,
                data=record.data,
            )
            last = _Totals(row.position, row.batches, row.total)
            rows.append(row)
        self.put(rows)
        self._touched.add(Side.APPEND)
        self._last = last
        return last.position

    def leave_gap(self, *, behind: int, at: Ts) -> None:
        """No position that a lost record may have had is given out again: somebody may have heard
        of it. An empty batch stands behind the gap, which changes nothing for anybody."""
        last, nothing = self._last, encode_record(Batch.of([]))
        row = Row.of(
            max(last.position, behind) + GAP,
            at=at,
            is_batch=False,
            batches=last.batches,
            total=last.total + len(nothing) + OVERHEAD,
            data=nothing,
        )
        self.put([row])
        self.reload()

    def put(self, rows: Sequence[Row]) -> None:
        self._connection.executemany(
            f"INSERT INTO records ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            rows,
        )

    def commit(self, cursor: str, position: int) -> None:
        """Move the cursor forward; ValueError for a position that no record has had yet."""
        if position > self.end:
            message = f"cursor '{cursor}': position {position} is beyond the end, {self.end}"
            raise ValueError(message)
        if cursor in self._cursors and position <= self._cursors[cursor].position:
            return
        self._connection.execute(
            "INSERT INTO cursors (name, position, crc) VALUES (?1, ?2, ?3)"
            " ON CONFLICT (name) DO UPDATE SET position = ?2, crc = ?3",
            CursorRow.of(cursor, position),
        )
        self._cursors[cursor] = self._totals(position)
        self._touched.add(Side.CURSOR)

    def forget(self, cursor: str) -> None:
        self._connection.execute("DELETE FROM cursors WHERE name = ?", (cursor,))
        self._cursors.pop(cursor, None)

    def save_snapshot(self, name: str, snapshot: Snapshot) -> None:
        """In chunks of 512 kB; all are replaced in the caller's one transaction."""
        self._connection.execute("DELETE FROM snapshots WHERE name = ?", (name,))
        self._connection.executemany(
            "INSERT INTO snapshots (name, number, position, data, parts, crc)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            snapshot_rows(name, snapshot, chunk=CHUNK_BYTES),
        )
        self._touched.add(Side.SNAPSHOT)

    def meta_set(self, key: str, value: str) -> None:
        self._connection.execute(
            "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
            (key, value),
        )

    def prune(self, now: Ts, *, room: int = 0) -> Pruned:
        """One bounded step: delete what is too old, and what is too much for ``max_size``.

        Age passes no cursor; size passes those that do not hold. Neither takes the last record:
        positions go on from it. ``room``: bytes that are about to come.
        """
        held, behind = self._limits()
        aim = self._max_size - room
        if self.size > aim:
            aim = min(aim, self._max_size * 19 // 20)  # not one record for each one that comes
        rows = self._connection.execute(
            "SELECT position, at, batches, total FROM records ORDER BY position LIMIT ?",
            (_PRUNED_AT_ONCE,),
        ).fetchall()
        gone, count = self._gone, 0
        for position, at, batches, total in rows:
            old = at <= now - self._keep and position <= behind
            too_much = self._last.total - gone.total > aim and position <= held
            if position == self.end or not (old or too_much):
                break
            gone, count = _Totals(position, batches, total), count + 1
        if gone is self._gone:
            return Pruned()
        self._connection.execute("DELETE FROM records WHERE position <= ?", (gone.position,))
        step = Pruned(count, self._skipped(gone))
        self._gone = gone
        self._steps.append(step)
        self._touched.add(Side.PRUNE)
        return step

    def take_touched(self) -> Collection[Side]:
        """What this transaction has written, for those who die beside its commit."""
        touched, self._touched = self._touched, set()
        return touched

    def take_steps(self) -> Sequence[Pruned]:
        """What was pruned since the last call, for whoever tells of it."""
        steps, self._steps = self._steps, []
        return steps

    def _skipped(self, gone: _Totals) -> dict[str, int]:
        batches = {
            name: gone.batches - max(cursor.batches, self._gone.batches)
            for name, cursor in self._cursors.items()
            if cursor.position < gone.position
        }
        return {name: count for name, count in batches.items() if count}

    def _limits(self) -> tuple[int, int]:
        """The last positions that holding cursors and snapshots let go, and that every cursor does.

        A snapshot ``rules`` or ``rules/3`` belongs to the cursor ``rules``.
        """
        snapshots: Iterable[tuple[str, int]] = self._connection.execute(
            "SELECT name, min(position) FROM snapshots GROUP BY name"
        ).fetchall()
        committed = self.committed()
        limits = [committed.get(name, 0) for name in self._holds]
        limits += [
            position for name, position in snapshots if name.partition("/")[0] in self._holds
        ]
        held = min(limits, default=self.end)
        return held, min([held, *committed.values()])

    def _full(self) -> JournalFull:
        held, _ = self._limits()
        return JournalFull(
            f"{self.size} of at most {self._max_size} bytes; records from {held + 1} on are still"
            f" needed by {' or '.join(sorted(self._holds))}"
        )

    def _totals(self, position: int) -> _Totals:
        """Running totals at a position; at one that was pruned, those of what is gone."""
        row = self._connection.execute(
            "SELECT batches, total FROM records WHERE position <= ? ORDER BY position DESC LIMIT 1",
            (position,),
        ).fetchone()
        gone = (self._gone.batches, self._gone.total)
        return _Totals(position, *(row or gone))
