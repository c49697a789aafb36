"""Names without objects are the names, and have the numbers, that a dict would give them."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citypatrol.name_table import UNKNOWN, NameTable, PackedNames

ODD = ["", "管", "a", "a\0", "cam/1", "x" * 300]


def table(*names: str) -> NameTable:
    made = NameTable()
    made.add(list(names))
    return made


def test_odd_names_keep_their_numbers_and_come_back_whole() -> None:
    made = table(*ODD)
    assert made.find([*reversed(ODD), "b"]).tolist() == [5, 4, 3, 2, 1, 0, UNKNOWN]
    assert [made.number(name) for name in [*ODD, "b"]] == [0, 1, 2, 3, 4, 5, None]
    assert [made[number] for number in range(len(made))] == ODD
    packed = made.packed()
    assert list(packed) == list(map(packed.__getitem__, range(len(ODD)))) == ODD
    assert packed[-1] == ODD[-1]
    for part in (slice(1, 3), slice(9, None), slice(4, 2), slice(None, None, -2), slice(-2, None)):
        assert packed[part] == ODD[part]
    assert packed.array().to_pylist() == ODD


def test_one_by_one_and_together_names_get_the_same_numbers() -> None:
    names = [f"dev-{number}" for number in range(3_000)]
    made = NameTable()
    assert [made.add_one(name) for name in names] == list(range(3_000))
    assert made.find(names).tolist() == list(range(3_000))
    assert list(made) == list(table(*names)) == names


@pytest.mark.parametrize("at", [6, -7])
def test_there_is_no_name_beyond_the_last(at: int) -> None:
    with pytest.raises(IndexError, match=f"no name {at} of 6"):
        table(*ODD).packed()[at]


def test_an_empty_one_knows_nothing() -> None:
    made = NameTable()
    assert (made.find(["a"]).tolist(), made.find([]).tolist()) == ([UNKNOWN], [])
    assert made.number("a") is None
    assert (len(made), list(made.packed()), made.packed().array().to_pylist()) == (0, [], [])
    assert made.add([]).tolist() == []


@given(st.lists(st.lists(st.text(), max_size=5), max_size=6))
def test_it_numbers_as_a_dict_would(batches: list[list[str]]) -> None:
    made, known = NameTable(), dict[str, int]()
    for batch in batches:
        new = [name for name in dict.fromkeys(batch) if name not in known]
        assert made.add(new).tolist() == list(range(len(known), len(known) + len(new)))
        known |= {name: len(known) + at for at, name in enumerate(new)}
        assert made.find(batch).tolist() == [known[name] for name in batch]
    assert list(made.packed()) == list(known)


def test_what_was_packed_stays_when_more_names_come() -> None:
    made = table("a", "b")
    packed, array = made.packed(), made.packed().array()
    made.add([str(number) for number in range(10_000)])
    assert (list(packed), array.to_pylist()) == (["a", "b"], ["a", "b"])


@pytest.mark.parametrize("type", [pa.string(), pa.large_string()])
def test_a_column_is_read_in_pieces(type: pa.DataType) -> None:
    names = [f"dev-{number}" for number in range(45_000)]
    read = NameTable.read(pa.chunked_array([names[:7], names[7:]], type))
    assert read.find(names).tolist() == list(range(45_000))


@pytest.mark.parametrize(
    "names",
    [["a", "b", "a"], [str(number % 20_001) for number in range(20_002)]],
    ids=["in one piece", "in two"],
)
def test_a_name_that_stands_twice_is_refused(names: list[str]) -> None:
    with pytest.raises(ValueError, match="a name stands twice"):
        NameTable.read(pa.chunked_array([names]))


def test_packed_names_are_a_sequence_of_their_own() -> None:
    assert list(PackedNames("管理".encode(), np.array([0, 3, 6]))) == ["管", "理"]
