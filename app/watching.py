"""Which rules look at a source, and by which words. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from citypatrol.units import format_duration
from rules.comparison import Comparison, Limit
from rules.ruleset import EVERY_METRIC, ONLINE, Rule, RuleSet


@dataclass(frozen=True, slots=True)
class Watch:
    """``heard``: the source has sent what the rule reads; ``condition``: with its own thresholds,
    as ``above 15 for 2m``."""

    rule: str
    metric: str
    heard: bool
    condition: str
    severity: str
    ticket: str | None


def watching(rules: RuleSet, *, labels: Mapping[str, str], metrics: Collection[str]) -> list[Watch]:
    """Rules whose ``select`` means this source. One that selects no labels, for a metric that the
    source has never sent, is not meant for it; of a source never heard nobody knows that."""
    found = []
    for rule in rules.rules:
        every = rule.metric == EVERY_METRIC
        heard = rule.metric in metrics or (every and any(one != ONLINE for one in metrics))
        if rule.selects(labels) and (heard or every or rule.where or not metrics):
            category = rule.ticket.category if rule.ticket is not None else None
            condition = " ".join(_words(rule, labels))
            found.append(Watch(rule.name, rule.metric, heard, condition, rule.severity, category))
    return found


def _words(rule: Rule, labels: Mapping[str, str]) -> Iterator[str]:
    when = rule.when
    if when.missing is not None:
        yield f"missing {format_duration(when.missing)}"
    if when.window is not None:
        yield f"{when.window.word} of {format_duration(when.window.span)}"
    if when.comparison is not None:
        yield _compared(when.comparison, labels)
    if when.hold_for:
        yield f"for {format_duration(when.hold_for)}"
    if when.at_least > 1:
        yield f"at least {when.at_least} samples"
    if rule.unless is not None:
        yield f"unless {rule.unless.metric} {_compared(rule.unless.comparison, labels)}"


def _compared(comparison: Comparison, labels: Mapping[str, str]) -> str:
    limits = dict.fromkeys(_limit(limit, labels) for limit in comparison.limits)
    return f"{comparison.word} {' and '.join(limits)}"


def _limit(limit: Limit, labels: Mapping[str, str]) -> str:
    value = limit.of(labels)
    if value is None:
        return f"nothing (its label {limit.label} holds no number: never judged)"
    return f"{value:g}"
