"""Labels packed by source, against a plain dict."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.labels import Labels

SIZE = 5
_dicts = st.dictionaries(st.sampled_from(["kind", "name", "区", "gateway"]), st.text(max_size=8))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, SIZE - 1), _dicts)))
def test_labels_are_a_dict_a_source(puts: list[tuple[int, dict[str, str]]]) -> None:
    labels, known = Labels(), dict[int, dict[str, str]]()
    labels.ensure(SIZE)
    for source, mine in puts:
        assert labels.put(source, mine) is (known.get(source, {}) != mine)
        known[source] = mine
    again = Labels()
    again.ensure(SIZE)
    again.load(*labels.save(SIZE))
    for one in (labels, again):
        assert [one.of(source) for source in range(SIZE)] == [
            known.get(source, {}) for source in range(SIZE)
        ]
        having = [n for n in range(SIZE) if known.get(n, {}).keys() & {"kind", "区"}]
        assert one.having(["kind", "区"], size=SIZE).tolist() == having


def test_holes_are_closed() -> None:
    labels = Labels()
    labels.ensure(3)
    for turn in range(1_000):
        labels.put(1, {"name": f"{turn:0>10000}"})
        labels.put(2, {"name": "still"})
    assert labels.of(1)["name"] == f"{999:0>10000}"
    assert labels.of(2) == {"name": "still"}
    _, columns = labels.save(3)
    assert len(columns["label values"]) < 3_000_000, "ten million bytes were put"


def test_what_was_saved_forbids_nothing() -> None:
    labels = Labels()
    labels.ensure(2)
    labels.put(0, {"name": "x"})
    _, columns = labels.save(2)
    labels.put(1, {"name": "y"})
    assert [labels.of(0), labels.of(1)] == [{"name": "x"}, {"name": "y"}]
    assert bytes(columns["label values"]) == b'["x"]'


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        pytest.param("label form", [0, 7, 0], id="form"),
        pytest.param("label begin", [0, 99, 0], id="begin"),
        pytest.param("label length", [0, 99, 0], id="length"),
    ],
)
def test_what_does_not_fit_together_is_refused(name: str, wrong: list[int]) -> None:
    labels = Labels()
    labels.ensure(3)
    labels.put(1, {"name": "x"})
    forms, columns = labels.save(3)
    broken = {**columns, name: np.array(wrong, columns[name].dtype)}
    with pytest.raises(ValueError, match="do not fit"):
        Labels().load(forms, broken)
