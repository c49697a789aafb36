"""Names found by their hashes are those found by name; names that share a hash are left alone."""

from hypothesis import given
from hypothesis import strategies as st

from citypatrol.names import UNKNOWN, NameIndex


class Clashing(str):
    """Hashes to the number of its letters."""

    __slots__ = ()

    def __hash__(self) -> int:
        return len(self)


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


names = st.text("ab", max_size=4).map(Clashing) | st.text("ab", max_size=4)


@given(st.lists(names, unique_by=str.__str__), st.lists(names), st.integers(0, 12))
def test_nobody_in_the_list_is_taken_for_another(
    known: list[str], asked: list[str], first: int
) -> None:
    """However many come at once; one is given up only where another has its hash."""
    index = NameIndex()
    index.cover(known[:first])
    index.cover(known)
    hashes = list(map(hash, known))
    for name, place in zip([*known, *asked], found(index, [*known, *asked]), strict=True):
        shares = hashes.count(hash(name)) > 1
        if name in known and hash(name) == hash(known[known.index(name)]):
            assert place == (UNKNOWN if shares else known.index(name))
        elif shares:
            assert place == UNKNOWN
