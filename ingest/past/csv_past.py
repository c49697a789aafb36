"""CSV: long, a row a sample, or wide, a column a metric."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final

from citypatrol.clock import Ts
from ingest.past.reading import Part, Parts, Refused, instant, number

_KNOWN: Final[Mapping[str, Sequence[str]]] = {
    "source": ("source", "device", "device_id", "sensor", "sensor_id", "id"),
    "ts": ("ts", "time", "timestamp", "datetime", "date"),
    "metric": ("metric",),
    "value": ("value",),
}


@dataclass(frozen=True, slots=True)
class Mapped:
    """``columns``: the column of ``source``, ``metric``, ``ts`` and ``value`` where the file calls
    it otherwise. ``source``, ``metric``: the same for all rows, where there is no column. Without a
    column of values each other column is a metric."""

    columns: Mapping[str, str]
    source: str | None = None
    metric: str | None = None
    zone: tzinfo = UTC


def read_csv(lines: Iterable[str], mapped: Mapped) -> Parts:
    """Commas, semicolons or tabs. ValueError where the first line does not name what is needed."""
    rows = iter(lines)
    head = next(rows, "").lstrip("\ufeff")
    sign = max(",;\t", key=head.count)
    names = [name.strip() for name in next(csv.reader([head], delimiter=sign), [])]
    layout = _Layout(names, mapped)
    part = Part()
    reader = csv.reader(rows, delimiter=sign)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            part.refused.append(Refused(reader.line_num + 1, str(error), ""))
            continue
        if cells is None:
            break
        if not cells:
            continue
        try:
            layout.take(cells, part)
        except ValueError as error:
            part.refused.append(Refused(reader.line_num + 1, str(error), sign.join(cells)))
        if part.is_full:
            yield part
            part = Part()
    yield part


class _Layout:
    """Which cell is what."""

    def __init__(self, names: Sequence[str], mapped: Mapped) -> None:
        for word, name in mapped.columns.items():
            if name not in names:
                message = f"there is no column '{name}' for {word}; there are {', '.join(names)}"
                raise ValueError(message)
        found = {
            word: mapped.columns.get(word) or next((n for n in some if n in names), None)
            for word, some in _KNOWN.items()
        }
        self._names, self._mapped = names, mapped
        self._ts = self._at(found["ts"], "a time", "ts")
        self._source = None
        if mapped.source is None:
            self._source = self._at(found["source"], "a source", "source")
        value = found["value"]
        self._value = None if value is None else names.index(value)
        self._metric = None
        if self._value is not None and mapped.metric is None:
            self._metric = self._at(found["metric"], "a metric", "metric")
        used = {self._ts, self._source}
        self._wide = [at for at, name in enumerate(names) if at not in used and name]
        if self._value is None and not self._wide:
            message = "there is no column of values; there are " + ", ".join(names)
            raise ValueError(message)

    def take(self, cells: Sequence[str], part: Part) -> None:
        """Raises ValueError, in words; of a wide row what came before is kept."""
        if len(cells) != len(self._names):
            message = f"{len(cells)} cells, and the first line names {len(self._names)}"
            raise ValueError(message)
        ts = instant(cells[self._ts], zone=self._mapped.zone)
        source = self._mapped.source or cells[self._source or 0].strip()
        if self._value is not None:
            metric = self._mapped.metric or cells[self._metric or 0].strip()
            part.add(source, metric, ts, number(cells[self._value]))
            return
        wrong = [why for at in self._wide if (why := self._cell(cells, at, source, ts, part))]
        if wrong:
            raise ValueError("; ".join(wrong))

    def _cell(self, cells: Sequence[str], at: int, source: str, ts: Ts, part: Part) -> str | None:
        """What is wrong with a cell of a wide row; an empty one is no sample."""
        if not cells[at].strip():
            return None
        try:
            part.add(source, self._names[at], ts, number(cells[at]))
        except ValueError as error:
            return f"{self._names[at]}: {error}"
        return None

    def _at(self, name: str | None, what: str, word: str) -> int:
        if name is None:
            names = ", ".join(filter(None, self._names)) or "nothing"
            message = (
                f"no column tells {what}: the first line names {names}; write --columns {word}=NAME"
            )
            raise ValueError(message)
        return self._names.index(name)
