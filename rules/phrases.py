"""Conditions in words, as a rule file writes them: ``water_level above 15``."""

from collections.abc import Mapping

from citypatrol.units import format_duration
from rules.comparison import Comparison, Limit, Reading
from rules.ruleset import EVERY_METRIC
from rules.tree import Part


def phrase(part: Part, *, metric: str, labels: Mapping[str, str]) -> str:
    """``metric``: of the rule, where the part names none; ``labels``: for thresholds by label."""
    where = "" if part.site is None else f" at {part.site} of the site"
    name = part.metric or ("every metric" if metric == EVERY_METRIC else metric)
    if part.missing is not None:
        return f"{name}{where} missing for {format_duration(part.missing)}"
    read = name if part.window is None else f"{reading(part.window)} of {name}"
    if part.comparison is None:
        return f"{read}{where}"
    return f"{read}{where} {comparison(part.comparison, labels)}"


def reading(window: Reading) -> str:
    return f"{window.word} over {format_duration(window.span)}"


def comparison(one: Comparison, labels: Mapping[str, str]) -> str:
    if one.word in ("between", "outside"):
        low, high = (limit(bound, labels) for bound in (one.low, one.high))
        return f"{one.word} {low} and {high}"
    return f"{one.word} {limit(one.low or one.high, labels)}"


def limit(bound: Limit | None, labels: Mapping[str, str]) -> str:
    """The number, and where it came from."""
    if bound is None:
        return "nothing"
    value = bound.of(labels)
    said = "no number" if value is None else f"{value:.10g}"
    if bound.label is None:
        return said
    own = labels.get(bound.label)
    return f"{said} ({f'its {bound.label}' if own else f'default of {bound.label}'})"
