"""Names and their numbers, without an object of Python each: 219,300 names in a dict and a list are
33 MB, and 10 MB here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, overload

import numpy as np
import pyarrow as pa

from citypatrol.columns import Column, Ints, PairIndex

UNKNOWN: Final = -1
_AT_ONCE: Final = 20_000
_FEW: Final = 8  # below it one after the other costs less


@dataclass(frozen=True, slots=True, eq=False)
class PackedNames(Sequence[str]):
    """Names one behind the other in UTF-8; ``bounds``: where each begins, and where the last ends.
    Texts are made when they are asked for."""

    text: bytes
    bounds: Ints

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            begin, end, step = at.indices(len(self))
            if step != 1:
                return [self[number] for number in range(begin, end, step)]
            bounds = self.bounds[begin : max(begin, end) + 1].tolist()
            return [str(self.text[one:two], "utf-8") for one, two in pairwise(bounds)]
        number = at + len(self) if at < 0 else at
        if not 0 <= number < len(self):
            message = f"no name {at} of {len(self)}"
            raise IndexError(message)
        return str(self.text[self.bounds[number] : self.bounds[number + 1]], "utf-8")

    def __iter__(self) -> Iterator[str]:
        for begin, end in pairwise(self.bounds.tolist()):
            yield str(self.text[begin:end], "utf-8")

    def array(self) -> pa.LargeStringArray:
        """For Arrow, in the same memory."""
        buffers = (pa.py_buffer(np.ascontiguousarray(self.bounds)), pa.py_buffer(self.text))
        return pa.LargeStringArray.from_buffers(len(self), *buffers)


class NameTable:
    """Names numbered as they are added, found by Python's own 64-bit hash of them.

    A name that is there is always found. One that is not may be taken for another, once in 10^13
    names; the hash is the process's own secret, so nobody can make such a name. ``number`` is
    always right. Not thread-safe.
    """

    def __init__(self) -> None:
        self._index = PairIndex()
        self._text = bytearray()
        self._ends = Column(np.int64, 0)
        self._size = 0

    @classmethod
    def read(cls, names: pa.ChunkedArray) -> "NameTable":
        """Of a column of texts. Raises ValueError where a name stands twice, or is none."""
        table = cls()
        for chunk in names.chunks:
            for begin in range(0, len(chunk), _AT_ONCE):  # objects of Python only for a moment
                some = chunk.slice(begin, _AT_ONCE).to_pylist()
                if len(set(some)) < len(some) or table.find(some).max() != UNKNOWN:
                    message = "a name stands twice"
                    raise ValueError(message)
                table.add(some)
        return table

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, number: int) -> str:
        begin = int(self._ends.data[number - 1]) if number else 0
        return str(self._text[begin : self._ends.data[number]], "utf-8")

    def __iter__(self) -> Iterator[str]:
        return iter(self.packed())

    def find(self, names: Sequence[str]) -> Ints:
        """The number of each name; ``UNKNOWN`` where it has none."""
        if len(names) < _FEW:
            return np.array([self._index.find_one(hash(name)) for name in names], np.int64)
        return self._index.find(_hashes(names))

    def number(self, name: str) -> int | None:
        """The number of this name, None where it has none."""
        found = self._index.find_one(hash(name))
        return None if found == UNKNOWN or self[found] != name else found

    def add(self, names: Sequence[str]) -> Ints:
        """Number these names, which are not there, each once."""
        if len(names) < _FEW:
            return np.array([self.add_one(name) for name in names], np.int64)
        texts = [name.encode() for name in names]
        sizes = np.fromiter(map(len, texts), np.int64, len(texts))
        begin, end = self._size, self._size + len(names)
        self._ends.ensure(end)
        self._ends.data[begin:end] = len(self._text) + np.cumsum(sizes)
        self._text += b"".join(texts)
        self._size = end
        numbers = np.arange(begin, end)
        self._index.add(_hashes(names), numbers)
        return numbers

    def add_one(self, name: str) -> int:
        """Number this name, which is not there."""
        number, self._size = self._size, self._size + 1
        self._text += name.encode()
        self._ends.ensure(self._size)
        self._ends.data[number] = len(self._text)
        self._index.add_one(hash(name), number)
        return number

    def packed(self) -> PackedNames:
        """All of them by number, as they are now."""
        bounds = np.concatenate(([0], self._ends.data[: self._size]))
        return PackedNames(bytes(self._text), bounds)


def _hashes(names: Sequence[str]) -> Ints:
    return np.fromiter(map(hash, names), np.int64, len(names))
