"""Growing columns, and the index of pairs against a plain dict."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from citypatrol.columns import Column, PairIndex

pairs = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 200))


def test_a_column_grows_and_keeps_what_it_has() -> None:
    column = Column(np.int64, -1)
    column.ensure(1)
    column.data[0] = 5
    column.ensure(1000)
    assert column.data[0] == 5
    assert set(column.data[1:].tolist()) == {-1}
    column.replace(np.array([7, 8]))
    assert column.data[:3].tolist() == [7, 8, -1]


@settings(deadline=None)
@given(st.lists(st.lists(pairs, unique=True, max_size=40), max_size=8), st.lists(pairs))
def test_the_index_is_a_dict(
    rounds: list[list[tuple[int, int]]], asked: list[tuple[int, int]]
) -> None:
    index, known = PairIndex(), dict[tuple[int, int], int]()
    for one in rounds:
        new = [pair for pair in one if pair not in known]
        numbers = list(range(len(known), len(known) + len(new)))
        known |= dict(zip(new, numbers, strict=True))
        index.add(keys_of(new), np.array(numbers, np.int64))
    assert index.in_order().tolist() == keys_of(list(known)).tolist()
    every = [*known, *asked]
    assert index.find(keys_of(every)).tolist() == [known.get(pair, -1) for pair in every]


def test_a_crowded_index_finds_its_way() -> None:
    """Keys that fall on one slot: many more than the table would have by chance."""
    index = PairIndex()
    every = np.arange(200_000)
    keys = PairIndex.keys(every, every % 3)
    for start in range(0, len(keys), 7_000):
        index.add(keys[start : start + 7_000], every[start : start + 7_000])
    assert (index.find(keys) == every).all()
    assert (index.find(PairIndex.keys(every, 3 + every % 2)) == -1).all()


def keys_of(pairs: list[tuple[int, int]]) -> np.ndarray:
    source = np.array([source for source, _ in pairs], np.int64)
    metric = np.array([metric for _, metric in pairs], np.int64)
    return PairIndex.keys(source, metric)
