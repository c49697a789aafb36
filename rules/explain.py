"""Why a rule says what it says of one source: its conditions, their values, timers, and what is to
come. Read-only, and plain data."""

import difflib
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from rules.block import NEVER
from rules.compound import CompoundRule
from rules.conditions import clear_of, tree_of, unless_of
from rules.explain_alarm import Explanation, Facts, timed
from rules.explain_looks import Judge, Looks
from rules.explain_tree import View, told
from rules.ruleset import EVERY_METRIC, Rule
from rules.state import State

_NEAR: Final = 3
_MOST_NAMES: Final = 20_000


class Unexplained(Exception):
    """There is nothing to explain; the message says why, and what is near."""


def explain(state: State, rule: str, *, source: str) -> Explanation:
    """What is known when time has come as far as the newest tick. Raises Unexplained."""
    judge = _judge(state, rule)
    number = _number(state, source)
    labels = state.sources.labels(number)
    differs = differing(judge.rule, labels)
    if differs:
        message = f"rule '{rule}' does not select {source}: {'; '.join(differs)}"
        raise Unexplained(message)
    key = number if judge.table is None else judge.table.number(number)
    if key < 0 or key >= len(judge.track.ts.data):
        key = -1
    if key < 0 or (_silent(judge, key) and not isinstance(judge, CompoundRule)):
        metric = "nothing" if judge.rule.metric == EVERY_METRIC else f"no {judge.rule.metric}"
        message = f"{source} has sent {metric} in this time, so rule '{rule}' judges nothing there"
        raise Unexplained(message)
    return _explained(state, judge, key=key, source=number)


def differing(rule: Rule, labels: Mapping[str, str]) -> list[str]:
    """Which labels keep a source from being selected."""
    return [
        f"it wants {label}: {' or '.join(values)}, and the source has "
        + (f"'{labels[label]}'" if labels.get(label) else "none")
        for label, values in rule.where
        if labels.get(label) not in values
    ]


def nearest(name: str, known: Iterable[str]) -> str:
    """``; the nearest: ...``, or nothing."""
    names = list(islice(known, _MOST_NAMES))
    found = difflib.get_close_matches(name, names, _NEAR, 0.5)
    return f"; the nearest: {', '.join(found)}" if found else ""


def _explained(state: State, judge: Judge, *, key: int, source: int) -> Explanation:
    rule, labels = judge.rule, state.sources.labels(source)
    at = state.now - int(state.sources.lateness.data[source])
    looks = Looks(state, judge, key=key, source=source)
    view = View(rule.metric, labels, at, looks)
    clear, unless = clear_of(rule), unless_of(rule)
    veto = None if unless is None else told(unless, view)
    during = changes = None
    if isinstance(judge, CompoundRule):
        hours = judge.conditions.footing(source).hours
        if hours is not None and hours.is_known:
            during, changes = hours.holds(at), hours.next(at)
    facts = Facts(
        rule=rule,
        source=state.sources.names[source],
        at=at,
        alarm=judge.alarm(key) if isinstance(judge, CompoundRule) else judge.book.alarms.get(key),
        last=int(judge.track.ts.data[key]),
        count=int(judge.track.count.data[key]),
        when=told(tree_of(rule), view),
        clear=None if clear is None else told(clear, view),
        unless=veto,
        blind=(veto is not None and veto.truth is True) or looks.are_worthless(at),
        during=during,
        during_changes=changes,
        group=None if rule.group is None else labels.get(rule.group),
    )
    return timed(facts)


def _judge(state: State, rule: str) -> Judge:
    for judge in state.judges():
        if judge.rule.name == rule:
            return judge
    names = [one.name for one in state.rules.rules]
    if rule in names:
        message = f"rule '{rule}' is off in the mode '{state.mode}'"
        raise Unexplained(message)
    message = f"there is no rule '{rule}'{nearest(rule, names)}"
    raise Unexplained(message)


def _number(state: State, source: str) -> int:
    found = state.sources.known(source)
    if found is None:
        message = f"nothing is known of a source {source}{nearest(source, state.sources.names)}"
        raise Unexplained(message)
    return found


def _silent(judge: Judge, key: int) -> bool:
    return bool(judge.track.ts.data[key] == NEVER)
