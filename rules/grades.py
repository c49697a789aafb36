"""``severity`` by steps: how grave a value is."""

from collections.abc import Sequence

from rules.comparison import compare
from rules.incidents import SEVERITIES, Severity
from rules.ruleset import Step


def grade(steps: Sequence[Step], value: float) -> Severity:
    """The gravest step that holds, or the least of them all where none does."""
    held = [one.severity for one in steps if _holds(one, value)]
    if held:
        return max(held, key=SEVERITIES.index)
    return least(steps)


def least(steps: Sequence[Step]) -> Severity:
    return min((one.severity for one in steps), key=SEVERITIES.index)


def is_graver(one: Severity, than: Severity) -> bool:
    return SEVERITIES.index(one) > SEVERITIES.index(than)


def _holds(step: Step, value: float) -> bool:
    low, high = (
        0.0 if limit is None or limit.default is None else limit.default
        for limit in (step.comparison.low, step.comparison.high)
    )
    return bool(compare(step.comparison.word, value, low, high))
