"""Which numbers two comparisons have in common: what both starts and clears an alarm."""

import math
from typing import NamedTuple

from rules.comparison import Word


class _Span(NamedTuple):
    """From ``low`` to ``high``; the ends belong to it where ``closed``."""

    low: float
    high: float
    closed: bool


def overlap(
    first: tuple[Word, float | None, float | None], second: tuple[Word, float | None, float | None]
) -> str | None:
    """Such numbers in words, like ``above 15``; None where there are none, or nobody can say.

    Each argument is a word of a rule with its low and its high threshold (RULES 10); a threshold
    that is not known makes the comparison hold for no number.
    """
    for one in _spans(*first):
        for other in _spans(*second):
            low, high = max(one.low, other.low), min(one.high, other.high)
            if low < high:
                return _words(low, high)
            if low == high and _holds(one, low) and _holds(other, low):
                return f"{low:g}"
    return None


def possible(word: Word, low: float | None, high: float | None, *, least: int) -> bool:
    """Whether some whole number of ``least`` or more fits; as ``overlap`` has its arguments."""
    for span in _spans(word, low, high):
        first = max(span.low, least)
        if first == math.inf:
            return False
        number = math.ceil(first)
        if not _holds(span, number):
            number += 1
        if number <= span.high and _holds(span, number):
            return True
    return False


def _spans(word: Word, low: float | None, high: float | None) -> list[_Span]:
    if word == "above":
        return [] if low is None else [_Span(low, math.inf, closed=False)]
    if word == "below":
        return [] if high is None else [_Span(-math.inf, high, closed=False)]
    if low is None or high is None:
        return []
    if word in ("between", "equals"):
        return [_Span(low, high, closed=True)]
    return [_Span(-math.inf, low, closed=False), _Span(high, math.inf, closed=False)]


def _holds(span: _Span, value: float) -> bool:
    return span.closed or span.low < value < span.high


def _words(low: float, high: float) -> str:
    if high == math.inf:
        return "every number" if low == -math.inf else f"what is above {low:g}"
    if low == -math.inf:
        return f"what is below {high:g}"
    return f"what lies between {low:g} and {high:g}"
