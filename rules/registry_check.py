"""Rules against the registry: thresholds by label that are no number, or overlap (RULES 11, 16)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

from citypatrol.errors import Problem
from rules.comparison import Comparison, Limit, Word, number
from rules.ruleset import Rule, RuleSet
from rules.spans import overlap

MOST_NAMED: Final = 5


class Cells(Protocol):
    """What is asked of ``citypatrol.registry.Registry``."""

    def values(self, column: str) -> Iterator[tuple[str, str]]: ...

    def labels(self, source: str) -> Mapping[str, str] | None: ...


def check_registry(rules: RuleSet, registry: Cells, *, path: str) -> list[Problem]:
    """What nothing may run with. ``path``: the registry's file, where it is to be mended."""
    return [
        Problem(path, 0, 0, message)
        for rule in rules.in_every_mode
        for found in (_no_numbers(rule, registry), _overlaps(rule, registry))
        for message in _shortened(found, rule)
    ]


def _no_numbers(rule: Rule, registry: Cells) -> list[str]:
    return [
        f"source '{source}': {label} '{cell}' is no number; rule '{rule.name}' compares with it"
        for label in _labels(rule)
        for source, cell in registry.values(label)
        if number(cell) is None and rule.selects(registry.labels(source) or {})
    ]


def _overlaps(rule: Rule, registry: Cells) -> list[str]:
    """Sources with which ``when`` and ``clear`` hold for one number, though by default they do not:
    the file's own check has seen to that."""
    when, clear = rule.when.comparison, rule.clear.comparison
    labels = _labels(rule)
    if when is None or clear is None or not labels:
        return []
    columns = {label: dict(registry.values(label)) for label in labels}
    sources = sorted({source for cells in columns.values() for source in cells})
    known: dict[tuple[str, ...], str | None] = {}
    found = []
    for source in sources:
        cells = tuple(columns[label].get(source, "") for label in labels)
        if cells not in known:
            of = dict(zip(labels, cells, strict=True))
            known[cells] = overlap(_bounds(when, of), _bounds(clear, of))
        common = known[cells]
        if common is not None and rule.selects(registry.labels(source) or {}):
            named = ", ".join(f"{x} {y}" for x, y in zip(labels, cells, strict=True) if y)
            found.append(
                f"source '{source}': with {named} rule '{rule.name}' begins and clears at once, "
                f"by {common}"
            )
    return found


def _shortened(found: Sequence[str], rule: Rule) -> Sequence[str]:
    if len(found) <= MOST_NAMED:
        return found
    more = len(found) - MOST_NAMED
    return [*found[:MOST_NAMED], f"{more} more sources like these (rule '{rule.name}')"]


def _labels(rule: Rule) -> list[str]:
    every = [rule.when.comparison, rule.clear.comparison, *(p.comparison for p in rule.parts)]
    comparisons = [c for c in every if c is not None]
    labels = {limit.label for one in comparisons for limit in one.limits}
    return sorted(label for label in labels if label is not None)


def _bounds(
    comparison: Comparison, labels: Mapping[str, str]
) -> tuple[Word, float | None, float | None]:
    def of(limit: Limit | None) -> float | None:
        return None if limit is None else limit.of(labels)

    return comparison.word, of(comparison.low), of(comparison.high)
