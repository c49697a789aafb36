"""Arrays that grow, and the index from pairs of numbers to rows of them."""

from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Texts = NDArray[np.object_]

T = TypeVar("T", bound=np.generic)

_EMPTY: Final = -1
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: Knuth's multiplicative hashing
_ALL_BITS: Final = (1 << 64) - 1
_METRIC_BITS: Final = 24


class Column(Generic[T]):
    """``data`` is at least as long as was ensured; what was never written holds ``fill``."""

    __slots__ = ("_fill", "data")

    def __init__(self, dtype: type[T], fill: Any) -> None:
        self._fill = fill
        self.data: NDArray[T] = np.empty(0, dtype)

    def ensure(self, size: int) -> None:
        have = len(self.data)
        if size > have:  # by a quarter: what is filled in advance is memory in use
            grown = np.empty(max(size, have + have // 4, 64), self.data.dtype)
            grown[:have] = self.data
            grown[have:] = self._fill
            self.data = grown

    def replace(self, data: NDArray[T]) -> None:
        """Take these values over, as the first ones."""
        self.ensure(len(data))
        self.data[: len(data)] = data


class PairIndex:
    """(source, metric) to a number: open addressing, so a batch costs a few array operations.

    Keys are ``source << 24 | metric``; both are small numbers that count up from 0. Numbers are
    below 2^31.
    """

    def __init__(self) -> None:
        self._bits = 10
        self._keys: Ints = np.full(1 << self._bits, _EMPTY, np.int64)
        self._numbers: Codes = np.full(1 << self._bits, _EMPTY, np.int32)
        self._size = 0

    @staticmethod
    def keys(source: Ints, metric: Ints) -> Ints:
        return (source << _METRIC_BITS) | metric

    def find(self, keys: Ints) -> Ints:
        """Each key's number, -1 where it has none."""
        slots = self._slots(keys)
        found = self._keys[slots]
        wrong = np.flatnonzero((found != keys) & (found != _EMPTY))
        while len(wrong):
            following = (slots[wrong] + 1) & (len(self._keys) - 1)
            slots[wrong] = following
            found = self._keys[following]
            wrong = wrong[(found != keys[wrong]) & (found != _EMPTY)]
        return self._numbers[slots].astype(np.int64)

    def find_one(self, key: int) -> int:
        """``find`` of one key, in a tenth of the time."""
        slot = self._slot(key)
        while (found := self._keys[slot]) != key:
            if found == _EMPTY:
                return _EMPTY
            slot = (slot + 1) & (len(self._keys) - 1)
        return int(self._numbers[slot])

    def add(self, keys: Ints, numbers: Ints) -> None:
        """Keys that are not there yet, each once."""
        if 2 * (self._size + len(keys)) > len(self._keys):
            self._grow(self._size + len(keys))
        self._place(keys, numbers)
        self._size += len(keys)

    def add_one(self, key: int, number: int) -> None:
        """``add`` of one key, in a tenth of the time."""
        if 2 * (self._size + 1) > len(self._keys):
            self._grow(self._size + 1)
        slot = self._slot(key)
        while self._keys[slot] != _EMPTY:
            slot = (slot + 1) & (len(self._keys) - 1)
        self._keys[slot], self._numbers[slot] = key, number
        self._size += 1

    def in_order(self) -> Ints:
        """Every key, by its number; numbers count up from 0 without a gap."""
        used = self._keys != _EMPTY
        keys = np.empty(self._size, np.int64)
        keys[self._numbers[used]] = self._keys[used]
        return keys

    def _slot(self, key: int) -> int:
        return (key * int(_MIX) & _ALL_BITS) >> (64 - self._bits)

    def _slots(self, keys: Ints) -> Ints:
        mixed = (keys.view(np.uint64) * _MIX) >> np.uint64(64 - self._bits)
        return mixed.view(np.int64)

    def _grow(self, size: int) -> None:
        used = self._keys != _EMPTY
        keys, numbers = self._keys[used], self._numbers[used]
        while 2 * size > (1 << self._bits):
            self._bits += 1
        self._keys = np.full(1 << self._bits, _EMPTY, np.int64)
        self._numbers = np.full(1 << self._bits, _EMPTY, np.int32)
        self._place(keys, numbers)

    def _place(self, keys: Ints, numbers: Ints | Codes) -> None:
        slots = self._slots(keys)
        while len(keys):
            free = self._keys[slots] == _EMPTY
            self._keys[slots[free]] = keys[free]  # of several for one slot the last one wins
            won = self._keys[slots] == keys
            self._numbers[slots[won]] = numbers[won]
            keys, numbers, slots = keys[~won], numbers[~won], slots[~won]
            slots = (slots + 1) & (len(self._keys) - 1)
