"""From batches to rows of numbered series, and from rows to the tables that rules read."""

from collections.abc import Iterable, Sequence

import numpy as np

from citypatrol.columns import Ints
from citypatrol.samples import Batch
from rules.gate import Rows
from rules.series import UNREAD, SeriesIndex, Table
from rules.state import State


def numbered(batches: Sequence[Batch], state: State) -> Rows | None:
    """The samples of all of them, in this order; sources and series that are new get their numbers.
    None where there is no batch."""
    if not batches:
        return None
    names, codes = [b.sources for b in batches], [b.source for b in batches]
    if sum(map(len, names)) > sum(map(len, codes)):  # pieces of a table with all its names
        source = np.concatenate(list(map(state.sources.rows, names, codes)))
    else:
        source = state.sources.rows_of_many(names, codes)
    metric = state.index.metric_rows([b.metrics for b in batches], [b.metric for b in batches])
    evidence = None
    if any(batch.evidence is not None for batch in batches):
        each = [b.evidence if b.evidence is not None else (None,) * len(b) for b in batches]
        evidence = np.array([proof for batch in each for proof in batch], object)
    ts = np.concatenate([batch.ts for batch in batches])
    value = np.concatenate([batch.value for batch in batches])
    if not len(source) == len(metric) == len(ts) == len(value):
        sizes = f"{len(source)}, {len(metric)}, {len(ts)} and {len(value)}"
        message = f"source, metric, timestamp and value are columns of {sizes} rows"
        raise ValueError(message)
    return Rows(state.series(source, metric), ts, value, evidence)


def by_table(rows: Rows, index: SeriesIndex) -> Iterable[tuple[Table, Rows, Ints]]:
    """The rows of each metric that rules read, in the order that they have, with their numbers in
    its table."""
    if not index.tables or not len(rows.ts):
        return
    table, local = index.places(rows.series)
    if (table == table[0]).all():
        if table[0] != UNREAD:
            yield index.tables[table[0]], rows, local
        return
    small = np.min_scalar_type(-len(index.tables))  # bytes are sorted by counting them
    order = np.argsort(table.astype(small), kind="stable")
    rows, local, table = rows.take(order), local[order], table[order]
    begins = np.flatnonzero(np.diff(table, prepend=UNREAD)).tolist()
    for begin, end in zip(begins, [*begins[1:], len(table)], strict=True):
        one = slice(begin, end)
        yield index.tables[table[begin]], rows.take(one), local[one]
