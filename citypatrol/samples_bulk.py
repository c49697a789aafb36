"""Many stored batches read at once: in a backlog most of what a small batch costs is opening it.

Streams of ``encode_batch`` begin with the same schema and end with the same mark, so what lies
between is one stream of many record batches, each with dictionaries of its own.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Final

import pyarrow as pa

from citypatrol.samples import SCHEMA, Batch

_HEAD: Final = SCHEMA.serialize().to_pybytes()
_END: Final = b"\xff\xff\xff\xff\x00\x00\x00\x00"


def is_ours(data: bytes) -> bool:
    """As ``encode_batch`` of this version writes it, by its first and last bytes."""
    return data.startswith(_HEAD) and data.endswith(_END)


def decode_batches(streams: Sequence[bytes]) -> list[Batch]:
    """What ``decode_batch`` says of each of these streams, which ``is_ours`` has let pass.

    They must be whole: one that lacks its dictionaries would be read with another's. Raises
    ValueError where one of them is no such stream, without saying which.
    """
    inner = slice(len(_HEAD), -len(_END))
    joined = b"".join([_HEAD, *[memoryview(one)[inner] for one in streams], _END])
    try:
        with pa.ipc.open_stream(joined) as reader:
            table = reader.read_all()
    except (pa.ArrowException, OSError) as error:
        message = f"not Arrow streams of samples: {error}"
        raise ValueError(message) from error
    source, metric, ts, value, evidence = table.columns
    if table.num_rows == 0 or source.num_chunks != len(streams):
        message = f"{source.num_chunks} record batches in {len(streams)} streams"
        raise ValueError(message)
    if source.null_count + metric.null_count + ts.null_count + value.null_count:
        message = "empty cells in source, metric, ts or value"
        raise ValueError(message)
    both = source.chunks, metric.chunks  # each time that they are asked for they are made
    sources, metrics = map(_names, both)
    codes = [pa.concat_arrays([one.indices for one in chunks]) for chunks in both]
    columns = [*codes, ts.combine_chunks().view(pa.int64()), value.combine_chunks()]
    source_codes, metric_codes, times, values = (
        column.to_numpy(zero_copy_only=False) for column in columns
    )
    proofs = _texts(evidence)
    rows = pairwise(accumulate(map(len, both[0]), initial=0))
    return [
        Batch(
            sources=sources[at],
            source=source_codes[first:last],
            metrics=metrics[at],
            metric=metric_codes[first:last],
            ts=times[first:last],
            value=values[first:last],
            evidence=proofs[at],
        )
        for at, (first, last) in enumerate(rows)
    ]


def _names(chunks: Sequence[pa.DictionaryArray]) -> list[tuple[str, ...]]:
    """The dictionary of each chunk."""
    dictionaries = [chunk.dictionary for chunk in chunks]
    every = pa.concat_arrays(dictionaries).to_pylist()
    bounds: Iterable[tuple[int, int]] = pairwise(accumulate(map(len, dictionaries), initial=0))
    return [tuple(every[first:last]) for first, last in bounds]


def _texts(column: pa.ChunkedArray) -> list[tuple[str | None, ...] | None]:
    if column.null_count == len(column):
        return [None] * column.num_chunks
    return [
        tuple(chunk.to_pylist()) if chunk.null_count < len(chunk) else None
        for chunk in column.chunks
    ]
