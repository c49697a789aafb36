"""What each rule has judged: nothing at all is mostly an oversight, and nobody would see it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from rules.ruleset import Rule
from rules.state import State


@dataclass(frozen=True, slots=True)
class Selection:
    """``series``: how many it has judged (sources, for every metric) of the ``heard`` of its
    metric. Where it judged none, ``seen`` has the values that its labels had instead."""

    rule: Rule
    series: int
    heard: int
    seen: Mapping[str, frozenset[str]]

    def with_others(self, other: "Selection") -> "Selection":
        """The same rule on other sources."""
        seen = {label: texts | other.seen[label] for label, texts in self.seen.items()}
        series, heard = self.series + other.series, self.heard + other.heard
        return Selection(self.rule, series, heard, seen)


def selections(state: State) -> list[Selection]:
    """Of the rules that judge in the mode of this moment."""
    found = []
    for judge in state.judges():
        table = judge.table
        known = np.arange(len(state.sources)) if table is None else table.source.data[: table.size]
        seen = {label: state.sources.texts(known, label) for label, _ in judge.rule.where}
        series = sum(judge.counts(state.now))
        found.append(Selection(judge.rule, series, len(known), seen))
    return sorted(found, key=lambda one: one.rule.name)


def together(each: Iterable[list[Selection]]) -> list[Selection]:
    """What several engines with the same rules say of different sources."""
    first, *others = each
    for some in others:
        first = [one.with_others(other) for one, other in zip(first, some, strict=True)]
    return first
