"""Samples as columns, and the one wire form they have everywhere (DOORS: Samples on the wire)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from citypatrol.clock import Ts


class Sample(NamedTuple):
    """One number of one series at one time. For edges and tests; stages pass batches."""

    source: str
    metric: str
    ts: Ts
    value: float
    evidence: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Many samples as columns of one length, in order of arrival.

    ``source`` and ``metric`` are int32 codes into ``sources`` and ``metrics``; ``ts`` is int64
    milliseconds UTC; ``value`` is float64 and finite; ``evidence`` holds one SHA-256 in hex or None
    a row, and is None where no row has any.
    """

    sources: tuple[str, ...]
    source: NDArray[np.int32]
    metrics: tuple[str, ...]
    metric: NDArray[np.int32]
    ts: NDArray[np.int64]
    value: NDArray[np.float64]
    evidence: tuple[str | None, ...] | None = None

    def __len__(self) -> int:
        return len(self.ts)

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> "Batch":
        """Columns of rows, codes given in order of first appearance."""
        rows = list(samples)
        sources: dict[str, int] = {}
        metrics: dict[str, int] = {}
        source = [sources.setdefault(row.source, len(sources)) for row in rows]
        metric = [metrics.setdefault(row.metric, len(metrics)) for row in rows]
        evidence = tuple(row.evidence for row in rows)
        return cls(
            sources=tuple(sources),
            source=np.array(source, dtype=np.int32),
            metrics=tuple(metrics),
            metric=np.array(metric, dtype=np.int32),
            ts=np.array([row.ts for row in rows], dtype=np.int64),
            value=np.array([row.value for row in rows], dtype=np.float64),
            evidence=evidence if any(evidence) else None,
        )

    def rows(self, chosen: slice | NDArray[np.bool_]) -> "Batch":
        """A slice of the rows, or those of a mask; without evidence."""
        return Batch(
            sources=self.sources,
            source=self.source[chosen],
            metrics=self.metrics,
            metric=self.metric[chosen],
            ts=self.ts[chosen],
            value=self.value[chosen],
        )

    def samples(self) -> Iterable[Sample]:
        """Rows again; slow, for edges and tests."""
        evidence = self.evidence or (None,) * len(self)
        columns = zip(self.source, self.metric, self.ts, self.value, evidence, strict=True)
        for s, m, ts, value, proof in columns:
            yield Sample(self.sources[s], self.metrics[m], int(ts), float(value), proof)


SCHEMA = pa.schema(
    [
        ("source", pa.dictionary(pa.int32(), pa.string())),
        ("metric", pa.dictionary(pa.int32(), pa.string())),
        ("ts", pa.timestamp("ms", tz="UTC")),
        ("value", pa.float64()),
        ("evidence", pa.string()),
    ]
)


def _dictionary(codes: NDArray[np.int32], names: tuple[str, ...]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names, pa.string()))


def encode_batch(batch: Batch) -> bytes:
    """One Arrow IPC stream with one record batch."""
    evidence = batch.evidence
    columns = [
        _dictionary(batch.source, batch.sources),
        _dictionary(batch.metric, batch.metrics),
        pa.array(batch.ts, pa.timestamp("ms", tz="UTC")),
        pa.array(batch.value, pa.float64()),
        pa.nulls(len(batch), pa.string()) if evidence is None else pa.array(evidence, pa.string()),
    ]
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, SCHEMA) as writer:
        writer.write_batch(pa.record_batch(columns, schema=SCHEMA))
    return bytes(out.getvalue())


def decode_batch(data: bytes) -> Batch:
    """The batch of ``encode_batch``, or of any other Arrow IPC stream with these columns.

    Raises ValueError where the bytes are no such stream.
    """
    try:
        with pa.ipc.open_stream(data) as reader:
            parts = list(reader)
            record = parts[0] if len(parts) == 1 and reader.schema.equals(SCHEMA) else None
            if record is None:
                record = _as_one(pa.Table.from_batches(parts, reader.schema))
    except (pa.ArrowException, KeyError, OSError) as error:
        message = f"not an Arrow stream of samples: {error}"
        raise ValueError(message) from error
    if record is None or record.num_rows == 0:
        return Batch.of([])
    source, metric, ts, value, evidence = record.columns
    nulls = source.null_count + metric.null_count + ts.null_count + value.null_count
    if nulls:
        message = f"{nulls} empty cells in source, metric, ts or value"
        raise ValueError(message)
    return Batch(
        sources=tuple(source.dictionary.to_pylist()),
        source=source.indices.to_numpy(zero_copy_only=False),
        metrics=tuple(metric.dictionary.to_pylist()),
        metric=metric.indices.to_numpy(zero_copy_only=False),
        ts=ts.view(pa.int64()).to_numpy(zero_copy_only=False),
        value=value.to_numpy(zero_copy_only=False),
        evidence=tuple(evidence.to_pylist()) if evidence.null_count < len(evidence) else None,
    )


def _as_one(table: pa.Table) -> pa.RecordBatch | None:
    """Columns in our order and types, several record batches as one; None: no rows."""
    ours = table.select(SCHEMA.names).cast(SCHEMA).unify_dictionaries().combine_chunks()
    return next(iter(ours.to_batches()), None)
