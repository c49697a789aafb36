"""Series as numbers, and the tables of those metrics that some rule reads."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

import numpy as np

from citypatrol.columns import Codes, Column, Ints, PairIndex
from rules.block import Track
from rules.sources import numbers_of, numbers_of_many

UNREAD: Final = -1
_LOCAL_BITS: Final = 40


class Table:
    """The series of one metric that rules read, numbered from 0 as they appear.

    Rules keep their columns by these numbers (``local``), so that a rule costs memory for the
    series that it may read only. ``track``: what has been judged of them.
    """

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self.series = Column(np.int64, 0)
        self.source = Column(np.int64, 0)
        self.size = 0
        self.track = Track()
        self._by_source: Column[np.int32] | None = None

    def number(self, source: int) -> int:
        """The number of this source's series, -1 where it has none."""
        if self._by_source is None:  # most tables are never asked
            self._by_source = Column(np.int32, -1)
            self._find(np.arange(self.size))
        found = self._by_source.data
        return int(found[source]) if source < len(found) else -1

    def add(self, series: Ints, source: Ints) -> Ints:
        """Number these series; returns their numbers."""
        first, self.size = self.size, self.size + len(series)
        for column, data in ((self.series, series), (self.source, source)):
            column.ensure(self.size)
            column.data[first : self.size] = data
        self.track.ensure(self.size)
        added = np.arange(first, self.size)
        self._find(added)
        return added

    def _find(self, keys: Ints) -> None:
        if self._by_source is not None and len(keys):
            source = self.source.data[keys]
            self._by_source.ensure(int(source.max()) + 1)
            self._by_source.data[source] = keys


class SeriesIndex:
    """Every series ever heard: (source, metric) to a number, and to a table's local number."""

    def __init__(self, metrics: Iterable[str]) -> None:
        self.tables = [Table(metric) for metric in metrics]
        self.metrics: list[str] = []
        self.source = Column(np.int64, 0)
        self.metric = Column(np.int64, 0)
        self.size = 0
        self._place = Column(np.int64, UNREAD)
        self._pairs = PairIndex()
        self._metric_numbers: dict[str, int] = {}
        self._table_numbers = {table.metric: at for at, table in enumerate(self.tables)}

    def metric_rows(self, names: Sequence[Sequence[str]], codes: Sequence[Codes]) -> Ints:
        """The number of ``names[batch][code]`` for each code of each batch; names that no code uses
        get none."""
        find = partial(numbers_of, known=self._metric_numbers)
        return numbers_of_many(names, codes, find=find, number=self._metric_number)

    def rows(self, source: Ints, metric: Ints) -> tuple[Ints, list[tuple[Table, Ints]]]:
        """Each pair's number, and the new local numbers of every table that has grown."""
        keys = PairIndex.keys(source, metric)
        found = self._pairs.find(keys)
        if not len(found) or found.min() >= 0:
            return found, []
        _, first = np.unique(keys[found < 0], return_index=True)
        first.sort()  # numbers in order of appearance, whatever batch they come in
        new = np.flatnonzero(found < 0)[first]
        grown = self.add(source[new], metric[new])
        return self._pairs.find(keys), grown

    def places(self, series: Ints) -> tuple[Ints, Ints]:
        """Which of ``tables`` each is in, ``UNREAD`` where that is none, and its number there."""
        place = self._place.data[series]
        return place >> _LOCAL_BITS, place & ((1 << _LOCAL_BITS) - 1)

    def add(self, source: Ints, metric: Ints) -> list[tuple[Table, Ints]]:
        """Number new pairs in this order."""
        begin, self.size = self.size, self.size + len(source)
        numbers = np.arange(begin, self.size)
        self._pairs.add(PairIndex.keys(source, metric), numbers)
        for column in (self.source, self.metric, self._place):
            column.ensure(self.size)
        self.source.data[numbers] = source
        self.metric.data[numbers] = metric
        grown = []
        for number in np.unique(metric).tolist():
            at = self._table_numbers.get(self.metrics[number])
            if at is None:
                continue
            mine = metric == number
            local = self.tables[at].add(numbers[mine], source[mine])
            self._place.data[numbers[mine]] = (at << _LOCAL_BITS) | local
            grown.append((self.tables[at], local))
        return grown

    def restore(self, metrics: Sequence[str], source: Ints, metric: Ints) -> None:
        for name in metrics:
            self._metric_number(name)
        self.add(source, metric)

    def table_of(self, metric: str) -> Table:
        return self.tables[self._table_numbers[metric]]

    def of_sources(self, sources: Ints) -> list[tuple[Table, Ints]]:
        """The local numbers of these sources' series, by table."""
        found = []
        for table in self.tables:
            local = np.flatnonzero(np.isin(table.source.data[: table.size], sources))
            if len(local):
                found.append((table, local))
        return found

    def _metric_number(self, name: str) -> int:
        known = self._metric_numbers.get(name)
        if known is None:
            known = self._metric_numbers[name] = len(self.metrics)
            self.metrics.append(name)
        return known
