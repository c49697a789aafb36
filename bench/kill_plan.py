"""Where a drill kills: seeded instants of a process's life, and named points at seeded passings."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from citypatrol.crashpoints import CrashPoint
from citypatrol.history.upkeep import FIRST_S

PRUNES = (CrashPoint.JOURNAL_PRUNE_BEFORE, CrashPoint.JOURNAL_PRUNE_AFTER)
_OFTEN = (
    CrashPoint.JOURNAL_APPEND_BEFORE,
    CrashPoint.JOURNAL_APPEND_AFTER,
    CrashPoint.INTAKE_COMMITTED,
    CrashPoint.MQTT_ACK_BEFORE,
    CrashPoint.MQTT_ACK_AFTER,
)
_SOME = (
    CrashPoint.INFLUX_WRITE_BEFORE,
    CrashPoint.INFLUX_WRITTEN,
    CrashPoint.TICKETS_BEFORE,
    CrashPoint.TICKETS_AFTER,
    CrashPoint.DELIVERY_BEFORE,
    CrashPoint.DELIVERY_SENT,
    CrashPoint.DELIVERY_RECORD_BEFORE,
    CrashPoint.DELIVERY_RECORD_AFTER,
    CrashPoint.DEAD_PUT_BEFORE,
    CrashPoint.DEAD_PUT_AFTER,
)
_COMPACT = (
    CrashPoint.HISTORY_COMPACT_WRITTEN,
    CrashPoint.HISTORY_COMPACT_RENAMED,
    CrashPoint.HISTORY_COMPACT_AFTER,
)
_SHORT_S, _LONG_S = (0.3, 4.0), (4.0, 9.0)


@dataclass(frozen=True, slots=True)
class Kill:
    """One death of a process that has just been started: so long after its start, or at the Nth
    passing of a point. ``stops``: so often it runs for ``after_s`` and is stopped in order before,
    so that there is something to prune or to put together. ``patience_s``: a point that was not
    passed so long after ready is passed at SIGTERM, or not at all."""

    after_s: float = 0.0
    point: CrashPoint | None = None
    passing: int = 1
    stops: int = 0
    patience_s: float = 8.0


def plan(rng: random.Random, *, instants: int, points: Sequence[CrashPoint]) -> list[Kill]:
    """In random order. Most lives are short, so that many end while it starts or catches up."""
    kills = [_at_point(rng, point) for point in points]
    for _ in range(instants):
        shortest, longest = _SHORT_S if rng.random() < 0.7 else _LONG_S
        kills.append(Kill(rng.uniform(shortest, longest)))
    rng.shuffle(kills)
    return kills


def _at_point(rng: random.Random, point: CrashPoint) -> Kill:
    if point in PRUNES:
        return Kill(after_s=6.0, point=point, stops=1)
    if point in _COMPACT:
        return Kill(after_s=3.0, point=point, stops=2, patience_s=FIRST_S + 15)
    most = 40 if point in _OFTEN else 3 if point in _SOME else 1
    return Kill(point=point, passing=rng.randint(1, most))
