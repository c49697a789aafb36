"""Whether ``lit`` is the probability that it says it is, on heads of places set aside."""

import itertools

import numpy as np
from numpy.typing import NDArray

from bench.intervals import Figure, bootstrap, wilson

STEPS = (0.0, 0.1, 0.5, 0.9, 1.0)
BINS = 10
"""Of equal width, for the one figure: how far what is said lies from what is, on the average."""


def trust(lit: NDArray[np.float64], *, really: NDArray[np.bool_], draws: int) -> dict[str, Figure]:
    """By what was said: the share that is really lit; and the expected calibration error (Naeini,
    Cooper, Hauskrecht 2015). All of it holds for the share of dark heads that is looked at."""
    made = {}
    for low, high in itertools.pairwise(STEPS):
        inside = (lit >= low) & ((lit < high) | (high == STEPS[-1]))
        name, of = f"lit said {low:g} to {high:g}", int(inside.sum())
        mean = float(lit[inside].mean()) if of else None
        made[f"{name}: mean"] = Figure(mean, low, high, of, "heads")
        made[f"{name}: really lit"] = wilson(int(really[inside].sum()), of=of, what="heads")
    made["lit: expected calibration error"] = bootstrap(
        lambda times: error(lit, really=really, times=times),
        pictures=len(lit),
        draws=draws,
        of=len(lit),
        what="heads",
    )
    return made


def error(
    lit: NDArray[np.float64], *, really: NDArray[np.bool_], times: NDArray[np.int64]
) -> float:
    """``times``: how often each head counts."""
    rows = np.minimum((lit * BINS).astype(np.int64), BINS - 1)
    gap = np.bincount(rows, weights=times * (lit - really), minlength=BINS)
    return float(np.abs(gap).sum() / max(1, times.sum()))
