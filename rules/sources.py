"""Who sends: each source's labels, lateness, stale and parent, as columns."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain, repeat
from typing import Final, NamedTuple

import numpy as np

from citypatrol.columns import Codes, Column, Floats, Ints
from citypatrol.name_table import NameTable
from citypatrol.names import NameIndex
from citypatrol.records import SourceSeen
from rules.announced import Announced
from rules.comparison import number
from rules.labels import Labels

LATENESS_MS: Final = 0
STALE_MS: Final = 7_200_000
OWN: Final = "citypatrol/"
"""So begin the sources of the city's own series."""
_MANY: Final = 500
_MOST_LEVELS: Final = 3  # more slashes are no region of a region, but nonsense from the field


class Seen(NamedTuple):
    """A source's number, and what its announcement has changed."""

    number: int
    labels: bool
    lateness: bool


class Sources:
    """Numbers for names. A source that no record announced has no labels and the defaults.

    Only the labels in ``asked`` become columns; all of them are kept packed, for incidents.
    """

    def __init__(self, asked: Iterable[str]) -> None:
        self.names = NameTable()
        self.packed = Labels()
        self.lateness = Column(np.int64, LATENESS_MS)
        self.stale = Column(np.int64, STALE_MS)
        self.parent = Column(np.int64, 0)
        self.patient = False
        self._room = 0
        self._same: tuple[Sequence[str], Ints] = ((), np.empty(0, np.int64))
        self._own = Column(np.bool_, False)
        self._by_hash = NameIndex()  # empty until many are asked for at once: in a backlog
        self._covered = 0
        self._labels = {label: Column(np.int64, 0) for label in asked}
        self._codes: dict[str, dict[str, int]] = {label: {"": 0} for label in asked}

    def __len__(self) -> int:
        return len(self.names)

    def number(self, name: str) -> int:
        """The source's number; a new one where it has none. CAMERA of CAMERA/REGION gets one too,
        because it may be looked up there (RULES 22)."""
        known = self.names.number(name)
        if known is not None:
            return known
        new = [name]
        while (parent := _parent(new[-1])) is not None and self.known(parent) is None:
            if len(new) > _MOST_LEVELS:
                break
            new.append(parent)
        for one in reversed(new):
            known = self._add(one)
        assert known is not None  # noqa: S101 - it was the last of them
        return known

    def known(self, name: str) -> int | None:
        """The source's number, None where nobody has named it yet."""
        return self.names.number(name)

    def rows(self, names: tuple[str, ...], codes: Codes) -> Ints:
        """The number of ``names[code]`` for each code; names that no code uses get none."""
        if names is not self._same[0]:  # pieces of one table share their dictionary
            self._same = (names, self.names.find(names))
        numbers = self._same[1]
        found = numbers[codes]
        if len(found) and found.min() < 0:
            for code in np.unique(codes[found < 0]).tolist():
                numbers[code] = self.number(names[code])
            found = numbers[codes]
        return found

    def rows_of_many(self, names: Sequence[Sequence[str]], codes: Sequence[Codes]) -> Ints:
        """``rows`` of many small batches, one after the other, for the price of one."""
        return numbers_of_many(names, codes, find=self._find, number=self.number)

    def seen(self, record: SourceSeen) -> Seen:
        """Take over what the record says."""
        mine = self.number(record.source)
        retimed = bool(self.lateness.data[mine] != record.lateness)
        self.lateness.data[mine] = record.lateness
        self.stale.data[mine] = record.stale
        self.patient |= record.lateness > 0
        labels = {label: value for label, value in record.labels.items() if value}
        changed = self.packed.put(mine, labels)
        if changed:
            self._code(mine, labels)
        return Seen(mine, changed, retimed)

    def announce(self, announced: Announced) -> list[SourceSeen]:
        """Take over many at once. Those that have a number already, and regions, come back: one by
        one they are to be ``seen``."""
        names = announced.names
        plain = np.array(["/" not in name for name in names], bool) & (self.names.find(names) < 0)
        rows = np.flatnonzero(plain)
        first = len(self.names)
        new = [names[row] for row in rows.tolist()]
        numbers = self.names.add(new)
        self._make_room()
        self.parent.data[numbers] = numbers
        self.stale.data[numbers] = announced.stale[rows]
        cells = {label: _chosen(column, rows) for label, column in announced.labels.items()}
        self.packed.put_many(first, cells, count=len(new))
        for label, column in self._labels.items():
            if label in cells:
                codes = self._codes[label]
                texts = (text or "" for text in cells[label])
                coded = (codes.setdefault(text, len(codes)) for text in texts)
                column.data[numbers] = np.fromiter(coded, np.int64, len(new))
        return [announced.one(row) for row in np.flatnonzero(~plain).tolist()]

    def labels(self, source: int) -> dict[str, str]:
        return self.packed.of(source)

    def of_others(self, sources: Ints) -> np.ndarray:
        """Which of these are not the city's own (counts of tickets, figures of the pipeline)."""
        others: np.ndarray = ~self._own.data[sources]
        return others

    def with_label(self, sources: Ints, label: str, values: Collection[str]) -> np.ndarray:
        """Which of the sources have one of these values: an array of bools."""
        known = self._codes[label]
        wanted = [known[value] for value in values if value and value in known]
        if not wanted:
            return np.zeros(len(sources), bool)
        fits = np.zeros(len(known), bool)
        fits[wanted] = True
        return fits[self._labels[label].data[sources]]

    def texts(self, sources: Ints, label: str) -> frozenset[str]:
        """The cells that these sources have, empty ones aside."""
        used = set(np.unique(self._labels[label].data[sources]).tolist())
        return frozenset(text for text, code in self._codes[label].items() if text and code in used)

    def codes(self, sources: Ints, label: str) -> Ints:
        """A number for each source's cell, 0 for an empty one; the same for the same text."""
        codes: Ints = self._labels[label].data[sources]
        return codes

    def cells(self, sources: Ints, label: str, *, default: float | None) -> Floats:
        """The number in each source's cell; NaN where that is none, or empty without a default."""
        nothing = float("nan")
        table = [number(cell) if cell else default for cell in self._codes[label]]
        numbers = np.array([nothing if cell is None else cell for cell in table], np.float64)
        return numbers[self._labels[label].data[sources]]

    def restore(self, names: NameTable, lateness: Ints, stale: Ints) -> None:
        """Fill an empty table as ``names`` and the two columns were saved; ``packed`` comes next,
        and then ``code_all``."""
        self.names = names
        self._make_room()
        self.parent.data[: len(names)] = np.arange(len(names))
        for mine, name in enumerate(names):
            if "/" in name:
                self._place(mine, name)
        self.lateness.replace(lateness)
        self.stale.replace(stale)
        self.patient = bool((lateness > 0).any())

    def code_all(self) -> None:
        """The columns of the labels that are asked for, after ``packed`` was filled."""
        for source in self.packed.having(self._labels, size=len(self)).tolist():
            self._code(source, self.labels(source))

    def _find(self, names: Sequence[str]) -> Ints:
        if len(names) < _MANY:
            return self.names.find(names)
        if self._covered < len(self.names):
            self._covered = len(self.names)
            self._by_hash.cover(self.names.packed())
        return self._by_hash.find(names)

    def _add(self, name: str) -> int:
        mine = self.names.add_one(name)
        self._make_room()
        self._place(mine, name)
        return mine

    def _place(self, mine: int, name: str) -> None:
        """A source's parent, and whose it is; the parent's name comes before it."""
        parent = _parent(name)
        known = None if parent is None else self.known(parent)
        self.parent.data[mine] = mine if known is None or known > mine else known
        self._own.data[mine] = name.startswith(OWN)

    def _make_room(self) -> None:
        size = len(self.names)
        if size <= self._room:
            return
        self._room = max(64, size + size // 4)
        self.packed.ensure(self._room)
        self._own.ensure(self._room)
        for column in (self.lateness, self.stale, self.parent, *self._labels.values()):
            column.ensure(self._room)

    def _code(self, source: int, labels: dict[str, str]) -> None:
        for label, column in self._labels.items():
            codes = self._codes[label]
            column.data[source] = codes.setdefault(labels.get(label, ""), len(codes))


def _chosen(column: Sequence[str | None], rows: Ints) -> Sequence[str | None]:
    return column if len(rows) == len(column) else [column[row] for row in rows.tolist()]


def numbers_of_many(
    names: Sequence[Sequence[str]],
    codes: Sequence[Codes],
    *,
    find: Callable[[Sequence[str]], Ints],
    number: Callable[[str], int],
) -> Ints:
    """The number of ``names[batch][code]`` for each code of each batch, in this order. ``number``
    knows it, or gives one, where ``find`` says -1; names that no code uses get none."""
    if len(names) == 1:
        every, code = names[0], codes[0]
    else:
        sizes = [len(each) for each in names]
        every = list(chain.from_iterable(names))
        before = np.cumsum(sizes) - sizes
        code = np.concatenate(codes) + np.repeat(before, [len(each) for each in codes])
    numbers = find(every)
    found: Ints = numbers[code]
    if len(found) and found.min() < 0:
        for one in np.unique(code[found < 0]).tolist():
            numbers[one] = number(every[one])
        found = numbers[code]
    return found


def numbers_of(names: Sequence[str], known: Mapping[str, int]) -> Ints:
    """-1 where a name is not known."""
    return np.fromiter(map(known.get, names, repeat(-1)), np.int64, len(names))


def _parent(name: str) -> str | None:
    camera, slash, _ = name.rpartition("/")
    return camera if slash else None
