"""The journal's contract: a durable queue of records with named cursors.

Forms: ``citypatrol.journal_sqlite`` (one machine, edge spool), ``citypatrol.journal_kafka``
(cluster).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from citypatrol.records import Record


@dataclass(frozen=True, slots=True)
class Entry:
    """A record at its place. Positions of a partition grow by at least one, and start at 1."""

    position: int
    record: Record
    partition: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State that has applied everything up to and including ``position``."""

    position: int
    data: bytes


class JournalFull(Exception):
    """Nothing was stored: the disk or ``max_size`` is exhausted. The caller keeps what it has,
    stops acknowledging and tries again."""


class Journal(Protocol):
    """What every form promises, and what it does not.

    Promised: ``append`` returns only when the records are durable (they survive kill -9 and loss of
    power), all of one call or none; a reader sees them in order of append; a record is kept until
    the cursors that hold ingest back (``rules``, and ``history`` where a city has one) are past it
    and its age is over.
    Not promised: that a record is read once only (a reader that dies before ``commit`` reads
    again), or any order between partitions.
    """

    async def append(self, records: Sequence[Record]) -> int:
        """Store the records; returns the position of the last one. Raises ``JournalFull``."""
        ...

    async def read(
        self, cursor: str, *, after: int | None = None, limit: int = 500, wait_s: float = 0.0
    ) -> list[Entry]:
        """Up to ``limit`` entries after ``after`` (default: after what the cursor committed).

        Waits up to ``wait_s`` for the first one; [] where there is none.
        """
        ...

    async def commit(self, cursor: str, position: int) -> None:
        """Everything up to ``position`` is done with. Never moves a cursor back."""
        ...

    async def committed(self, cursor: str) -> int:
        """The committed position, 0 before the first commit."""
        ...

    async def end(self) -> int:
        """The position of the last record, 0 in an empty journal."""
        ...

    async def oldest(self) -> int:
        """The position of the oldest record kept; ``end() + 1`` in an empty journal.

        A reader whose ``position + 1 < oldest()`` has been left behind: what lay between is gone
        from here.
        """
        ...

    async def save_snapshot(self, name: str, snapshot: Snapshot) -> None:
        """Replace the snapshot of this name, atomically."""
        ...

    async def load_snapshot(self, name: str) -> Snapshot | None: ...

    async def close(self) -> None: ...
