"""A cursor's records a page at a time; in a backlog the next one is read while one is judged."""

import asyncio
from collections.abc import Sequence
from typing import Final

from citypatrol.journal import Entry, Journal

MOST: Final = 2_000
"""Records of one page. Batches between two ticks are judged together, so a long page is cheaper a
sample; what it costs in memory is bounded by the journal, which counts bytes too."""
_BACKLOG: Final = 200


class Pages:
    """Reads for one cursor. ``close`` before the journal is closed."""

    def __init__(self, journal: Journal, cursor: str) -> None:
        self._journal = journal
        self._cursor = cursor
        self._ahead: tuple[int, asyncio.Task[list[Entry]]] | None = None

    async def after(self, position: int, *, wait_s: float, limit: int = MOST) -> Sequence[Entry]:
        """What follows ``position``; [] where nothing came within ``wait_s``."""
        entries: list[Entry] = []
        if self._ahead is not None and self._ahead[0] == position and limit == MOST:
            _, task = self._ahead
            self._ahead = None
            entries = await task
        self.close()
        if not entries:
            entries = await self._read(position, limit=limit, wait_s=wait_s)
        if limit == MOST and len(entries) >= _BACKLOG:
            last = entries[-1].position
            task = asyncio.create_task(self._read(last, limit=MOST, wait_s=0.0))
            self._ahead = last, task
        return entries

    def close(self) -> None:
        """Forget what was read ahead."""
        if self._ahead is not None:
            self._ahead[1].cancel()
            self._ahead = None

    async def _read(self, position: int, *, limit: int, wait_s: float) -> list[Entry]:
        return await self._journal.read(self._cursor, after=position, limit=limit, wait_s=wait_s)
