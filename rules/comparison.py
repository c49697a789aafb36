"""What a value is compared with: words, bounds and thresholds by label (RULES 10, 11, 23)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

_NUMBER: Final = re.compile(r"[+-]?(\d{1,300}(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)

Word = Literal["above", "below", "between", "outside", "equals"]
WindowWord = Literal["mean", "max", "min", "sum", "count", "p95", "rate", "change"]


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
    """One of ``above below between outside equals``; ``low`` and ``high`` as far as the word has
    them, and for ``equals`` both the same."""

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
    if word == "outside":
        return (value < low) | (value > high)
    return (value >= low) & (value <= high)


@dataclass(frozen=True, slots=True)
class Reading:
    """What is compared in place of the newest value: what ``word`` says of the samples of the last
    ``span`` milliseconds (RULES 23)."""

    word: WindowWord
    span: int
