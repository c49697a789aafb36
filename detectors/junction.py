"""The heads of one camera, which stand at one junction and are judged beside each other. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from citypatrol.clock import Ts
from detectors import lamp_out, light_state
from detectors.heads import Reading
from detectors.lamp_out import Lamps
from detectors.light_normal import ALIVE_GAP, Normal
from detectors.light_state import NOTHING, Head, Said

SURE_STATE = 0.7
"""A colour that is less sure than this is not learned."""


@dataclass(frozen=True, slots=True)
class Junction:
    """What is known of each head, by its name."""

    heads: Mapping[str, Head]
    lamps: Mapping[str, Lamps] = field(default_factory=dict)

    @classmethod
    def of(cls, designed: Mapping[str, int | None]) -> "Junction":
        """Heads never seen before; of each the longest dark time by design (ms), if known."""
        return cls({name: Head(Normal(designed=dark)) for name, dark in designed.items()})


@dataclass(frozen=True, slots=True)
class Told:
    """What may be said of one head; ``lamp_out`` is None where it cannot be known."""

    said: Said
    lamp_out: bool | None = None


def glimpse(
    junction: Junction, *, readings: Mapping[str, Reading], at: Ts
) -> tuple[Junction, dict[str, Told]]:
    """One picture. Heads that could not be read keep their state."""
    heads, lamps = dict(junction.heads), dict(junction.lamps)
    said: dict[str, Said] = {}
    for name, reading in readings.items():
        if reading.readable:
            looked = heads[name].normal.looked
            if looked is not None and name in lamps and at - looked > ALIVE_GAP:
                lamps[name] = lamp_out.unwatched(lamps[name], ms=at - looked)
            state, lit = _colour(reading), reading.lit
            heads[name], said[name] = light_state.glimpse(heads[name], state=state, lit=lit, at=at)
    return _with_lamps(replace(junction, heads=heads, lamps=lamps), said, before=junction, at=at)


def stare(
    junction: Junction, *, times: Sequence[Ts], readings: Mapping[str, Sequence[Reading]]
) -> tuple[Junction, dict[str, Told]]:
    """Every frame of a burst, of the heads that it shows."""
    if not times:
        return junction, {}
    after, said = _stared(junction, times=times, readings=readings, all_dark=False)
    if _power_cut(after, at=times[-1]):
        after, said = _stared(junction, times=times, readings=readings, all_dark=True)
    lamps = dict(junction.lamps)
    for name in readings:
        head = after.heads[name]
        if head.dark and head.dark_since is not None:
            lamps[name] = lamp_out.dark_began(lamps.get(name, Lamps()), at=head.dark_since)
    return _with_lamps(replace(after, lamps=lamps), said, before=junction, at=times[-1])


def _stared(
    junction: Junction,
    *,
    times: Sequence[Ts],
    readings: Mapping[str, Sequence[Reading]],
    all_dark: bool,
) -> tuple[Junction, dict[str, Said]]:
    heads = dict(junction.heads)
    said = {}
    for name, frames in readings.items():
        lits = np.array([one.lit if one.readable else np.nan for one in frames], np.float64)
        states = [_colour(one) for one in frames]
        heads[name], said[name] = light_state.stare(
            heads[name], times=times, lits=lits, states=states, all_dark=all_dark
        )
    return replace(junction, heads=heads), said


def _power_cut(junction: Junction, *, at: Ts) -> bool:
    """Every head is dark, and one of them never is by design."""
    heads = [head for head in junction.heads.values() if head.dark or head.normal.watched]
    if len(heads) < 2 or not all(head.dark for head in heads):
        return False
    return any(head.normal.patience(at) == 0 for head in heads)


def _with_lamps(
    junction: Junction, said: Mapping[str, Said], *, before: Junction, at: Ts
) -> tuple[Junction, dict[str, Told]]:
    """A lost lamp is told at every look; that none is lost only when a colour comes anew."""
    lamps = dict(junction.lamps)
    told = {}
    for name, one in said.items():
        head, old = junction.heads[name], lamps.get(name, Lamps())
        others = [other.normal for key, other in junction.heads.items() if key != name]
        now, out = lamp_out.missed(old, normal=head.normal, others=others, at=at)
        if now != Lamps():
            lamps[name] = now
        news = bool(old.out) or head.normal.state != before.heads[name].normal.state
        told[name] = Told(one, out if one != NOTHING and (out or news) else None)
    return replace(junction, lamps=lamps), told


def _colour(reading: Reading) -> str | None:
    sure = (
        reading.state not in ("off", "unreadable", "back_or_side") and reading.score >= SURE_STATE
    )
    return reading.state if sure else None
