"""Values of a series in a few words, as promtool writes them. Pure.

``3`` one value; ``5x3`` four times 5; ``0+1x10`` eleven values from 0 to 10; ``20-2x5`` six values
down to 10; ``_`` no sample, ``_x3`` three times none.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

MOST: Final = 1_000_000
_NUMBER: Final = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_GAP: Final = re.compile(r"_(?:x(\d{1,9}))?", re.ASCII)
_RUN: Final = re.compile(
    rf"({_NUMBER})(?:([+-](?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)?x(\d{{1,9}}))?", re.ASCII
)
_UNSIGNED: Final = r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_ONE: Final = rf"(_(x[0-9]{{1,9}})?|[+-]?{_UNSIGNED}(([+-]{_UNSIGNED})?x[0-9]{{1,9}})?)"
_TEXT: Final = {"type": "string", "pattern": rf"^\s*{_ONE}(\s+{_ONE})*\s*$"}
IN_JSON: Final[dict[str, Any]] = {
    "anyOf": [
        _TEXT,
        {"type": ["number", "null"]},
        {"type": "array", "minItems": 1, "items": {"anyOf": [_TEXT, {"type": ["number", "null"]}]}},
    ]
}
"""The same for editors: what JSON Schema can say of it."""

Values = Sequence[float | None]


def expand(words: object) -> Values:
    """Of ``"3x2 _ 0+1x10"``, or of a list of numbers and such words; None is no sample. ValueError
    names the word that cannot be read."""
    found: list[float | None] = []
    for word in _words(words):
        found += _values(word)
        if len(found) > MOST:
            message = f"'{word}': more than {MOST:,} values in one series"
            raise ValueError(message)
    if not found:
        message = "no values; write some, like 0+1x10, 5x3 or _ for a gap"
        raise ValueError(message)
    return found


def _words(words: object) -> Iterable[object]:
    if isinstance(words, str):
        return words.split()
    if isinstance(words, list):
        return [part for one in words for part in (one.split() if isinstance(one, str) else [one])]
    return [words]


def _values(word: object) -> list[float | None]:
    if word is None:
        return [None]
    if isinstance(word, int | float) and not isinstance(word, bool):
        return [_finite(float(word))]
    text = str(word)
    gap = _GAP.fullmatch(text)
    if gap is not None:
        return [None] * _count(gap[1] or "1", text)
    run = _RUN.fullmatch(text)
    if run is None or isinstance(word, bool):
        message = f"'{text}' is no value; write 3, 5x3, 0+1x10, 20-2x5, or _ for no sample"
        raise ValueError(message)
    first, step, count = float(run[1]), float(run[2] or 0), _count(run[3] or "0", text)
    return [_finite(first + step * at) for at in range(count + 1)]


def _count(digits: str, word: str) -> int:
    if int(digits) > MOST:
        message = f"'{word}': more than {MOST:,} values in one series"
        raise ValueError(message)
    return int(digits)


def _finite(value: float) -> float:
    if abs(value) == float("inf") or value != value:
        message = f"'{value}' is no finite number"
        raise ValueError(message)
    return value
