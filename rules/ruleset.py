"""Rules as data: what ``rules.load`` makes of YAML and ``rules.engine`` judges by.

Durations are milliseconds. The words are those of DESIGN 6; RULES says what they mean.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

import orjson

from rules.comparison import Comparison, Reading
from rules.during import During
from rules.incidents import Severity, TicketSpec
from rules.tree import Node, Part

EVERY_METRIC: Final = "*"
ONLINE: Final = "online"
SITE: Final = "site"
NORMAL: Final = "normal"
_LATER_WORDS: Final = frozenset({"tree", "during", "steps", "window"})


@dataclass(frozen=True, slots=True)
class When:
    """One of ``comparison``, ``missing`` and ``tree`` is there."""

    comparison: Comparison | None = None
    missing: int | None = None
    hold_for: int = 0
    at_least: int = 1
    window: Reading | None = None
    tree: Node | None = None


@dataclass(frozen=True, slots=True)
class Clear:
    """``comparison`` or ``tree``; without both: when the condition is known to be false."""

    comparison: Comparison | None = None
    hold_for: int = 0
    window: Reading | None = None
    tree: Node | None = None


@dataclass(frozen=True, slots=True)
class Unless:
    """Looked up at the source, then at its parent (RULES 22). Its limits have no labels."""

    metric: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Step:
    """From where ``comparison`` holds, an incident has this severity."""

    severity: Severity
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
    during: During | None = None
    steps: tuple[Step, ...] = ()
    modes: "tuple[tuple[str, Rule | None], ...]" = ()

    @property
    def condition(self) -> str:
        """Hash of all that alarms depend on: where it stays the same, alarms survive a reload."""
        parts = asdict(self)
        for name in ("name", "group", "severity", "ticket", "modes"):
            del parts[name]
        parts["steps"] = bool(self.steps)  # where they lie moves no alarm
        for part in (parts, parts["when"], parts["clear"]):  # a word that is not used is no change
            for name in _LATER_WORDS & part.keys():
                if not part[name]:
                    del part[name]
        return _hash(parts)

    @property
    def trees(self) -> tuple[Node | Part, ...]:
        """What ``when`` and ``clear`` join."""
        return tuple(tree for tree in (self.when.tree, self.clear.tree) if tree is not None)

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every part of every ``all any not``."""
        return tuple(part for tree in self.trees for part in tree.every)

    @property
    def labels(self) -> frozenset[str]:
        """The labels that decide which sources it judges, and by which thresholds."""
        own = [one.comparison for one in (self.when, self.clear)]
        every = [*own, *(part.comparison for part in self.parts)]
        limits = {limit.label for one in every if one is not None for limit in one.limits}
        wheres = [self.where, *(part.where for part in self.parts)]
        chosen = {label for where in wheres for label, _ in where}
        places = {SITE for part in self.parts if part.site is not None}
        places |= {"lat", "lon"} if self.during is not None and self.during.by_the_sun else set()
        return frozenset(label for label in limits | chosen | places if label is not None)

    def in_mode(self, mode: str) -> "Rule | None":
        """The rule as it judges in this mode, None where it is off."""
        return dict(self.modes).get(mode, self)

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

    @property
    def modes(self) -> frozenset[str]:
        """Every mode that some rule names, and ``normal``."""
        return frozenset({NORMAL} | {mode for rule in self.rules for mode, _ in rule.modes})

    @property
    def in_every_mode(self) -> tuple[Rule, ...]:
        """Each rule in each form that it has in some mode."""
        others = (other for rule in self.rules for _, other in rule.modes if other is not None)
        return (*self.rules, *others)

    def in_mode(self, mode: str) -> "RuleSet":
        """The rules as they judge in this mode."""
        if not any(rule.modes for rule in self.rules):
            return self
        judging = (rule.in_mode(mode) for rule in self.rules)
        return RuleSet(tuple(rule for rule in judging if rule is not None))


def _hash(parts: object) -> str:
    text = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()[:16]
