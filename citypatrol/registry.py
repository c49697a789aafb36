"""Every source of the city with its labels and place: a CSV file kept as columns.

349,300 rows of Python dicts are 280 MB; the same as Arrow columns are 45 MB.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from citypatrol.errors import Problem
from citypatrol.registry_csv import hashed, read_columns

_FEW: Final = 10  # below it a look at each costs less than looking at all


@dataclass(frozen=True, slots=True)
class Place:
    """WGS 84 degrees; ``site`` joins what stands together."""

    lat: float
    lon: float
    site: str | None


class Registry:
    """Sources by id. A region ``CAMERA/REGION`` without a row of its own has its camera's."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        """``columns``: Arrow string arrays of one length, ``id`` among them; ids differ."""
        self._columns = columns
        self._hashes, self._rows = _index(columns["id"])

    @classmethod
    def empty(cls) -> Self:
        return cls({"id": pa.array([], pa.string())})

    @classmethod
    def read(cls, path: Path) -> tuple[Self, list[Problem]]:
        """The file's sources, and every problem of it; rows with problems may be left out.

        UTF-8 with or without BOM; the first line names the columns.
        """
        columns, problems = read_columns(path)
        return (cls.empty() if columns is None else cls(columns)), problems

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, source: object) -> bool:
        return isinstance(source, str) and self._find(source) is not None

    def ids(self) -> list[str]:
        """Every source's id, in the order of the file."""
        ids: list[str] = self._columns["id"].to_pylist()
        return ids

    @property
    def columns(self) -> Sequence[str]:
        """The names of the columns, in the order of the file."""
        return tuple(self._columns)

    def values(self, column: str) -> Iterator[tuple[str, str]]:
        """``(id, value)`` of every source whose cell of this column is not empty."""
        if column in self._columns:
            cells = self._columns[column]
            filled = cells.is_valid()
            ids = self._columns["id"].filter(filled).to_pylist()
            yield from zip(ids, cells.filter(filled).to_pylist(), strict=True)

    def distinct(self, column: str) -> int:
        """How many different values a column has; 0 where there is no such column."""
        if column not in self._columns:
            return 0
        count: int = pc.count_distinct(self._columns[column]).as_py()
        return count

    def labels(self, source: str) -> Mapping[str, str] | None:
        """The source's non-empty columns except ``id``; None for one that is not here.

        A region's ``name`` is its camera's with the region behind it.
        """
        found = self._find(source)
        if found is None:
            return None
        row, region = found
        cells = ((name, self._cell(name, row)) for name in self._columns if name != "id")
        labels = {name: text for name, text in cells if text}
        if region and "name" in labels:
            labels["name"] += f" {region}"
        return labels

    def labels_of(self, sources: Sequence[str]) -> list[Mapping[str, str] | None]:
        """``labels`` of many at once: a quarter of the price each."""
        if len(sources) < _FEW:
            return [self.labels(source) for source in sources]
        rows = self._rows_of(sources)
        here = np.flatnonzero(rows >= 0)
        names = [name for name in self._columns if name != "id"]
        taken = pa.array(rows[here])
        cells = zip(*(self._columns[name].take(taken).to_pylist() for name in names), strict=True)
        found = [
            None if row >= 0 else self.labels(id) for row, id in zip(rows, sources, strict=True)
        ]
        for at, mine in zip(here.tolist(), cells, strict=True):
            found[at] = {name: text for name, text in zip(names, mine, strict=True) if text}
        return found

    def cells(self, rows: NDArray[np.int64]) -> Mapping[str, list[str | None]]:
        """Every column but ``id``: the cells of these rows, None where one is empty, or the row
        is -1."""
        taken = pa.array(rows, mask=rows < 0)
        return {
            name: column.take(taken).to_pylist()
            for name, column in self._columns.items()
            if name != "id"
        }

    def rows(self, sources: Sequence[str]) -> NDArray[np.int64]:
        """The row of every source, of its camera for a region; -1 for one that is not here."""
        found = self._rows_of(sources)
        regions = [at for at in np.flatnonzero(found < 0).tolist() if "/" in sources[at]]
        if regions:
            found[regions] = self._rows_of([sources[at].rpartition("/")[0] for at in regions])
        return found

    def having(self, column: str, value: str) -> NDArray[np.bool_]:
        """A bool a row: whether its cell of this column is ``value``."""
        if column not in self._columns:
            return np.zeros(len(self), np.bool_)
        equal = pc.equal(self._columns[column], value).fill_null(False)
        mask: NDArray[np.bool_] = equal.to_numpy(zero_copy_only=False)
        return mask

    def filled(self, column: str) -> NDArray[np.bool_]:
        """A bool a row: whether it has a cell of this column."""
        if column not in self._columns:
            return np.zeros(len(self), np.bool_)
        mask: NDArray[np.bool_] = self._columns[column].is_valid().to_numpy(zero_copy_only=False)
        return mask

    def first_ids(self, rows: NDArray[np.bool_], *, most: int) -> list[str]:
        """The first ids, by name, of those rows whose bool is true."""
        ids = self._columns["id"].filter(pa.array(rows))
        found: list[str] = ids.take(pc.bottom_k_unstable(ids, most)).to_pylist()
        return found

    def id_of(self, row: int) -> str:
        id: str = self._columns["id"][row].as_py()
        return id

    def like(self, source: str, *, most: int) -> list[str]:
        """Ids that begin or end as this one does, up to its middle: where a typing error hides."""
        middle = (len(source) + 1) // 2
        ids = self._columns["id"]
        begins = pc.starts_with(ids, source[:middle], ignore_case=True)
        ends = pc.ends_with(ids, source[middle:] or source, ignore_case=True)
        found: list[str] = ids.filter(pc.or_(begins, ends))[:most].to_pylist()
        return found

    def place(self, source: str) -> Place | None:
        """Where the source stands; None for one that is not here, or has no lat and lon."""
        found = self._find(source)
        if found is None:
            return None
        row, _ = found
        lat, lon = self._cell("lat", row), self._cell("lon", row)
        if lat is None or lon is None:
            return None
        return Place(float(lat), float(lon), self._cell("site", row))

    def _cell(self, column: str, row: int) -> str | None:
        if column not in self._columns:
            return None
        text: str | None = self._columns[column][row].as_py()
        return text

    def _rows_of(self, sources: Sequence[str]) -> NDArray[np.int64]:
        missing = np.full(len(sources), -1, np.int64)
        if not len(self):
            return missing
        wanted = np.fromiter(map(hash, sources), np.int64, len(sources))
        at = np.minimum(np.searchsorted(self._hashes, wanted), len(self._hashes) - 1)
        rows = self._rows[at].astype(np.int64)
        same = pc.equal(self._columns["id"].take(pa.array(rows)), pa.array(sources, pa.string()))
        rows[~same.to_numpy(zero_copy_only=False)] = -1
        return rows

    def _find(self, source: str) -> tuple[int, str] | None:
        """The source's row and '', or its camera's row and the region's name."""
        row = self._row(source)
        if row is not None:
            return row, ""
        camera, _, region = source.rpartition("/")
        row = self._row(camera) if camera else None
        return None if row is None else (row, region)

    def _row(self, id: str) -> int | None:
        wanted = hash(id)
        at = int(np.searchsorted(self._hashes, wanted))
        while at < len(self._hashes) and self._hashes[at] == wanted:
            row = int(self._rows[at])
            if self._cell("id", row) == id:
                return row
            at += 1
        return None


def _index(ids: Any) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Hashes in order and the row of each: 12 bytes a source, where a dict takes 200."""
    hashes = hashed(ids)
    rows = np.argsort(hashes, kind="stable").astype(np.int32)
    return hashes[rows], rows
