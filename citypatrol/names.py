"""Numbers of many names at once. A dict of Python strings waits for the memory three times a name;
here the processor looks up the next ones meanwhile."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from citypatrol.columns import Ints, PairIndex

UNKNOWN: Final = -1


class NameIndex:
    """Names by their place in a list that grows, found by Python's own 64-bit hash of them.

    Names that share a hash are never found here: who asks looks them up by name. So the answer is
    right for every name that is in the list. One that is not may be taken for another, once in
    10^13 names; the hash is the process's own secret, so nobody can make such a name.
    """

    def __init__(self) -> None:
        self._index = PairIndex()
        self._shared: set[int] = set()
        self._covered = 0

    def cover(self, names: Sequence[str]) -> None:
        """Know these names, each of them once; those of the last call are the first of them."""
        if len(names) == self._covered:
            return
        hashes, first, times = np.unique(
            _hashes(names[self._covered :]), return_index=True, return_counts=True
        )
        known = self._index.find(hashes) != UNKNOWN
        self._shared.update(hashes[known | (times > 1)].tolist())
        self._index.add(hashes[~known], first[~known] + self._covered)
        self._covered = len(names)

    def find(self, names: Sequence[str]) -> Ints:
        """The place of each name; ``UNKNOWN`` where that is not certain."""
        hashes = _hashes(names)
        found = self._index.find(hashes)
        if self._shared:
            found[np.isin(hashes, list(self._shared))] = UNKNOWN
        return found


def _hashes(names: Sequence[str]) -> Ints:
    return np.fromiter(map(hash, names), np.int64, len(names))
