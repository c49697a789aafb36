"""64-bit numbers for names, the same in every process: all names of a batch in a few array
operations, where a dictionary of Python strings would cost a city's memory once more."""

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from citypatrol.columns import Ints

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_METRIC: Final = np.uint64(0xD6E8FEB86659FD93)
_NOT_NEGATIVE: Final = np.int64(2**63 - 1)


def hash_names(names: pa.StringArray) -> Ints:
    """One number from 0 to 2^63 - 1 for each name; no name is null.

    Two of a million names share theirs once in millions of cities. Not for secrets: whoever wants
    to can make two names that share one.
    """
    _, offsets, data = names.buffers()
    if not len(names):
        return np.empty(0, np.int64)
    bounds = np.frombuffer(offsets, np.int32)[names.offset : names.offset + len(names) + 1]
    first = int(bounds[0])
    sizes = np.diff(bounds)
    sums = np.zeros(int(bounds[-1]) - first + 1, np.uint64)
    if len(sums) > 1:
        place = np.arange(len(sums) - 1) - np.repeat(bounds[:-1] - first, sizes)
        letters = np.frombuffer(data, np.uint8)[first : int(bounds[-1])]
        np.cumsum((letters + np.uint64(1)) * _weights(int(sizes.max()))[place], out=sums[1:])
    total = sums[bounds[1:] - first] - sums[bounds[:-1] - first]
    return _positive(_mixed(total + sizes.astype(np.uint64) * _GOLDEN))


def hash_pairs(sources: Ints, metrics: Ints) -> Ints:
    """One number for each (source, metric), from what ``hash_names`` gave for both."""
    pairs = sources.view(np.uint64) * _GOLDEN + metrics.view(np.uint64) * _METRIC
    return _positive(_mixed(pairs))


def _weights(count: int) -> NDArray[np.uint64]:
    """An odd weight for each place in a name (SplitMix64's sequence)."""
    return _mixed(np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN) | np.uint64(1)


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = (numbers ^ (numbers >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))


def _positive(numbers: NDArray[np.uint64]) -> Ints:
    return numbers.view(np.int64) & _NOT_NEGATIVE
