"""A head that has lost one of its lamps: red never comes, while the head's others still do.

Pure. What counts is what the head itself has shown before, that it is now dark where the state
should be, and that the junction's other heads go on showing the state.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from citypatrol.clock import Ts
from detectors.light_normal import Normal

FEWEST_APPEARANCES: Final = 2
FEWEST_SHARE: Final = 0.15
"""Of a head's lit looks: a state seen more rarely (yellow) may be missed by chance."""
SHORTEST_AWAY: Final = 90_000
"""Milliseconds: no state is missed sooner."""
TIMES_AWAY: Final = 2.0
"""A state is missed when it stays away so many times longer than ever before."""
FEWEST_DARK: Final = 2
"""Dark spells, each seen by a burst, in the time in which the state stays away."""
_SLACK: Final = 20_000


@dataclass(frozen=True, slots=True)
class Lamps:
    """When dark spells of this head began since the last of each state; ``out``: states lost."""

    spells: tuple[Ts, ...] = ()
    out: frozenset[str] = frozenset()


def dark_began(lamps: Lamps, *, at: Ts) -> Lamps:
    """A burst has shown the head dark in a spell that began at this time."""
    if lamps.spells and lamps.spells[-1] == at:
        return lamps
    return replace(lamps, spells=(*lamps.spells[-7:], at))


def unwatched(lamps: Lamps, *, ms: int) -> Lamps:
    """So long nobody looked: the time is left out, as in ``light_normal.looked``."""
    return replace(lamps, spells=tuple(began + ms for began in lamps.spells))


def missed(
    lamps: Lamps, *, normal: Normal, others: Sequence[Normal], at: Ts
) -> tuple[Lamps, bool | None]:
    """Whether a lamp is out now; None where that cannot be known (too little seen of the head)."""
    looks = sum(shown.looks for shown in normal.shown.values())
    out: set[str] = set()
    judged = False
    for state, shown in normal.shown.items():
        if state in lamps.out:
            # Lost, and so rare by now: until it is seen again.
            judged = True
            if not any(began > shown.last for began in lamps.spells):
                continue
            out.add(state)
            continue
        share = shown.looks / looks
        if shown.appearances < FEWEST_APPEARANCES or share < FEWEST_SHARE:
            continue
        judged = True
        limit = max(SHORTEST_AWAY, TIMES_AWAY * shown.longest_away + _SLACK)
        spells = [began for began in lamps.spells if began > shown.last]
        if (
            at - shown.last > limit
            and len(spells) >= FEWEST_DARK
            and _alive(normal, state, since=spells[0])
            and _others_show(others, state, since=shown.last)
        ):
            out.add(state)
    return replace(lamps, out=frozenset(out)), bool(out) if judged else None


def _alive(normal: Normal, state: str, *, since: Ts) -> bool:
    """Another lamp of the head was surely lit after its first dark spell: else the whole head is
    dark, and what broke that spell was a doubtful picture."""
    return any(shown.last > since for name, shown in normal.shown.items() if name != state)


def _others_show(others: Sequence[Normal], state: str, *, since: Ts) -> bool:
    """No other head that ever shows this state has stopped showing it: a night program has."""
    known = [other.shown[state] for other in others if state in other.shown]
    return all(shown.last > since for shown in known) if known else True
