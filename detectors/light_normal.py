"""What is normal for one signal head, learned by looking: its states, how long each stays away, and
how long the head is dark by design. Pure: time is an argument, everything is frozen.

Turn arrows, lane signals and part-time signals are dark for most of a cycle; a three-lamp head
never is. Nobody types that in: it is seen within a few cycles.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from citypatrol.clock import Ts

KNOWN_AFTER: Final = 180_000
"""Milliseconds of watching after which a head without a dark spell is known to have none: most
signal programs are shorter than two minutes, hardly any longer than three."""
UNKNOWN_PATIENCE: Final = 120_000
"""How long a head that is not known yet may be dark before that is said."""
LONGER: Final = 3.0
"""A spell so many times as long as the longest normal one is none. An arrow that comes on demand
skips a cycle or two when the street empties: what is learned must be able to follow it."""
DAY: Final = 86_400_000
LONGEST_LEARNED: Final = 600_000
"""A longer spell is nothing to get used to; who wants that says so (``dark:`` of the region)."""
REPEATS: Final = 3
"""A spell that was told as a failure is taken for normal when so many came within a day."""
_KEPT: Final = 16
ALIVE_GAP: Final = 300_000
"""A longer pause between two looks is no watching."""


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which bursts showed no lit lamp. ``told``: it was published as dark."""

    ended: Ts
    length: int
    told: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """One state of a head: ``looks`` that showed it, the separate times it came
    (``appearances``), when last, and the longest time (ms) that it stayed away."""

    looks: int = 0
    appearances: int = 0
    last: Ts = 0
    longest_away: int = 0


@dataclass(frozen=True, slots=True)
class Normal:
    """``designed``: the longest dark time by design, where a person has said it (ms).

    ``watched`` is time (ms) in which the head could be read; ``state`` the last one seen lit.
    """

    designed: int | None = None
    watched: int = 0
    looked: Ts | None = None
    state: str | None = None
    shown: Mapping[str, Shown] = field(default_factory=dict)
    spells: tuple[Spell, ...] = ()

    @property
    def known(self) -> bool:
        return self.designed is not None or self.watched >= KNOWN_AFTER

    def patience(self, at: Ts) -> int:
        """Milliseconds that this head may be dark before it is told."""
        if self.designed is not None:
            return self.designed
        longest = self._longest_spell(at)
        if longest:
            return max(round(LONGER * longest), 0 if self.known else UNKNOWN_PATIENCE)
        return 0 if self.known else UNKNOWN_PATIENCE

    def _longest_spell(self, at: Ts) -> int:
        today = [spell for spell in self.spells if 0 <= at - spell.ended < DAY]
        quiet = [spell.length for spell in today if not spell.told]
        told = sorted((spell.length for spell in today if spell.told), reverse=True)
        return max([0, *quiet, *told[REPEATS - 1 :]])


def looked(normal: Normal, *, at: Ts) -> Normal:
    """The head could be read at this time, whatever it showed."""
    if normal.looked is None:
        return replace(normal, looked=at)
    gap = at - normal.looked
    if gap <= 0:
        return normal
    if gap <= ALIVE_GAP:
        return replace(normal, looked=at, watched=normal.watched + gap)
    # Nobody looked (a restart, a camera that was away): what was not seen has not stayed away.
    shown = {name: replace(one, last=one.last + gap) for name, one in normal.shown.items()}
    return replace(normal, looked=at, shown=shown)


def lit(normal: Normal, *, state: str, at: Ts) -> Normal:
    """A lamp of this state was seen lit."""
    before = normal.shown.get(state, Shown())
    if at < before.last:
        return normal
    again = before.looks > 0 and normal.state != state
    away = max(before.longest_away, at - before.last) if again else before.longest_away
    now = Shown(
        looks=before.looks + 1,
        appearances=before.appearances + (normal.state != state),
        last=at,
        longest_away=away,
    )
    return replace(normal, state=state, shown={**normal.shown, state: now})


def went_dark(normal: Normal) -> Normal:
    """A burst showed no lit lamp: what is lit next appears anew."""
    return replace(normal, state=None)


def dark_spell(normal: Normal, *, length: int, ended: Ts, told: bool) -> Normal:
    """A dark spell is over. One of a head that was not known yet is not held against it."""
    if not 0 < length <= LONGEST_LEARNED:
        return normal
    spell = Spell(ended, length, told and normal.known)
    return replace(normal, spells=(*normal.spells[1 - _KEPT :], spell))
