"""Names found by their hashes are those found by name; names that share a hash are left alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citypatrol.names import UNKNOWN, NameIndex

WEAK = np.zeros((2, 17), np.uint64)
WEAK[0, 0] = 1 << 32  # all names of one length have one hash


def found(index: NameIndex, names: list[str]) -> list[int]:
    found: list[int] = index.find(names).tolist()
    return found


def test_names_are_found_by_their_place() -> None:
    index = NameIndex()
    names = [f"dev-{number}" for number in range(5_000)]
    index.cover(names[:1_000])
    assert found(index, ["dev-3", "管", "dev-4999", "dev-0"]) == [3, UNKNOWN, UNKNOWN, 0]
    index.cover(names)
    assert found(index, list(reversed(names))) == list(reversed(range(5_000)))


def test_an_empty_one_knows_nothing() -> None:
    index = NameIndex()
    index.cover([])
    assert found(index, ["a"]) == [UNKNOWN]
    assert found(index, []) == []


@pytest.mark.parametrize(
    ("known", "asked", "places"),
    [
        pytest.param(["a" * 64, "a" * 63], ["a" * 63, "a" * 64], [1, 0], id="64 bytes"),
        pytest.param(["a" * 65, "b"], ["a" * 65, "b"], [UNKNOWN, 1], id="more"),
        pytest.param(["管" * 21, "管" * 22], ["管" * 22, "管" * 21], [UNKNOWN, 0], id="bytes"),
        pytest.param(["a\nb", "c"], ["c"], [UNKNOWN], id="a line break among those known"),
        pytest.param(["c"], ["a\nb", "c"], [UNKNOWN, UNKNOWN], id="and among those asked for"),
        pytest.param(["", "\0", "a", "a\0"], ["a\0", "a", "\0", ""], [3, 2, 1, 0], id="zeros"),
        pytest.param(["\ud800", "b"], ["b", "\ud800"], [1, 0], id="what is no UTF-8"),
    ],
)
def test_odd_names(known: list[str], asked: list[str], places: list[int]) -> None:
    index = NameIndex()
    index.cover(known)
    assert found(index, asked) == places


@given(st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_a_name_is_the_same_whatever_comes_beside_it(
    name: str, other: str, beside: list[str]
) -> None:
    index = NameIndex()
    index.cover([name])
    (alone,) = found(index, [name])
    assert alone == (0 if "\n" not in name and len(name.encode()) <= 64 else UNKNOWN)
    several = found(index, [*beside, other, name])
    if not any("\n" in text for text in (*beside, other)):
        assert several[-1] == alone
    assert several[-2] == (several[-1] if other == name else UNKNOWN)


names = st.text("ab", max_size=4)


@given(st.lists(names, unique=True), st.lists(names), st.integers(0, 12))
def test_nobody_in_the_list_is_taken_for_another(
    known: list[str], asked: list[str], first: int
) -> None:
    """However many come at once; one is given up only where another has its hash."""
    index = NameIndex(WEAK)
    index.cover(known[:first])
    index.cover(known)
    lengths = list(map(len, known))
    for name, place in zip([*known, *asked], found(index, [*known, *asked]), strict=True):
        shares = lengths.count(len(name))
        if shares > 1:
            assert place == UNKNOWN
        elif name in known:
            assert place == known.index(name)
        else:
            assert place == (lengths.index(len(name)) if shares else UNKNOWN)
