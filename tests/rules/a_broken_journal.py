"""Journals over which a process dies, or that give back what cannot be."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from citypatrol.journal import Entry, Snapshot
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import Record
from citypatrol.samples import Batch


class Crash(Exception):
    """The process died here."""


class Broken:
    """A journal over which the process dies at one point."""

    def __init__(self, journal: SqliteJournal, point: str) -> None:
        self._journal = journal
        self.point = point

    async def crash(self) -> None:
        raise Crash

    async def save_snapshot(self, name: str, snapshot: Snapshot) -> None:
        if self.point == "snapshot":
            raise Crash
        await self._journal.save_snapshot(name, snapshot)

    async def commit(self, cursor: str, position: int) -> None:
        if self.point == "commit":
            raise Crash
        await self._journal.commit(cursor, position)

    async def append(self, records: Sequence[Record]) -> int:
        return await self._journal.append(records)

    async def read(
        self, cursor: str, *, after: int | None = None, limit: int = 500, wait_s: float = 0.0
    ) -> list[Entry]:
        return await self._journal.read(cursor, after=after, limit=limit, wait_s=wait_s)

    async def committed(self, cursor: str) -> int:
        return await self._journal.committed(cursor)

    async def end(self) -> int:
        return await self._journal.end()

    async def load_snapshot(self, name: str) -> Snapshot | None:
        return await self._journal.load_snapshot(name)

    async def close(self) -> None:
        await self._journal.close()


class Torn(Broken):
    """A journal that gives back the batch at one position torn."""

    def __init__(self, journal: SqliteJournal, *, position: int) -> None:
        super().__init__(journal, "none")
        self._position = position

    async def read(
        self, cursor: str, *, after: int | None = None, limit: int = 500, wait_s: float = 0.0
    ) -> list[Entry]:
        entries = await super().read(cursor, after=after, limit=limit, wait_s=wait_s)
        return [self._torn(one) if one.position == self._position else one for one in entries]

    def _torn(self, entry: Entry) -> Entry:
        assert isinstance(entry.record, Batch)
        twice = np.concatenate([entry.record.value, entry.record.value])
        return replace(entry, record=replace(entry.record, value=twice))
