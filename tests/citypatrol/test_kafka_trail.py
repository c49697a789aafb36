import pytest
from hypothesis import given
from hypothesis import strategies as st

from citypatrol.trail import Trail


def test_one_partition_is_its_own_number() -> None:
    trail = Trail({3: 10})
    assert trail.step(3, 11) == 11
    assert trail.step(3, 15) == 15
    assert trail.upto(11) == {3: 11}
    trail.rewind(7, committed={3: 10})
    assert trail.place() == {3: 7}


def test_numbers_lead_back_to_places() -> None:
    trail = Trail({0: 5, 1: 0})
    assert [trail.step(1, 1), trail.step(0, 6), trail.step(1, 2)] == [6, 7, 8]
    assert trail.upto(5) == {0: 5, 1: 0}
    assert trail.upto(6) == {0: 5, 1: 1}
    assert trail.upto(7) == {0: 6, 1: 1}
    assert trail.upto(8) == trail.place() == {0: 6, 1: 2}


def test_rewind_to_zero_to_a_known_number_and_to_the_commit() -> None:
    trail = Trail({0: 5, 1: 0})
    trail.step(1, 1)
    trail.step(0, 6)
    trail.rewind(6, committed={0: 5, 1: 0})
    assert trail.place() == {0: 5, 1: 1}
    assert trail.step(1, 2) == 7
    trail.rewind(None, committed={0: 5, 1: 0})
    assert trail.place() == {0: 5, 1: 0}
    trail.rewind(0, committed={0: 5, 1: 0})
    assert trail.place() == {0: 0, 1: 0}


def test_a_number_from_nowhere_is_refused() -> None:
    trail = Trail({0: 5, 1: 0})
    trail.step(1, 1)
    with pytest.raises(ValueError, match="position 9 was not read by this cursor"):
        trail.rewind(9, committed={0: 5, 1: 0})


@given(reads=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3)), max_size=30), data=st.data())
def test_every_number_stands_for_one_place(
    reads: list[tuple[int, int]], data: st.DataObject
) -> None:
    trail = Trail({0: 0, 1: 4, 2: 0})
    places = {4: trail.place()}
    for partition, hop in reads:
        number = trail.step(partition, trail.place()[partition] + hop)
        assert number not in places
        places[number] = trail.place()
        if data.draw(st.booleans()):
            done = data.draw(st.sampled_from(sorted(places)))
            assert trail.upto(done) == places[done]
            trail.forget(done)
            places = {n: place for n, place in places.items() if n >= done}
    assert {n: trail.upto(n) for n in places} == places
