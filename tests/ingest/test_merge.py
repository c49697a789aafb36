from hypothesis import given
from hypothesis import strategies as st

from citypatrol.samples import Batch, Sample
from ingest.merge import merge

SAMPLES = st.builds(
    Sample,
    source=st.sampled_from("abc"),
    metric=st.sampled_from("xy"),
    ts=st.integers(0, 9),
    value=st.floats(allow_nan=False, allow_infinity=False),
    evidence=st.sampled_from([None, None, "ab" * 32]),
)


@given(st.lists(st.lists(SAMPLES, max_size=5), min_size=1, max_size=5))
def test_rows_keep_their_order(parts: list[list[Sample]]) -> None:
    merged = merge([Batch.of(part) for part in parts])
    assert list(merged.samples()) == [row for part in parts for row in part]
    assert len(set(merged.sources)) == len(merged.sources)
