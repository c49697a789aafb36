"""Sets of rules and the cuts of all of them, against a look at every cut."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.teams import INF, Teams

CUTS = st.lists(st.sampled_from([-INF, -2.0, 0.0, 0.5, 1.0, 3.0, 7.0, INF]), max_size=4)


def rows_of(teams: list[set[int]]) -> np.ndarray:
    """A bit a rule, of up to eight."""
    return np.array([[sum(1 << rule for rule in team)] for team in teams], np.uint8)


@given(
    cuts=st.lists(CUTS, min_size=3, max_size=3),
    teams=st.lists(st.sets(st.integers(0, 2)), min_size=1, max_size=5),
    values=st.lists(st.sampled_from([-3.0, -2.0, 0.2, 0.5, 1.0, 2.0, 7.0, 9.0]), min_size=1),
)
def test_between_which_cuts_a_value_lies(
    cuts: list[list[float]], teams: list[set[int]], values: list[float]
) -> None:
    found = Teams(cuts)
    numbers = found.numbers(rows_of(teams))
    for team, number in zip(teams, numbers.tolist(), strict=True):
        mine = [cut for rule in team for cut in cuts[rule]]
        at = np.full(len(values), number, np.int32)
        below, above = found.between(at, np.array(values))
        assert below.tolist() == [max((c for c in mine if c <= v), default=-INF) for v in values]
        assert above.tolist() == [min((c for c in mine if c > v), default=INF) for v in values]


def test_the_same_rules_are_one_team_whenever_they_come() -> None:
    found = Teams([[1.0], [2.0], [3.0]])
    first = found.numbers(rows_of([{0}, {1, 2}, {0}, set()]))
    assert first[0] == first[2]
    assert len(set(first.tolist())) == 3
    again = found.numbers(rows_of([{1, 2}, {0, 1}, {0}]))
    assert again.tolist() == [first[1], 3, first[0]]
    assert found.members(again) == [0, 1, 2]
    assert found.members(first[3:]) == []


@pytest.mark.parametrize("count", [1, 16, 17, 40])
def test_many_teams(count: int) -> None:
    found = Teams([[float(rule)] for rule in range(8)])
    for team in range(count):
        number = found.numbers(np.array([[team]], np.uint8))
        assert number.tolist() == [team]
    for team in range(count):
        rules = [rule for rule in range(8) if team >> rule & 1]
        assert found.members(np.array([team])) == rules
        below, above = found.between(np.array([team]), np.array([3.5]))
        assert below.tolist() == [max((r for r in rules if r <= 3), default=-math.inf)]
        assert above.tolist() == [min((r for r in rules if r > 3), default=math.inf)]
