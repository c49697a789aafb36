"""How rows become bytes: one place that chooses encodings, for new files and merged ones."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from citypatrol.columns import Ints
from citypatrol.history.layout import HOUR_MS, SCHEMA, Footer

GROUP_ROWS: Final = 1 << 18
"""Rows that are read or written at once."""
_LOOKED_AT: Final = 20_000
_NAMES: Final = ["source", "metric"]
_LARGEST_DICTIONARY: Final = 1 << 26  # a city's names; Parquet's own 1 MiB would give up on them


def parquet_writer(path: Path, footer: Footer, *, values_repeat: bool) -> pq.ParquetWriter:
    """``values_repeat``: as readings with a few decimals do; then they are a third as large."""
    return pq.ParquetWriter(
        path,
        footer.on(SCHEMA),
        compression="zstd",
        compression_level=1,
        use_dictionary=[*_NAMES, "value"] if values_repeat else _NAMES,
        dictionary_pagesize_limit=_LARGEST_DICTIONARY,
        column_encoding={"ts": "DELTA_BINARY_PACKED"},
        write_page_checksum=True,
    )


def write_table(writer: pq.ParquetWriter, table: pa.Table) -> None:
    """Names in order of the alphabet: sorted they take half the room. The rows stay as they are.

    Each row group names all its sources, so none is a small rest.
    """
    for at, name in enumerate(_NAMES):
        table = table.set_column(at, SCHEMA.field(name), _sorted(table.column(name)))
    groups = max(1, table.num_rows // GROUP_ROWS)
    writer.write_table(table, row_group_size=-(-table.num_rows // groups))


def values_repeat(table: pa.Table) -> bool:
    """Judged by its first rows."""
    column = table.column("value").slice(0, _LOOKED_AT)
    return len(column) > 0 and 2 * pc.count_distinct(column).as_py() <= len(column)


def hours_of(table: pa.Table) -> Ints:
    """The first millisecond of each row's hour."""
    ts: Ints = table.column("ts").cast(pa.int64()).to_numpy()
    return ts // HOUR_MS * HOUR_MS


def by_hour(table: pa.Table) -> dict[int, pa.Table]:
    """The rows of each hour, in the same order. What is a small part names only what it needs."""
    hours = hours_of(table)
    found = np.unique(hours).tolist()
    if len(found) == 1:
        return {found[0]: table}
    parts = {}
    for hour in found:
        rows = np.flatnonzero(hours == hour)
        part = table.take(pa.array(rows))
        parts[hour] = part if 2 * len(rows) > len(hours) else _named_anew(part)
    return parts


def late_rows(table: pa.Table) -> int:
    return int(pc.sum(table.column("late")).as_py() or 0)


def _sorted(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """The same rows; each name stands in the dictionary once."""
    whole: pa.DictionaryArray = column.unify_dictionaries().combine_chunks()
    order = pc.sort_indices(whole.dictionary).to_numpy()
    names = whole.dictionary.take(pa.array(order))
    new = np.ones(len(names), np.bool_)
    new[1:] = pc.not_equal(names[1:], names[:-1]).to_numpy(zero_copy_only=False)
    code = np.empty(len(names), np.int32)
    code[order] = np.cumsum(new) - 1
    codes = pa.array(code[whole.indices.to_numpy()])
    return pa.DictionaryArray.from_arrays(codes, names.filter(pa.array(new)))


def _named_anew(table: pa.Table) -> pa.Table:
    for at, name in enumerate(_NAMES):
        names: Any = table.column(name).cast(pa.string()).dictionary_encode()
        table = table.set_column(at, SCHEMA.field(name), names)
    return table
