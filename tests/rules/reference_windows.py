"""Windows once more, plain and slow (decision 23)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from citypatrol.samples import Sample
from citypatrol.units import duration_ms


def window_of(part: Mapping[str, Any]) -> tuple[str, int] | None:
    """Its word and its duration (decision 23)."""
    for word in ("mean", "max", "min", "sum", "count", "p95", "rate", "change"):
        if word in part:
            return word, duration_ms(part[word])
    return None


def says(word: str, samples: Sequence[Sample]) -> float | None:
    """Decision 23: what a window says of its samples, which are in order of time."""
    values = [s.value for s in samples]
    if not values:
        return None
    if word == "mean":
        return sum(values) / len(values)
    if word == "p95":
        return sorted(values)[math.ceil(0.95 * len(values)) - 1]
    if word == "change":
        return values[-1] - values[0]
    if word == "rate":
        seconds = (samples[-1].ts - samples[0].ts) / 1000
        return (values[-1] - values[0]) / seconds if seconds else None
    simple: Mapping[str, Any] = {"max": max, "min": min, "sum": sum, "count": len}
    return float(simple[word](values))
