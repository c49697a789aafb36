"""Judges one history by two rule sets and says how their tickets differ."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from app.backtest.found import Found
from app.backtest.reckoning import Answer, Progress, Question, reckon_each
from app.backtest.unselected import unselected
from app.diffing.changes import Changes
from app.diffing.matching import FATES, Difference, Fate, differences
from app.diffing.reasons import Reason, Reasons, Tried
from citypatrol.clock import Ts
from citypatrol.history.listing import Tell
from rules.ruleset import RuleSet

MOST_KEPT: Final = 10_000
"""Differences of one fate that are told one by one; more are counted only."""

Totals = Mapping[str, Mapping[str, int]]
"""Incidents, tickets and shadows by rule."""


@dataclass(frozen=True, slots=True)
class Told:
    difference: Difference
    reason: Reason


@dataclass(slots=True)
class Comparison:
    """``counts``: all differences by rule and fate, those of shadows apart. ``told``: the first of
    each fate, with their reasons. ``until`` is None where there was no sample. ``idle``: by changed
    rule why it judges nothing now."""

    changes: Changes
    until: Ts | None
    samples: int
    old: Totals = field(default_factory=dict)
    new: Totals = field(default_factory=dict)
    idle: dict[str, str] = field(default_factory=dict)
    counts: Counter[tuple[str, Fate, bool]] = field(default_factory=Counter)
    told: dict[Fate, list[Told]] = field(default_factory=lambda: {fate: [] for fate in FATES})

    @property
    def differs(self) -> bool:
        return bool(self.counts)

    def count(self, fate: Fate, *, rule: str | None = None, shadow: bool | None = None) -> int:
        """Of one rule or of all; of tickets that somebody is sent for, of shadows, or of both."""
        return sum(
            number
            for (name, its, kind), number in self.counts.items()
            if its == fate and rule in (None, name) and shadow in (None, kind)
        )


def compare_tickets(
    question: Question, changes: Changes, *, tell: Tell, progress: Progress
) -> Comparison:
    """``question.rules`` is not looked at. OSError and ValueError as ``reckon`` has them."""
    sets = [changes.old, changes.new]
    with reckon_each(question, sets, tell=tell, progress=progress) as (old, new):
        result = Comparison(changes, old.until, old.samples)
        result.old, result.new = old.found.by_rule(), new.found.by_rule()
        if old.until is None:
            return result
        names = {one.name for one in changes.changes}
        idle = unselected(new, labelled=question.ground is not None)
        result.idle = {rule: why for rule, why in idle.items() if rule in names}
        found = _found(result, old, new, until=old.until)
        moved = {one.ticket.rule for some in found.values() for one in some}
        trials = [one for one in changes.trials if moved & _names(one.rules)]
        with _tried(question, [one.rules for one in trials], tell=tell, progress=progress) as said:
            tried = [Tried(trial, one.of_key) for trial, one in zip(trials, said, strict=True)]
            reasons = Reasons(changes, tried=tried, until=old.until)
            for fate, some in found.items():
                result.told[fate] = [Told(one, reasons.of(one)) for one in some]
        return result


def _found(
    result: Comparison, old: Answer, new: Answer, *, until: Ts
) -> dict[Fate, list[Difference]]:
    """Those that are told, by time; all of them are counted."""
    kept: dict[Fate, list[Difference]] = {fate: [] for fate in FATES}
    for one in differences(old.found.by_key(), new.found.by_key(), until=until):
        result.counts[one.ticket.rule, one.fate, one.shadow] += 1
        if len(kept[one.fate]) < MOST_KEPT:
            kept[one.fate].append(one)
    for some in kept.values():
        some.sort(key=lambda one: (one.ticket.opened_at, one.ticket.rule, one.ticket.key))
    return kept


@contextmanager
def _tried(
    question: Question, rule_sets: Sequence[RuleSet], *, tell: Tell, progress: Progress
) -> Iterator[Sequence[Found]]:
    """A second reading, only where several parts of a rule were changed."""
    if not rule_sets:
        yield []
        return
    with reckon_each(question, rule_sets, tell=tell, progress=progress) as answers:
        yield [answer.found for answer in answers]


def _names(rules: RuleSet) -> set[str]:
    return {rule.name for rule in rules.rules}
