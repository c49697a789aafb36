"""Every source's labels, packed: a city's labels have few sets of names, and so many values.

219,300 sources with seven or eight labels each are 42 MB as a JSON text each, and 22 MB here.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import numpy as np
import orjson

from citypatrol.columns import Codes, Column, Ints

Form = tuple[str, ...]
"""The names of a source's labels, in order."""

_NO_LABELS: Final[Form] = ()
_MOST_WASTE: Final = 1_000_000
_MOST_NAMES: Final = 62


class Labels:
    """By the source's number. ``names`` of labels and which one a source has (``form``) stand
    apart from the values, which lie one source behind the other as JSON lists; a source that
    changes its labels leaves a hole, and holes are closed when they are half of it all."""

    def __init__(self) -> None:
        self._forms: list[Form] = [_NO_LABELS]
        self._numbers: dict[Form, int] = {_NO_LABELS: 0}
        self._form = Column(np.int32, 0)
        self._begin = Column(np.int64, 0)
        self._length = Column(np.int32, 0)
        self._values = bytearray()
        self._waste = 0

    def ensure(self, size: int) -> None:
        """Room for so many sources; those that were never put have no labels."""
        for column in (self._form, self._begin, self._length):
            column.ensure(size)

    def put(self, source: int, labels: Mapping[str, str]) -> bool:
        """Whether these are other labels than before. Empty ones are to be left out."""
        form = tuple(sorted(labels))
        number = self._numbers.get(form)
        if number is None:
            number = self._numbers[form] = len(self._forms)
            self._forms.append(form)
        values = orjson.dumps([labels[name] for name in form]) if form else b""
        begin, length = int(self._begin.data[source]), int(self._length.data[source])
        if number == self._form.data[source] and values == self._values[begin : begin + length]:
            return False
        self._form.data[source] = number
        self._begin.data[source], self._length.data[source] = len(self._values), len(values)
        try:
            self._values += values
        except BufferError:  # somebody still looks at what was saved
            self._values = self._values + values
        self._waste += length
        if self._waste > max(_MOST_WASTE, len(self._values) // 2):
            self._close_holes()
        return True

    def put_many(
        self, first: int, columns: Mapping[str, Sequence[str | None]], *, count: int
    ) -> None:
        """The labels of ``count`` sources from ``first`` on, which have none yet; a column of texts
        for each label, None or empty where a source has none."""
        names = sorted(columns)
        if len(names) > _MOST_NAMES:
            for row in range(count):
                found = {name: text for name in names if (text := columns[name][row])}
                self.put(first + row, found)
            return
        filled = np.zeros(count, np.int64)
        for bit, name in enumerate(names):
            filled |= np.fromiter(map(bool, columns[name]), np.int64, count) << bit
        for bits in np.unique(filled).tolist():
            form = tuple(name for bit, name in enumerate(names) if bits >> bit & 1)
            if form:
                self._put_form(first, np.flatnonzero(filled == bits), form, columns)

    def _put_form(
        self, first: int, rows: Ints, form: Form, columns: Mapping[str, Sequence[str | None]]
    ) -> None:
        cells: list[Sequence[str | None]] = [columns[name] for name in form]
        if len(rows) < len(cells[0]):
            cells = [[column[row] for row in rows.tolist()] for column in cells]
        texts = list(map(orjson.dumps, zip(*cells, strict=True)))
        length = np.fromiter(map(len, texts), np.int64, len(texts))
        begin = len(self._values) + np.cumsum(length) - length
        try:
            self._values += b"".join(texts)
        except BufferError:  # somebody still looks at what was saved
            self._values = self._values + b"".join(texts)
        sources = first + rows
        self._form.data[sources] = self._numbers.setdefault(form, len(self._forms))
        if self._numbers[form] == len(self._forms):
            self._forms.append(form)
        self._begin.data[sources], self._length.data[sources] = begin, length

    def of(self, source: int) -> dict[str, str]:
        form = self._forms[self._form.data[source]]
        begin, length = int(self._begin.data[source]), int(self._length.data[source])
        values = orjson.loads(self._values[begin : begin + length]) if form else ()
        return dict(zip(form, values, strict=True))

    def having(self, names: Collection[str], *, size: int) -> Ints:
        """Those of the first ``size`` sources that have one of these labels."""
        wanted = [at for at, form in enumerate(self._forms) if not set(names).isdisjoint(form)]
        return np.flatnonzero(np.isin(self._form.data[:size], wanted))

    def save(self, size: int) -> tuple[Sequence[Form], dict[str, np.ndarray]]:
        """The forms, and columns for ``load``, of the first ``size`` sources: views, to be let go
        of before the next ``put``."""
        values = np.frombuffer(self._values, np.uint8)
        return self._forms, {
            "label form": self._form.data[:size],
            "label begin": self._begin.data[:size],
            "label length": self._length.data[:size],
            "label values": values,
        }

    def load(self, forms: Sequence[Sequence[str]], columns: Mapping[str, np.ndarray]) -> None:
        """Take over what was saved. Raises ValueError where it does not fit together."""
        form: Codes = columns["label form"]
        ends: Ints = columns["label begin"] + columns["label length"]
        values = columns["label values"]
        if int(form.max(initial=0)) >= len(forms) or int(ends.max(initial=0)) > len(values):
            message = "labels do not fit together"
            raise ValueError(message)
        self._forms = [tuple(names) for names in forms]
        self._numbers = {names: number for number, names in enumerate(self._forms)}
        self._form.replace(form)
        self._begin.replace(columns["label begin"])
        self._length.replace(columns["label length"])
        self._values = bytearray(values.data)
        self._waste = len(values) - int(columns["label length"].sum())

    def _close_holes(self) -> None:
        begin, length = self._begin.data, self._length.data
        ends = np.cumsum(length, dtype=np.int64)
        packed = bytearray()
        for source in np.flatnonzero(length).tolist():
            packed += self._values[begin[source] : begin[source] + length[source]]
        self._begin.data[:] = ends - length
        self._values, self._waste = packed, 0
