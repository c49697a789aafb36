"""Figures with their counts and 95 % intervals: no rate stands alone."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Z = 1.959964
SEED = 20260513


@dataclass(frozen=True, slots=True)
class Figure:
    """A value between ``low`` and ``high`` (95 %), measured on ``of`` things (``what``).

    ``value`` is None where there was nothing to measure on.
    """

    value: float | None
    low: float
    high: float
    of: int
    what: str

    def text(self) -> str:
        if self.value is None:
            return f"-  (no {self.what})"
        return f"{self.value:.3f}  [{self.low:.3f}, {self.high:.3f}]  of {self.of} {self.what}"


def wilson(hits: int, *, of: int, what: str) -> Figure:
    """A rate with Wilson's score interval, which holds for few things and for 0 or all of them
    (E. B. Wilson, 1927, doi:10.1080/01621459.1927.10502953)."""
    if of == 0:
        return Figure(None, 0.0, 1.0, 0, what)
    rate = hits / of
    middle = (rate + Z * Z / (2 * of)) / (1 + Z * Z / of)
    half = Z / (1 + Z * Z / of) * np.sqrt(rate * (1 - rate) / of + Z * Z / (4 * of * of))
    return Figure(rate, float(max(0.0, middle - half)), float(min(1.0, middle + half)), of, what)


def bootstrap(
    figure: Callable[[NDArray[np.int64]], float],
    *,
    pictures: int,
    draws: int,
    of: int,
    what: str,
) -> Figure:
    """``figure`` of all pictures, and between which values it lies when as many are drawn again
    with replacement. ``figure`` is given how often each picture counts.

    Pictures are drawn, not boxes: boxes of one picture are right or wrong together.
    """
    if of == 0 or pictures == 0:
        return Figure(None, 0.0, 1.0, 0, what)
    rng = np.random.default_rng(SEED)
    drawn = [
        figure(np.bincount(rng.integers(pictures, size=pictures), minlength=pictures))
        for _ in range(draws)
    ]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Figure(figure(np.ones(pictures, np.int64)), float(low), float(high), of, what)
