"""Rules as data: what ``rules.load`` makes of YAML and ``rules.engine`` judges by.

Durations are milliseconds. The words are those of DESIGN 6; RULES says what they mean.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import orjson

from rules.incidents import Severity, TicketSpec

EVERY_METRIC: Final = "*"
ONLINE: Final = "online"
_NUMBER: Final = re.compile(r"[+-]?(\d{1,300}(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)

Word = Literal["above", "below", "between", "outside"]


def number(cell: str) -> float | None:
    """The finite number that a label's cell holds; None where it holds none."""
    text = cell.strip()
    value = float(text) if _NUMBER.fullmatch(text) else float("inf")
    return value if abs(value) != float("inf") else None


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold: a number, or the number in a label's cell with a default (RULES 11)."""

    default: float | None
    label: str | None = None

    def of(self, labels: Mapping[str, str]) -> float | None:
        """None where the source has no threshold: then the condition is unknown."""
        cell = labels.get(self.label, "") if self.label is not None else ""
        return number(cell) if cell else self.default


@dataclass(frozen=True, slots=True)
class Comparison:
    """One of ``above below between outside``; ``low`` and ``high`` as far as the word has them."""

    word: Word
    low: Limit | None = None
    high: Limit | None = None

    @property
    def limits(self) -> tuple[Limit, ...]:
        return tuple(limit for limit in (self.low, self.high) if limit is not None)


def compare(word: Word, value: Any, low: Any, high: Any) -> Any:
    """RULES 10, for one value or an array of them; bounds that the word has not are ignored."""
    if word == "above":
        return value > low
    if word == "below":
        return value < high
    if word == "between":
        return (value >= low) & (value <= high)
    return (value < low) | (value > high)


@dataclass(frozen=True, slots=True)
class When:
    """Either ``comparison`` or ``missing`` is there, never both."""

    comparison: Comparison | None = None
    missing: int | None = None
    hold_for: int = 0
    at_least: int = 1


@dataclass(frozen=True, slots=True)
class Clear:
    """``comparison`` None: when the condition is known to be false."""

    comparison: Comparison | None = None
    hold_for: int = 0


@dataclass(frozen=True, slots=True)
class Unless:
    """Looked up at the source, then at its parent (RULES 22). Its limits have no labels."""

    metric: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Rule:
    """``where``: pairs of a label and the values that it may have; all pairs must fit."""

    name: str
    metric: str
    when: When
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    clear: Clear = Clear()
    unless: Unless | None = None
    group: str | None = None
    severity: Severity = "major"
    stale: int | None = None
    ticket: TicketSpec | None = None

    @property
    def condition(self) -> str:
        """Hash of all that alarms depend on: where it stays the same, alarms survive a reload."""
        parts = asdict(self)
        for name in ("name", "group", "severity", "ticket"):
            del parts[name]
        return _hash(parts)

    @property
    def labels(self) -> frozenset[str]:
        """The labels that decide which sources it judges, and by which thresholds."""
        comparisons = [c for c in (self.when.comparison, self.clear.comparison) if c is not None]
        limits = (limit.label for c in comparisons for limit in c.limits)
        return frozenset(label for label, _ in self.where) | {x for x in limits if x is not None}

    def selects(self, labels: Mapping[str, str]) -> bool:
        return all(labels.get(label) in values for label, values in self.where)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules in force, in order of their names, which are unique."""

    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.rules, key=lambda rule: rule.name))
        object.__setattr__(self, "rules", ordered)

    @property
    def hash(self) -> str:
        """16 hex digits that only a change of meaning changes: no comment, order or file does."""
        return _hash([asdict(rule) for rule in self.rules])


def _hash(parts: object) -> str:
    text = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()[:16]
