"""A page read in bulk says what its rows say one by one, whatever lies between them."""

from collections.abc import Sequence

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from bench.contracts.journal import EVERY_KIND, plain
from citypatrol.journal import Entry
from citypatrol.journal_pages import TOGETHER, entries
from citypatrol.journal_rows import Row
from citypatrol.records import Record, Tick, decode_record, encode_record
from citypatrol.samples import Batch, Sample
from citypatrol.samples_bulk import is_ours

ONE = Batch.of([Sample("a", "x", 1, 1.0), Sample("b", "x", 2, 2.0)])
OTHER = Batch.of([Sample("c", "y", 3, 3.0)])


def row(record: Record | bytes, *, position: int = 1) -> Row:
    data = record if isinstance(record, bytes) else encode_record(record)
    holds_samples = record != Batch.of([]) and data.startswith(b"\xff")
    return Row.of(position, at=0, is_batch=holds_samples, batches=1, total=1, data=data)


def read(rows: Sequence[Row]) -> list[object]:
    """Each entry's record; of a row that cannot be read its place and the reason."""
    found = []
    for one in entries(rows):
        if isinstance(one, Entry):
            found.append((one.position, plain([one.record])))
        else:
            found.append((one[0].position, one[1]))
    return found


def alone(rows: Sequence[Row]) -> list[object]:
    found = []
    for one in rows:
        try:
            said: object = plain([decode_record(one.data)])
        except ValueError as error:
            said = str(error)
        found.append((one.position, said if one.is_whole else "its checksum is another one"))
    return found


RECORDS = st.sampled_from([*EVERY_KIND, ONE, OTHER, Tick(5), ONE, OTHER])
BAD = st.sampled_from([b"", b"{", encode_record(ONE)[:90], encode_record(ONE)[:-8]])


@given(
    st.lists(RECORDS | BAD, max_size=30), st.sets(st.integers(0, 29)), st.sets(st.integers(0, 29))
)
def test_as_one_by_one(
    records: list[Record | bytes], turned: set[int], unchecked: set[int]
) -> None:
    rows = [row(record, position=at + 1) for at, record in enumerate(records)]
    for at in turned & set(range(len(rows))):
        rows[at] = rows[at]._replace(data=rows[at].data[:-1] + b"?")
    for at in unchecked & set(range(len(rows))):
        rows[at] = rows[at]._replace(crc=None)
    assert read(rows) == alone(rows)


def test_more_than_are_decoded_together() -> None:
    rows = [row(ONE if at % 3 else OTHER, position=at) for at in range(1, 2 * TOGETHER + 9)]
    assert read(rows) == alone(rows)


def test_a_batch_with_an_empty_cell_takes_no_neighbour_with_it() -> None:
    """Its checksum is right, so somebody wrote it so: it alone is refused."""
    (record,) = pa.ipc.open_stream(encode_record(OTHER)).read_all().to_batches()
    columns = [*record.columns[:3], pa.array([None], pa.float64()), record.columns[4]]
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, record.schema) as writer:
        writer.write_batch(pa.record_batch(columns, schema=record.schema))
    rows = [row(one, position=at) for at, one in enumerate([ONE, bytes(out.getvalue()), OTHER], 1)]
    assert read(rows) == [
        (1, plain([ONE])),
        (2, "1 empty cells in source, metric, ts or value"),
        (3, plain([OTHER])),
    ]


def test_what_no_checksum_proves_is_never_read_with_the_names_of_another() -> None:
    """Of a row of the first version half may be gone: here its dictionaries."""
    names = encode_record(OTHER)
    with pa.ipc.open_stream(names) as reader:
        head = reader.schema.serialize().to_pybytes()
    (record,) = pa.ipc.open_stream(names).read_all().to_batches()
    bare = head + record.serialize().to_pybytes() + names[-8:]
    rows = [row(ONE), row(bare, position=2)._replace(crc=None), row(OTHER, position=3)]
    assert is_ours(bare)
    (_, one), (_, reason), (_, other) = read(rows)  # type: ignore[misc]
    assert (one, other) == (plain([ONE]), plain([OTHER]))
    assert "not an Arrow stream of samples" in reason
