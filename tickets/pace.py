"""How often the rules may tell a unit of one ticket (pure).

A gateway that dies takes minutes to fall silent, source by source, and one that comes and goes does
so all day. The first events of an hour are told at once; from then on each waits longer than the
one before, and what happens meanwhile is told together. What people do is always told at once.
"""

from collections.abc import Sequence
from typing import Final

from citypatrol.clock import Ts

_HOUR_MS: Final = 3_600_000
_FREE: Final = 5
_FIRST_MS: Final = 5_000
_LONGEST_MS: Final = 600_000
LOOK_BACK: Final = 16
"""How many of the newest events ``told_from`` wants to know: more are no longer a wait."""


def told_from(told: Sequence[Ts], *, now: Ts) -> Ts:
    """From when on the next event may be told. ``told``: when the rules told of this ticket, newest
    first, the opening too; at most 19 an hour come of it."""
    lately = [at for at in told if at > now - _HOUR_MS]
    if len(lately) < _FREE:
        return now
    wait = min(_FIRST_MS << (len(lately) - _FREE), _LONGEST_MS)
    return lately[0] + wait
