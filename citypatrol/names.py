"""Numbers of many names at once. A dict of Python strings waits for the memory three times a name;
here the names are columns of bytes, and the processor looks up the next ones meanwhile."""

import secrets
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from citypatrol.columns import Ints, PairIndex

UNKNOWN: Final = -1

Words = NDArray[np.uint64]

_BETWEEN: Final = "\n"  # no door lets it into a name
_WORDS: Final = 8
_LONGEST: Final = 8 * _WORDS
_AT_ONCE: Final = 50_000
_LEFT: Final = np.array([(1 << 8 * bytes_) - 1 for bytes_ in range(9)], np.uint64)
_LOW: Final = np.uint64(0xFFFFFFFF)
_HALF: Final = np.uint64(32)


class NameIndex:
    """Names by their place in a list that grows, found by a 64-bit hash of their bytes.

    Names that share a hash, or that have more than 64 bytes, are never found here: who asks looks
    them up by name. So the answer is right for every name that is in the list. One that is not may
    be taken for another, once in 10^13 names: multilinear hashing (Dietzfelbinger 1996; Lemire and
    Kaser 2014) under ``secret``, which by default nobody knows, so nobody can make such a name.
    """

    def __init__(self, secret: Words | None = None) -> None:
        if secret is None:
            drawn = secrets.token_bytes(8 * 2 * (1 + 2 * _WORDS))
            secret = np.frombuffer(drawn, np.uint64).reshape(2, -1)
        self._secret = secret
        self._index = PairIndex()
        self._shared: set[int] = set()
        self._covered = 0

    def cover(self, names: Sequence[str]) -> None:
        """Know these names, each of them once; those of the last call are the first of them."""
        for begin in range(self._covered, len(names), _AT_ONCE):
            self._cover(names[begin : begin + _AT_ONCE], begin)
        self._covered = len(names)

    def find(self, names: Sequence[str]) -> Ints:
        """The place of each name; ``UNKNOWN`` where that is not certain."""
        hashes, whole = self._hashes(names)
        found = self._index.find(hashes)
        if self._shared:
            found[np.isin(hashes, list(self._shared))] = UNKNOWN
        if whole is not None:
            found[~whole] = UNKNOWN
        return found

    def _cover(self, names: Sequence[str], begin: int) -> None:
        hashes, whole = self._hashes(names)
        place = np.arange(begin, begin + len(names))
        if whole is not None:
            hashes, place = hashes[whole], place[whole]
        hashes, first, times = np.unique(hashes, return_index=True, return_counts=True)
        known = self._index.find(hashes) != UNKNOWN
        self._shared.update(hashes[known | (times > 1)].tolist())
        self._index.add(hashes[~known], place[first[~known]])

    def _hashes(self, names: Sequence[str]) -> tuple[Ints, np.ndarray | None]:
        """One of each name, and which of them are of the whole name; None where all are."""
        text = _BETWEEN.join(names).encode(errors="surrogatepass") + bytes(_LONGEST)
        breaks = np.flatnonzero(np.frombuffer(text, np.uint8) == ord(_BETWEEN))
        if len(breaks) != len(names) - 1:
            return np.zeros(len(names), np.int64), np.zeros(len(names), bool)
        start = np.concatenate(([0], breaks + 1))
        length = np.append(breaks, len(text) - _LONGEST) - start
        high = self._secret[0, 0] * length.astype(np.uint64)
        low = self._secret[1, 0] * length.astype(np.uint64)
        every = np.ndarray(len(text) - 7, "V8", text, strides=(1,))  # the eight bytes from each on
        longest, shortest = int(length.max()), int(length.min())
        for word in range(-(-min(longest, _LONGEST) // 8)):
            letters = every[start + 8 * word if word else start].view(np.uint64)
            if shortest < 8 * word + 8:
                letters &= _LEFT[np.clip(length - 8 * word, 0, 8)]
            for half, part in enumerate((letters & _LOW, letters >> _HALF)):
                high += self._secret[0, 1 + 2 * word + half] * part
                low += self._secret[1, 1 + 2 * word + half] * part
        mixed: Ints = ((high & ~_LOW) | (low >> _HALF)).view(np.int64)
        return mixed, length <= _LONGEST if longest > _LONGEST else None
