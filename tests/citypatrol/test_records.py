import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.contracts.journal import EVERY_KIND, plain
from citypatrol.records import Record, SourceSeen, Tick, decode_record, encode_record
from citypatrol.samples import Batch, Sample

names = st.text(max_size=8)
samples = st.builds(
    Sample,
    names,
    names,
    st.integers(0, 2**62),
    st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.just("ab" * 32),
)


@pytest.mark.parametrize("record", EVERY_KIND, ids=lambda record: type(record).__name__)
def test_every_kind_comes_back(record: Record) -> None:
    back = decode_record(encode_record(record))
    assert type(back) is type(record)
    assert plain([back]) == plain([record])


@given(st.lists(samples, max_size=20))
def test_batches_come_back_row_by_row(rows: list[Sample]) -> None:
    back = decode_record(encode_record(Batch.of(rows)))
    assert isinstance(back, Batch)
    assert list(back.samples()) == rows


def test_control_records_are_json_that_others_can_read() -> None:
    seen = SourceSeen(5, "管", {"site": "s"}, 30_000, 600_000)
    assert orjson.loads(encode_record(seen)) == {
        "type": "source", "ts": 5, "source": "管", "labels": {"site": "s"},
        "lateness": 30_000, "stale": 600_000,
    }  # fmt: skip
    assert orjson.loads(encode_record(Tick(7))) == {"type": "tick", "ts": 7}


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"5", b'{"ts": 1}', b'{"type": "moon", "ts": 1}',
        b'{"type": "tick", "ts": 1, "more": 2}', b'{"type": "tick"}', b"\xff\xfe\x00",
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_no_record(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a journal record"):
        decode_record(data)


@pytest.mark.parametrize("cut", [4, 20, 200])
def test_half_a_batch_is_none(cut: int) -> None:
    data = encode_record(Batch.of([Sample("a", "x", 1, 1.0)]))
    with pytest.raises(ValueError, match="not an Arrow stream of samples"):
        decode_record(data[:cut])
