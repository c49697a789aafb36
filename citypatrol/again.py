"""Work that somebody may ask for at any time, as often as he likes."""

import asyncio
from collections.abc import Awaitable, Callable


class Again:
    """Does ``work`` in the running loop once it is called. Called while that goes on, it does it
    once more behind it, however many calls there were."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._wanted = False
        self._task: asyncio.Task[None] | None = None

    def __call__(self) -> None:
        self._wanted = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._until_done())

    async def _until_done(self) -> None:
        while self._wanted:
            self._wanted = False
            await self._work()
