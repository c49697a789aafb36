"""What lies where after a drill: rows by series, from the journal, from InfluxDB and from Parquet.

A row is (ts, value) of one series (source, metric). A row that occurs twice is one row. The city's
own series (counts of tickets, figures of the pipeline) are left out: the last are made at the stop.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.servers.influx import Influx
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.samples import Batch

Series = tuple[str, str]
ROW = np.dtype([("ts", np.int64), ("value", np.float64)])
Rows = Mapping[Series, NDArray[np.void]]
OWN = "citypatrol/"
_PAGE = 2_000


def missing(wanted: Rows, there: Rows) -> int:
    """How many rows of the first are not in the second."""
    nothing = np.empty(0, ROW)
    return sum(
        len(np.setdiff1d(rows, there.get(series, nothing), assume_unique=True))
        for series, rows in wanted.items()
    )


def some_missing(wanted: Rows, there: Rows, *, most: int = 5) -> list[str]:
    """A few of them in words, to look for."""
    nothing = np.empty(0, ROW)
    words = []
    for (source, metric), rows in wanted.items():
        gone = np.setdiff1d(rows, there.get((source, metric), nothing), assume_unique=True)
        if len(gone):
            first, last = gone["ts"][0], gone["ts"][-1]
            words.append(f"{source} {metric}: {len(gone)}, from {first} to {last} ms")
    return words[:most]


def count(rows: Rows) -> int:
    return sum(map(len, rows.values()))


def values(rows: Rows, metric: str) -> set[int]:
    """Every value of one metric, as whole numbers."""
    found: set[int] = set()
    for (_, name), one in rows.items():
        if name == metric:
            found.update(one["value"].astype(np.int64).tolist())
    return found


class _Gathered:
    def __init__(self) -> None:
        self._parts: dict[Series, list[NDArray[np.void]]] = defaultdict(list)

    def add(self, series: Series, ts: Iterable[int], value: Iterable[float]) -> None:
        at = np.asarray(ts, np.int64)
        part = np.empty(len(at), ROW)
        part["ts"], part["value"] = at, np.asarray(value, np.float64)
        self._parts[series].append(part)

    def add_mixed(
        self,
        names: tuple[list[str], list[str]],
        codes: tuple[NDArray[np.integer], NDArray[np.integer]],
        columns: tuple[NDArray[np.int64], NDArray[np.float64]],
    ) -> None:
        """Columns of many series, dictionary-encoded."""
        sources, metrics = names
        both = codes[0].astype(np.int64) * len(metrics) + codes[1]
        order = np.argsort(both, kind="stable")
        starts = np.flatnonzero(np.diff(both[order], prepend=-1))
        for rows in np.split(order, starts[1:]):
            if len(rows):
                source, metric = divmod(int(both[rows[0]]), len(metrics))
                series = sources[source], metrics[metric]
                self.add(series, columns[0][rows], columns[1][rows])

    def rows(self) -> Rows:
        return {
            series: np.unique(np.concatenate(parts))
            for series, parts in self._parts.items()
            if not series[0].startswith(OWN)
        }


def in_journal(path: Path) -> tuple[Rows, int]:
    """Every row of a journal that nobody has open; and where the journal begins."""
    return asyncio.run(_in_journal(path))


async def _in_journal(path: Path) -> tuple[Rows, int]:
    journal = SqliteJournal(path)
    gathered = _Gathered()
    position = 0
    while entries := await journal.read("account", after=position, limit=_PAGE):
        position = entries[-1].position
        for entry in entries:
            if isinstance(entry.record, Batch):
                batch = entry.record
                names = list(batch.sources), list(batch.metrics)
                gathered.add_mixed(names, (batch.source, batch.metric), (batch.ts, batch.value))
    oldest = await journal.oldest()
    await journal.close()
    return gathered.rows(), oldest


def in_influx(server: Influx) -> Rows:
    """Every point of the measurement `sensor`."""
    gathered = _Gathered()
    for source in _tag_values(server, "source"):
        query = f"""SELECT "value" FROM "sensor" WHERE "source" = '{source}' GROUP BY *"""
        for series in server.query(query):
            tags, points = series["tags"], series["values"]
            assert isinstance(tags, dict)
            assert isinstance(points, list)
            ts, value = zip(*points, strict=True)
            gathered.add((source, tags["metric"]), ts, value)
    return gathered.rows()


def _tag_values(server: Influx, tag: str) -> list[str]:
    found = server.query(f'SHOW TAG VALUES FROM "sensor" WITH KEY = "{tag}"')
    return [str(row[1]) for series in found for row in _listed(series["values"])]


def _listed(values: object) -> list[list[object]]:
    assert isinstance(values, list)
    return values


def late_of(folder: Path, source: str) -> int:
    """Rows of one source that came too late to be judged."""
    columns, mine = ["source", "late"], [("source", "==", source), ("late", "==", True)]
    paths = sorted(folder.glob("*.parquet"))
    return sum(len(pq.read_table(path, columns=columns, filters=mine)) for path in paths)


def in_parquet(folder: Path) -> Rows:
    """Every row of the history's files, read as an analyst would."""
    gathered = _Gathered()
    for path in sorted(folder.glob("*.parquet")):
        table = pq.read_table(path, columns=["source", "metric", "ts", "value"])
        if not len(table):
            continue
        source, metric = (
            table[name].cast("string").combine_chunks().dictionary_encode()
            for name in ("source", "metric")
        )
        gathered.add_mixed(
            (source.dictionary.to_pylist(), metric.dictionary.to_pylist()),
            (source.indices.to_numpy(), metric.indices.to_numpy()),
            (table["ts"].cast("int64").to_numpy(), table["value"].to_numpy()),
        )
    return gathered.rows()
