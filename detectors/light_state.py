"""One signal head over time: dark is what every frame of a burst shows, for longer than is normal.

Pure: ``glimpse`` takes one picture, ``stare`` every frame of a burst; both give the head's next
state and what may be said. One picture alone never says "dark": an amber that flashes is met in its
dark half, a lamp changes, an LED flickers against the shutter. It raises a suspicion, and a burst
decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from citypatrol.clock import Ts
from detectors import light_normal
from detectors.light_normal import Normal

LIT: Final = 0.5
"""``lit`` from which on a frame shows a lit lamp."""
SURE: Final = 0.8
"""One lone frame of a burst must be so sure to count as lit; a weaker one decides nothing."""
SHORTEST_BURST_S, LONGEST_BURST_S = 3.0, 10.0
_COVERS: Final = 0.95
"""Of the burst's length that its frames must cover, each its own time."""
LARGEST_GAP_MS: Final = 600
"""Between two readable frames. Two frames a second see every blink of 0.5 to 1 Hz; one of exactly
2 Hz can hide from such a stream, though not from one burst after the other."""
FEWEST_FRAMES: Final = 6
BLINKS: Final = 2.5
"""A burst lasts so many times the longest dark run of the one before."""
SOON_MS: Final = 15_000
"""A lamp that is lit so soon after a dark burst was only blinking."""
REST_MS: Final = 60_000
"""Between two bursts at a head that has long been dark."""
LONG_DARK_MS: Final = 600_000
LOST_MS: Final = 300_000
"""After so long without a look nobody knows whether it was dark all the time."""


@dataclass(frozen=True, slots=True)
class Head:
    """``dark_since``: the first look of an unbroken dark time; ``bursts`` that showed it dark;
    ``told``: whether it was published; ``lit_at``: when a lamp was last seen lit."""

    normal: Normal = field(default_factory=Normal)
    dark_since: Ts | None = None
    dark_at: Ts = 0
    burst_at: Ts = 0
    bursts: int = 0
    told: bool = False
    suspected: bool = False
    lit_at: Ts | None = None
    burst_s: float = SHORTEST_BURST_S

    @property
    def dark(self) -> bool:
        """A burst showed no lit lamp, and none has been seen since."""
        return self.bursts > 0


@dataclass(frozen=True, slots=True)
class Said:
    """What may be said now; None: nothing. ``lit`` is the probability that a lamp is lit,
    ``suspect`` that the head is dark by pictures alone, ``burst_s`` a burst that is wished for."""

    lit: float | None = None
    suspect: float | None = None
    burst_s: float | None = None


NOTHING: Final = Said()


def glimpse(head: Head, *, state: str | None, lit: float, at: Ts) -> tuple[Head, Said]:
    """One readable picture. ``state``: red, yellow or green where that is sure. A head that cannot
    be read is not told of: it is neither dark nor lit."""
    head = _continued(head, at=at)
    head = replace(head, normal=light_normal.looked(head.normal, at=at))
    if lit >= LIT and head.dark and lit < SURE:
        return head, Said(burst_s=head.burst_s)
    if lit >= LIT:
        suspect = 0.0 if head.suspected else None
        return _lit(head, state=state, at=at), Said(lit=lit, suspect=suspect)
    since = at if head.dark_since is None else head.dark_since
    head = replace(head, dark_since=since, dark_at=max(head.dark_at, at), suspected=True)
    rests = head.dark and at - since >= LONG_DARK_MS
    wish = None if rests and at - head.burst_at < REST_MS else head.burst_s
    return head, Said(suspect=1.0 - lit, burst_s=wish)


def stare(
    head: Head,
    *,
    times: Sequence[Ts],
    lits: NDArray[np.float64],
    states: Sequence[str | None],
    all_dark: bool = False,
) -> tuple[Head, Said]:
    """Every frame of a burst, in order; ``lits`` is NaN where the head could not be read.

    ``all_dark``: every other head of the junction is dark too, so that this one's habits excuse
    nothing. A burst that is too short, has too few frames or a gap decides only that a lamp is lit.
    """
    seen = np.flatnonzero(np.isfinite(lits))
    if not len(seen):
        return head, NOTHING
    at = times[int(seen[-1])]
    head = _continued(head, at=at)
    shine = np.flatnonzero(np.nan_to_num(lits, nan=0.0) >= LIT)
    highest = float(np.nanmax(lits))
    if len(shine) >= 2 or highest >= SURE:
        newest = times[int(shine[-1])]
        head = replace(head, burst_s=max(head.burst_s, _burst_s(times, seen=seen, lits=lits)))
        state = states[int(np.nanargmax(lits))]
        suspect = 0.0 if head.suspected else None
        said = Said(lit=highest, suspect=suspect) if newest >= (head.lit_at or 0) else NOTHING
        return _lit(head, state=state, at=newest), said
    began = times[int(seen[0])]
    lit_since = head.lit_at is not None and head.lit_at >= began
    if len(shine) or lit_since or not _decides(times, seen=seen, wanted_s=head.burst_s):
        return head, NOTHING
    since = began if head.dark_since is None else min(head.dark_since, began)
    head = replace(
        head,
        normal=light_normal.went_dark(head.normal),
        dark_since=since,
        dark_at=max(head.dark_at, at),
        burst_at=at,
        bursts=head.bursts + 1,
        suspected=True,
    )
    suspect = 1.0 - highest
    patience = 0 if all_dark else head.normal.patience(at)
    if at - since < patience:
        return head, Said(suspect=suspect)
    return replace(head, told=True), Said(lit=highest, suspect=suspect)


def _continued(head: Head, *, at: Ts) -> Head:
    """Forgets a dark time that nobody has looked at for long."""
    if head.dark_since is None or at - head.dark_at < LOST_MS:
        return head
    return replace(head, dark_since=None, bursts=0, told=False)


def _lit(head: Head, *, state: str | None, at: Ts) -> Head:
    if at < (head.lit_at or 0):
        return head
    normal = head.normal if state is None else light_normal.lit(head.normal, state=state, at=at)
    burst_s = head.burst_s
    if head.dark and head.dark_since is not None and at > head.dark_since:
        length = at - head.dark_since
        normal = light_normal.dark_spell(normal, length=length, ended=at, told=head.told)
        if head.bursts == 1 and at - head.burst_at < SOON_MS:
            # Dark for a whole burst and lit right after it: a controller that blinks slowly.
            burst_s = min(LONGEST_BURST_S, 2 * burst_s)
    return replace(
        head,
        normal=normal,
        dark_since=None,
        bursts=0,
        told=False,
        suspected=False,
        lit_at=at,
        burst_s=burst_s,
    )


def _decides(times: Sequence[Ts], *, seen: NDArray[np.intp], wanted_s: float) -> bool:
    """Whether the readable frames are enough, long enough and close enough to rule out flashing."""
    at = np.asarray(times, np.int64)[seen]
    if len(at) < FEWEST_FRAMES:
        return False
    gaps = np.diff(at)
    covered = at[-1] - at[0] + float(np.median(gaps))
    close = gaps.max() <= LARGEST_GAP_MS and gaps.min() >= 0
    return bool(close and covered >= _COVERS * 1000 * wanted_s)


def _burst_s(times: Sequence[Ts], *, seen: NDArray[np.intp], lits: NDArray[np.float64]) -> float:
    """How long the next burst must be for this head's blinking."""
    at = np.asarray(times, np.int64)[seen]
    bright = at[lits[seen] >= LIT]
    runs = np.diff(np.concatenate(([at[0]], bright, [at[-1]])))
    return float(min(LONGEST_BURST_S, max(SHORTEST_BURST_S, BLINKS * runs.max() / 1000)))
