"""A comparison's thresholds for every key of a rule: numbers, or a column by label (RULES 11)."""

from typing import Any, Final

import numpy as np

from citypatrol.columns import Column, Floats, Ints
from rules.comparison import Comparison, Limit, compare
from rules.sources import Sources

Bound = float | Column[np.float64]

_INF: Final = float("inf")


class Levels:
    """One comparison of one rule."""

    def __init__(self, comparison: Comparison) -> None:
        self.word = self._word = comparison.word
        self._limits = (comparison.low, comparison.high)
        self._bounds: tuple[Bound, Bound] = (_bound(comparison.low), _bound(comparison.high))
        self.by_label = any(isinstance(bound, Column) for bound in self._bounds)

    def enrol(self, keys: Ints, source: Ints, sources: Sources, *, size: int) -> None:
        """(Re)read the thresholds of these keys, out of ``size``, from their sources' labels."""
        for bound, limit in zip(self._bounds, self._limits, strict=True):
            if isinstance(bound, Column) and limit is not None and limit.label is not None:
                bound.ensure(size)
                bound.data[keys] = sources.cells(source, limit.label, default=limit.default)

    def bounds(self, keys: Ints) -> tuple[Floats | float, Floats | float]:
        """Low and high of these keys; NaN where there is no threshold."""
        low, high = (b.data[keys] if isinstance(b, Column) else b for b in self._bounds)
        return low, high

    def cuts_of(self, keys: Ints) -> tuple[Any, Any]:
        """From the first until before the second one value is as true as another, and so are all
        others; NaN where there is no threshold. Numbers, or with ``by_label`` an array of them."""
        low, high = self.bounds(keys)
        if self._word == "above":
            return np.nextafter(low, _INF), _INF
        return (-_INF, high) if self._word == "below" else (low, np.nextafter(high, _INF))

    def hold(self, keys: Ints, values: Floats) -> np.ndarray:
        """An array of bools; false also where there is no threshold."""
        low, high = self.bounds(keys)
        found: np.ndarray = compare(self._word, values, low, high)
        return found

    def holds(self, key: int, value: float) -> bool | None:
        """None where the key has no threshold, or the value (NaN) is not known."""
        low, high = (float(b.data[key]) if isinstance(b, Column) else b for b in self._bounds)
        if value != value or low != low or high != high:
            return None
        return bool(compare(self._word, value, low, high))


def _bound(limit: Limit | None) -> Bound:
    if limit is None:
        return 0.0  # the word does not look at it
    if limit.label is not None:
        return Column(np.float64, np.nan)
    return float("nan") if limit.default is None else limit.default
