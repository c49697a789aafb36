"""Tells the journal of the city's mode: at each start, and at once when somebody switches it."""

import asyncio
import contextlib
from typing import Final

import structlog

from app.modes import Modes, Switch
from citypatrol.clock import Clock
from citypatrol.journal import Journal, JournalFull
from citypatrol.records import ModeSwitched
from rules.ruleset import NORMAL

AGAIN_S: Final = 1.0

log = structlog.get_logger(__name__)


class ModeStage:
    """A stage. On Kafka the record goes into every partition."""

    name = "mode"

    def __init__(self, modes: Modes, journal: Journal, *, clock: Clock) -> None:
        self.modes = modes
        self._journal = journal
        self._clock = clock
        self._told: str | None = None
        self._lock = asyncio.Lock()

    def waiting_for(self) -> str | None:
        return None

    async def switch(self, mode: str, *, by: str, note: str | None) -> tuple[Switch, bool]:
        """The switch, and whether the rules have heard of it: else the journal is full, and they
        do as soon as there is room. Raises UnknownMode, OSError."""
        now = self._clock.now()
        made = await asyncio.to_thread(self.modes.switch, mode, by=by, note=note, now=now)
        return made, await self._tell()

    async def run(self, stop: asyncio.Event) -> None:
        if self.modes.known == [NORMAL]:
            self._told = NORMAL  # nobody will ask
        while not stop.is_set():
            if not await self._tell():
                log.warning("the journal is full: the mode is told later", mode=self.modes.mode)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), AGAIN_S)

    async def _tell(self) -> bool:
        async with self._lock:
            mode = self.modes.mode
            if mode == self._told:
                return True
            try:
                await self._journal.append([ModeSwitched(self._clock.now(), mode)])
            except JournalFull:
                return False
            self._told = mode
            return True
