"""Many streams at once are what each of them is by itself."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citypatrol.samples import SCHEMA, Batch, Sample, decode_batch, encode_batch
from citypatrol.samples_bulk import decode_batches, is_ours

names = st.text(max_size=12) | st.sampled_from(["pump-1", "管", "x" * 90])
rows = st.builds(
    Sample,
    names,
    names,
    st.integers(-(2**62), 2**62),
    st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.just("ab" * 32),
)
ONE = Batch.of([Sample("a", "x", 1, 1.0), Sample("b", "x", 2, 2.0)])
OTHER = Batch.of([Sample("c", "y", 3, 3.0, "ab" * 32)])


def stream(*chunks: pa.RecordBatch) -> bytes:
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, SCHEMA) as writer:
        for chunk in chunks:
            writer.write_batch(chunk)
    return bytes(out.getvalue())


def chunk(value: float | None, *, source: str = "a") -> pa.RecordBatch:
    texts = [pa.array([name]).dictionary_encode() for name in (source, "x")]
    rest = [pa.array([1], SCHEMA.field("ts").type), pa.array([value], pa.float64())]
    return pa.record_batch([*texts, *rest, pa.array([None], pa.string())], schema=SCHEMA)


@given(st.lists(st.lists(rows, max_size=6), min_size=1, max_size=12))
def test_each_comes_back_as_if_it_were_read_alone(many: list[list[Sample]]) -> None:
    streams = [encode_batch(Batch.of(each)) for each in many]
    assert all(map(is_ours, streams))
    if not any(many):
        with pytest.raises(ValueError, match="record batches in"):
            decode_batches(streams)
        return
    for got, alone in zip(decode_batches(streams), map(decode_batch, streams), strict=True):
        assert list(got.samples()) == list(alone.samples())
        assert (got.sources, got.metrics, got.evidence) == (
            alone.sources,
            alone.metrics,
            alone.evidence,
        )
        for column in ("source", "metric", "ts", "value"):
            assert getattr(got, column).dtype == getattr(alone, column).dtype


def test_names_that_no_row_uses_stay_with_their_batch() -> None:
    """Pieces of one table share its names: what a piece does not use must not reach another."""
    piece = Batch(
        sources=("a", "b", "c"), source=ONE.source[:1] + 2, metrics=("x",),
        metric=ONE.metric[:1], ts=ONE.ts[:1], value=ONE.value[:1],
    )  # fmt: skip
    got = decode_batches([encode_batch(piece), encode_batch(OTHER), encode_batch(piece)])
    assert [one.sources for one in got] == [("a", "b", "c"), ("c",), ("a", "b", "c")]
    assert [sample.source for one in got for sample in one.samples()] == ["c", "c", "c"]


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        (stream(chunk(1.0), chunk(2.0, source="b")), "3 record batches in 2 streams"),
        (stream(), "1 record batches in 2 streams"),
        (stream(chunk(None)), "empty cells"),
        (encode_batch(ONE)[:600] + encode_batch(ONE)[-8:], "not Arrow streams of samples"),
    ],
    ids=["two batches in a stream", "none", "a null", "half of one"],
)
def test_what_is_not_of_this_form_is_refused(odd: bytes, message: str) -> None:
    assert is_ours(odd)
    with pytest.raises(ValueError, match=message):
        decode_batches([encode_batch(ONE), odd])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'{"type": "tick", "ts": 1}',
        encode_batch(ONE)[:-8],
        encode_batch(ONE)[:-1] + b"\x01",
        encode_batch(ONE).replace(b"value", b"walue"),
    ],
    ids=["empty", "a control record", "no end", "another end", "another schema"],
)
def test_whose_stream_it_is_is_told_by_both_ends(data: bytes) -> None:
    assert not is_ours(data)
