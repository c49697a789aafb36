"""What was heard, as bytes: two Arrow streams, packed, one row a source and one a series."""

from typing import Final

import pyarrow as pa

from citypatrol.name_table import NameTable
from ingest.heard import COLUMNS, Heard

_VERSION: Final = b"1"
_KEY: Final = b"citypatrol.heard"


def dump(heard: Heard) -> bytes:
    """For ``load`` after a restart."""
    return Copy(heard).encode()


class Copy:
    """The columns as they are now: cheap to take, and to be encoded in another thread."""

    def __init__(self, heard: Heard) -> None:
        self._names, self._metrics = heard.names.packed(), list(heard.metrics)
        self._lateness = heard.lateness.data[: len(self._names)].copy()
        self._columns = {name: heard.column(name).copy() for name in COLUMNS}

    def encode(self) -> bytes:
        columns: dict[str, pa.Array] = {
            name: pa.array(column) for name, column in self._columns.items()
        }
        metric = pa.DictionaryArray.from_arrays(
            columns["metric"], pa.array(self._metrics, pa.string())
        )
        series = pa.table({**columns, "metric": metric})
        sources = pa.table({"name": self._names.array(), "lateness": self._lateness})
        out = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        for table in (sources, series):
            schema = table.schema.with_metadata({_KEY: _VERSION})
            with pa.ipc.new_stream(out, schema, options=options) as writer:
                writer.write_table(table.replace_schema_metadata(schema.metadata))
        return bytes(out.getvalue())


def load(heard: Heard, data: bytes) -> None:
    """Fill an empty one. Raises ValueError where the bytes are not of ``dump``."""
    try:
        reader = pa.BufferReader(data)
        sources, series = (_read(reader) for _ in range(2))
        metric = series["metric"].combine_chunks()
        if isinstance(metric, pa.ChunkedArray):
            metric = metric.chunk(0)
        columns = {
            name: series[name].to_numpy().astype(dtype)
            for name, dtype in COLUMNS.items()
            if name != "metric"
        }
        columns["metric"] = metric.indices.to_numpy().astype(COLUMNS["metric"])
        heard.restore(
            NameTable.read(sources["name"]),
            metric.dictionary.to_pylist(),
            sources["lateness"].to_numpy(),
            columns,
        )
    except (pa.ArrowException, KeyError, AttributeError, TypeError, IndexError, OSError) as error:
        message = f"not what was heard: {error}"
        raise ValueError(message) from error


def _read(reader: pa.BufferReader) -> pa.Table:
    with pa.ipc.open_stream(reader) as stream:
        version = (stream.schema.metadata or {}).get(_KEY)
        if version != _VERSION:
            message = f"version {version!r}, not {_VERSION!r}"
            raise ValueError(message)
        return stream.read_all()
