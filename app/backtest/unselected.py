"""Rules that judged nothing in the time asked for, with what was near: no news is no good news."""

from collections.abc import Sequence
from typing import Final

from app.backtest.reckoning import Answer
from rules.explain import nearest
from rules.ruleset import EVERY_METRIC
from rules.selection import Selection

_NAMED: Final = 5


def unselected(answer: Answer, *, labelled: bool) -> dict[str, str]:
    """By rule why it judged nothing. ``labelled``: there is a registry to take labels from."""
    return {
        one.rule.name: _why(one, answer.metrics, labelled=labelled)
        for one in answer.selections
        if not one.series
    }


def _why(one: Selection, metrics: Sequence[str], *, labelled: bool) -> str:
    metric = one.rule.metric
    if not one.heard:
        near = nearest(metric, metrics) or f"; there is {_some(metrics)}"
        return f"no sample of {metric} in this time{near}"
    those = (
        f"{one.heard:,} sources" if metric == EVERY_METRIC else f"{one.heard:,} series of {metric}"
    )
    wanted = ", ".join(f"{label}: {' or '.join(values)}" for label, values in one.rule.where)
    there = "; ".join(_there(label, one.seen[label]) for label, _ in one.rule.where)
    way_out = "" if labelled else " (labels come from the registry: write --city FILE)"
    return f"none of {those} has {wanted}; {there}{way_out}"


def _there(label: str, texts: frozenset[str]) -> str:
    return f"{label} is {_some(sorted(texts))} there" if texts else f"nobody has a {label}"


def _some(names: Sequence[str]) -> str:
    if not names:
        return "nothing"
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
