"""Dead letters sent again, one or thousands: what became of each is kept with the letter."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from citypatrol.clock import Clock
from citypatrol.dead import DeadLetter
from citypatrol.dead_desk import DeadDesk
from citypatrol.errors import Reject, Retry

Result = Literal["replayed", "refused", "stays", "settled"]

_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Sent:
    """``refused``: it stays with ``reason``, its new one; ``stays``: nobody could say now;
    ``settled``: somebody else was quicker."""

    id: int
    result: Result
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Resender:
    """``replay``: sends one letter on its way; Reject where it is refused again, Retry where that
    cannot be said now."""

    desk: DeadDesk
    replay: Callable[[DeadLetter], Awaitable[None]]
    clock: Clock

    async def __call__(self, letters: Sequence[DeadLetter], *, who: str) -> list[Sent]:
        """In their order, two hundred at a time: so many readings make one commit."""
        found: list[Sent] = []
        for at in range(0, len(letters), _AT_ONCE):
            some = letters[at : at + _AT_ONCE]
            tried = await asyncio.gather(*map(self._try, some))
            found += await asyncio.to_thread(self._keep, tried, who)
        return found

    async def _try(self, letter: DeadLetter) -> Sent:
        try:
            await self.replay(letter)
        except Reject as error:
            return Sent(letter.id, "refused", str(error))
        except Retry as error:
            return Sent(letter.id, "stays", str(error))
        return Sent(letter.id, "replayed")

    def _keep(self, tried: Sequence[Sent], who: str) -> list[Sent]:
        now = self.clock.now()
        refused = {one.id: one.reason for one in tried if one.result == "refused"}
        replayed = [one.id for one in tried if one.result == "replayed"]
        if refused:
            self.desk.refuse(refused, who=who, at=now)
        mine: set[int] = set()
        if replayed:
            mine = self.desk.settle(replayed, deed="replayed", who=who, note="replayed", at=now)
        quicker = "somebody else dealt with it meanwhile"
        return [
            one if one.result != "replayed" or one.id in mine else Sent(one.id, "settled", quicker)
            for one in tried
        ]
