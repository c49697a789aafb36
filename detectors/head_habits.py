"""What one head was seen to show while it was watched, in figures. Pure."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from citypatrol.clock import Ts
from detectors.head_places import Seen
from detectors.heads import Reading
from detectors.junction import SURE_STATE
from detectors.light_normal import KNOWN_AFTER, LONGER, LONGEST_LEARNED
from detectors.light_state import LIT, SHORTEST_BURST_S, SURE

_ROUND_MS: Final = 10_000
_MOSTLY: Final = 0.5


@dataclass(frozen=True, slots=True)
class Habits:
    """``shares``: red, yellow, green and dark, of the looks in which it could be read; they sum to
    1 where there was one. ``readable`` and ``turned_away``: of all looks. ``longest_dark``: ms
    between the last lamp seen lit and the next one; ``dark_since_ever``: it ran into the beginning
    or end of the watch, so it was that long at least. A blink is no dark spell."""

    looks: int
    watched: int
    readable: float
    turned_away: float
    shares: Mapping[str, float]
    spells: int
    longest_dark: int
    cut_short: bool

    @property
    def known(self) -> bool:
        """Watched for longer than most signal programs take."""
        return self.watched >= KNOWN_AFTER

    @property
    def never_lit(self) -> bool:
        return self.shares.get("dark", 0.0) > 0.99

    @property
    def dark_by_design(self) -> int | None:
        """What ``dark:`` of the region should say (ms); None where nothing asks for it."""
        if not self.longest_dark or self.never_lit:
            return None
        rounded = -(-round(LONGER * self.longest_dark) // _ROUND_MS) * _ROUND_MS
        return min(LONGEST_LEARNED, rounded)

    def doubts(self) -> list[str]:
        """What a person should look at before this head is watched."""
        found = []
        if self.turned_away >= _MOSTLY:
            found.append("shows its back or side most of the time, and gives no sample then")
        elif self.readable < _MOSTLY:
            found.append("could not be read most of the time: too small, hidden, or no head?")
        if self.never_lit:
            found.append("was never lit: switched off, broken, or no head?")
        shown = [state for state, share in self.shares.items() if state != "dark" and share]
        if len(shown) == 1 and not self.never_lit:
            found.append(f"showed {shown[0]} only: a head, or something else that shines?")
        return found


def habits_of(looks: Sequence[Seen]) -> Habits:
    """Looks in order of time."""
    seen = [look for look in looks if look.reading.readable]
    states = Counter(state for look in seen if (state := _shown(look.reading)) is not None)
    total = sum(states.values())
    spells, cut_short = _dark_spells(seen)
    return Habits(
        looks=len(looks),
        watched=looks[-1].at - looks[0].at if looks else 0,
        readable=len(seen) / max(1, len(looks)),
        turned_away=sum(look.reading.state == "back_or_side" for look in looks)
        / max(1, len(looks)),
        shares={state: count / total for state, count in states.items()},
        spells=len(spells),
        longest_dark=max(spells, default=0),
        cut_short=cut_short,
    )


def _shown(reading: Reading) -> str | None:
    """None where it is lit and nobody can say in which colour."""
    if reading.lit < LIT:
        return "dark"
    return reading.state if reading.score >= SURE_STATE else None


def _dark_spells(seen: Sequence[Seen]) -> tuple[list[Ts], bool]:
    """Milliseconds of each, and whether the longest one began before the watch or outlasted it."""
    if not seen:
        return [], False
    at = np.array([look.at for look in seen], np.int64)
    lits = np.array([look.reading.lit for look in seen])
    dark = lits < LIT
    # One lone look that is not sure of its lamp ends no spell.
    lone = ~dark[1:-1] & dark[:-2] & dark[2:] & (lits[1:-1] < SURE)
    dark[1:-1] |= lone
    turns = np.flatnonzero(np.diff(dark.astype(np.int8))) + 1
    edges = [0, *turns.tolist(), len(dark)]
    spells: list[tuple[int, bool]] = []
    for first, end in itertools.pairwise(edges):
        if dark[first]:
            over = min(end, len(at) - 1)
            spells.append((int(at[over] - at[first]), first == 0 or end == len(at)))
    long = [spell for spell in spells if spell[0] >= 1000 * SHORTEST_BURST_S]
    return [length for length, _ in long], max(long, default=(0, False))[1]
