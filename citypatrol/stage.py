"""What the supervisor in ``app`` runs."""

import asyncio
from typing import Protocol


class Stage(Protocol):
    """One supervised part of a process.

    ``run`` works until ``stop`` is set, then finishes what it has begun and returns within a few
    seconds. An exception out of it is logged and counted, and the stage is started again with
    back-off; so ``run`` may be called again on the same object.
    """

    @property
    def name(self) -> str: ...

    async def run(self, stop: asyncio.Event) -> None: ...

    def waiting_for(self) -> str | None:
        """What this stage still needs before the process is ready, in words; None when ready."""
        ...
