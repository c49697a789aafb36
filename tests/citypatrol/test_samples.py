import numpy as np
import pyarrow as pa
import pytest

from citypatrol.samples import SCHEMA, Batch, Sample, decode_batch, encode_batch

ROWS = [
    Sample("pump-1", "water_level", 1_000, 15.5),
    Sample("pump-2", "water_level", 1_001, -3.0),
    Sample("pump-1", "pm25", 1_002, 80.0, "ab" * 32),
]


def arrow(**columns: object) -> bytes:
    table = pa.table(
        {
            "source": pa.array(["a", "b"]),
            "metric": pa.array(["x", "x"]),
            "ts": pa.array([1, 2], pa.timestamp("ms", tz="UTC")),
            "value": pa.array([1.0, 2.0]),
            "evidence": pa.array([None, None], pa.string()),
        }
        | columns
    )
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, table.schema) as writer:
        for chunk in table.to_batches(max_chunksize=1):
            writer.write_batch(chunk)
    return bytes(out.getvalue())


def test_columns_of_rows() -> None:
    batch = Batch.of(ROWS)
    assert len(batch) == 3
    assert batch.sources == ("pump-1", "pump-2")
    assert batch.source.tolist() == [0, 1, 0]
    assert batch.metrics == ("water_level", "pm25")
    assert batch.metric.tolist() == [0, 0, 1]
    assert batch.evidence == (None, None, "ab" * 32)
    assert Batch.of(ROWS[:2]).evidence is None
    assert list(batch.samples()) == ROWS


def test_the_wire_form_is_the_one_of_the_doors() -> None:
    data = encode_batch(Batch.of(ROWS))
    with pa.ipc.open_stream(data) as reader:
        assert reader.schema.equals(SCHEMA)
        table = reader.read_all()
    assert table["source"].to_pylist() == ["pump-1", "pump-2", "pump-1"]
    assert str(table.schema.field("ts").type) == "timestamp[ms, tz=UTC]"
    assert list(decode_batch(data).samples()) == ROWS


def test_streams_of_others_are_read_plain_text_and_many_chunks() -> None:
    batch = decode_batch(arrow())
    assert list(batch.samples()) == [Sample("a", "x", 1, 1.0), Sample("b", "x", 2, 2.0)]
    assert batch.source.dtype == np.int32


def test_empty_streams() -> None:
    assert len(decode_batch(encode_batch(Batch.of([])))) == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an Arrow stream of samples"),
        (b"{}", "not an Arrow stream of samples"),
        (arrow(value=pa.array(["x", "y"])), "not an Arrow stream of samples"),
        (arrow(value=pa.array([1.0, None])), "1 empty cells in source, metric, ts or value"),
        (arrow(source=pa.array([None, None], pa.string())), "2 empty cells"),
    ],
    ids=["empty", "json", "text values", "a null", "no sources"],
)
def test_what_is_no_batch(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode_batch(data)


def test_a_stream_without_a_column_is_none() -> None:
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, pa.schema([("source", pa.string())])):
        pass
    with pytest.raises(ValueError, match="not an Arrow stream of samples"):
        decode_batch(bytes(out.getvalue()))
