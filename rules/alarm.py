"""One alarm: ok, pending or firing. Pure: time, truth and counts are arguments.

Between two instants a condition stands; ``settle`` lets the timers end that end meanwhile, ``turn``
gives the condition its value from an instant on. None is unknown (RULES 13). All samples of an
instant come before any timer of that instant (RULES 1): settle up to the millisecond before, then
turn, and ``turn`` itself ends what ends right then.
"""

from typing import NamedTuple

from citypatrol.clock import Ts


class Timing(NamedTuple):
    """``for`` and ``at_least`` of a rule, and the ``for`` of its ``clear``; milliseconds."""

    hold_for: int = 0
    at_least: int = 1
    clear_for: int = 0


class Pending(NamedTuple):
    """Holds since; ``first`` is the number of the sample that began it."""

    since: Ts
    first: int


class Firing(NamedTuple):
    """``clearing``: since when the clear condition holds; None while it does not."""

    since: Ts
    fired_at: Ts
    clearing: Ts | None = None


Alarm = Pending | Firing | None


def due(alarm: Alarm, timing: Timing) -> Ts | None:
    """The instant in which its running timer ends; None where none runs."""
    if isinstance(alarm, Pending):
        return alarm.since + timing.hold_for
    if alarm is None or alarm.clearing is None:
        return None
    return alarm.clearing + timing.clear_for


def cleared_since(alarm: Alarm, at: Ts) -> Ts:
    """Since when the clear time of an alarm ran that has cleared at this instant."""
    if isinstance(alarm, Firing) and alarm.clearing is not None:
        return alarm.clearing
    return at


def settle(alarm: Alarm, timing: Timing, *, until: Ts, count: int) -> tuple[Alarm, Ts | None]:
    """The alarm at ``until`` (inclusive) if the condition stands, and when it fired or cleared.

    ``count``: the number of the newest judged sample.
    """
    end = due(alarm, timing)
    if end is None or end > until:
        return alarm, None
    if isinstance(alarm, Firing):
        return None, max(end, alarm.fired_at)
    if isinstance(alarm, Pending) and _are_enough(alarm, timing, count):
        return Firing(alarm.since, end), end
    return alarm, None


def turn(
    alarm: Alarm, timing: Timing, *, at: Ts, holds: bool | None, clears: bool | None, count: int
) -> tuple[Alarm, Ts | None]:
    """The alarm once ``when`` is ``holds`` and the clear condition ``clears``, from ``at`` on.

    The second value is the instant in which it fired or cleared, None where it did neither. That
    is never before ``fired_at``: what has been said cannot clear before it was said.
    """
    if isinstance(alarm, Firing):
        if holds or not clears:
            return (alarm if alarm.clearing is None else alarm._replace(clearing=None)), None
        start = at if alarm.clearing is None else alarm.clearing
        if start + timing.clear_for <= at:
            return None, max(at, alarm.fired_at)
        return alarm._replace(clearing=start), None
    if not holds:
        return None, None
    if alarm is None:
        alarm = Pending(at, count)
    if at >= alarm.since + timing.hold_for and _are_enough(alarm, timing, count):
        return Firing(alarm.since, at), at
    return alarm, None


def _are_enough(alarm: Pending, timing: Timing, count: int) -> bool:
    """One sample is there whenever it is pending: then nobody need have counted."""
    return timing.at_least == 1 or count - alarm.first + 1 >= timing.at_least
