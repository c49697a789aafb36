"""What two comparisons have in common, against trying numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.comparison import Word, compare
from rules.spans import overlap

Bounds = tuple[Word, float | None, float | None]

numbers = st.integers(0, 6).map(float)


@st.composite
def comparisons(draw: st.DrawFn) -> Bounds:
    word: Word = draw(st.sampled_from(["above", "below", "between", "outside"]))
    low, high = sorted((draw(numbers), draw(numbers)))
    return word, None if word == "below" else low, None if word == "above" else high


@given(comparisons(), comparisons())
def test_overlap_is_right(one: Bounds, other: Bounds) -> None:
    tried = [n / 2 for n in range(-2, 16)]
    common = [x for x in tried if compare(*arguments(one, x)) and compare(*arguments(other, x))]
    assert (overlap(one, other) is not None) == bool(common)


def arguments(bounds: Bounds, value: float) -> tuple[Word, float, float | None, float | None]:
    word, low, high = bounds
    return word, value, low, high


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (("above", 5, None), ("above", 7, None), "what is above 7"),
        (("below", None, 5), ("below", None, 7), "what is below 5"),
        (("above", 5, None), ("below", None, 7), "what lies between 5 and 7"),
        (("between", 1, 5), ("between", 5, 7), "5"),
        (("above", None, None), ("below", None, 7), None),
        (("between", None, 4), ("below", None, 7), None),
        (("outside", 3, 3), ("outside", 3, 3), "what is below 3"),
    ],
)
def test_overlap_in_words(one: Bounds, other: Bounds, words: str | None) -> None:
    assert overlap(one, other) == words
