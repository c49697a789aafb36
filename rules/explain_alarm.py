"""An alarm's timers at an instant, and the next moment at which it would fire or clear. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from citypatrol.clock import Ts
from rules.alarm import Alarm, Firing, Pending
from rules.explain_tree import Told
from rules.incidents import incident_id
from rules.ruleset import Rule


@dataclass(frozen=True, slots=True)
class Facts:
    """``last``: the newest judged sample of the rule's own series, ``count`` its number; ``blind``:
    ``unless`` holds, or what was said while it did is worth nothing."""

    rule: Rule
    source: str
    at: Ts
    alarm: Alarm
    last: Ts
    count: int
    when: Told
    clear: Told | None
    unless: Told | None
    blind: bool
    during: bool | None
    during_changes: Ts | None
    group: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Times are milliseconds UTC, durations milliseconds.

    ``at``: the instant that is explained. ``since``: since when ``when`` holds without a break, of
    an incident its beginning; ``counted``: of ``at_least`` samples in a row; ``clearing``: since
    when the clear condition holds. ``during``: whether the rule judges at this time of day, and
    when that changes. ``fires_at``, ``clears_at``: the next moment at which it would, if all stays
    as it is; ``sample_by``: unless no sample comes before then, since the value is too old.
    ``because``: why no such moment is known.
    """

    rule: str
    source: str
    metric: str
    at: Ts
    state: Literal["ok", "pending", "firing"]
    when: Told
    hold_for: int
    at_least: int
    clear: Told | None
    clear_for: int
    unless: Told | None
    blind: bool
    during: bool | None
    during_changes: Ts | None
    group: str | None
    since: Ts | None = None
    fired_at: Ts | None = None
    clearing: Ts | None = None
    counted: int | None = None
    incident: str | None = None
    fires_at: Ts | None = None
    clears_at: Ts | None = None
    sample_by: Ts | None = None
    because: str | None = None


def timed(facts: Facts) -> Explanation:
    rule = facts.rule
    plain = Explanation(
        rule=rule.name,
        source=facts.source,
        metric=rule.metric,
        at=facts.at,
        state="ok",
        when=facts.when,
        hold_for=rule.when.hold_for,
        at_least=rule.when.at_least,
        clear=facts.clear,
        clear_for=rule.clear.hold_for,
        unless=facts.unless,
        blind=facts.blind,
        during=facts.during,
        during_changes=facts.during_changes,
        group=facts.group,
    )
    if isinstance(facts.alarm, Firing):
        return _firing(plain, facts, facts.alarm)
    if isinstance(facts.alarm, Pending) and facts.when.truth is True and not facts.blind:
        return _pending(plain, facts, facts.alarm)
    return _ok(plain, facts)


def _pending(plain: Explanation, facts: Facts, alarm: Pending) -> Explanation:
    counted = None
    fires_at: Ts | None = alarm.since + plain.hold_for
    because = None
    if plain.at_least > 1 and facts.rule.when.window is None:
        counted = facts.count - alarm.first + 1
        if counted < plain.at_least:
            missing = plain.at_least - counted
            because = f"{missing} more {'sample' if missing == 1 else 'samples'} must come"
            fires_at = None
    dies = min(_deaths(facts.when), default=None)
    return replace(
        plain,
        state="pending",
        since=alarm.since,
        counted=counted,
        fires_at=fires_at,
        sample_by=dies if dies is not None and (fires_at is None or dies <= fires_at) else None,
        because=because,
    )


def _firing(plain: Explanation, facts: Facts, alarm: Firing) -> Explanation:
    rule = facts.rule
    clears = facts.clear.truth if facts.clear is not None else _opposite(facts.when.truth)
    if facts.during is False:
        clears = True
    clearing = alarm.clearing if clears is True else None
    clears_at = None if clearing is None else clearing + plain.clear_for
    because = None
    if clears_at is None:
        because = "the clear condition does not hold" if clears is False else "nothing is known"
        because = "it sees nothing while `unless` holds" if facts.blind else because
    dies = min(_deaths(facts.clear or facts.when), default=None)
    late = dies is not None and clears_at is not None and dies <= clears_at
    return replace(
        plain,
        state="firing",
        since=alarm.since,
        fired_at=alarm.fired_at,
        clearing=clearing,
        incident=incident_id(rule.name, facts.source, rule.metric, alarm.since),
        clears_at=clears_at,
        sample_by=dies if late else None,
        because=because,
    )


def _ok(plain: Explanation, facts: Facts) -> Explanation:
    missing = facts.rule.when.missing
    if facts.during is False:
        return replace(plain, because="it does not judge at this time of day")
    if facts.blind:
        return replace(plain, because="`unless` holds, or held when the newest sample came")
    if missing is not None and facts.when.truth is False:
        return replace(plain, fires_at=facts.last + missing, because="unless a sample comes")
    if facts.when.truth is False:
        return replace(plain, because="the condition does not hold; a sample must change that")
    if facts.when.truth is None:
        return replace(plain, because="nothing is known; a sample must come")
    return replace(plain, because="it begins with the next sample")


def _deaths(told: Told) -> Iterator[Ts]:
    """When values that it stands on are too old."""
    yield from (seen.dies_at for seen in told.seen if seen.dies_at is not None)
    for part in told.parts:
        yield from _deaths(part)


def _opposite(truth: bool | None) -> bool | None:
    return None if truth is None else not truth
