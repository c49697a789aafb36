"""Batches as they come, put together to what one request holds."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

import numpy as np

from citypatrol.samples import Batch

MAX_LINES: Final = 5_000
"""InfluxData's own advice for one request."""
MAX_BYTES: Final = 1_000_000
_BESIDE_NAMES: Final = 100


class Page:
    """Batches in their order, until there is enough for a request."""

    def __init__(self) -> None:
        self._batches: list[Batch] = []
        self.samples = 0

    def add(self, batch: Batch) -> None:
        if len(batch):
            self._batches.append(batch)
            self.samples += len(batch)

    @property
    def is_full(self) -> bool:
        return self.samples >= MAX_LINES

    def take(self) -> Iterator[Batch]:
        """All of it, in parts of at most ``MAX_LINES`` samples and about ``MAX_BYTES`` of text."""
        if self._batches:
            whole = _joined(self._batches)
            self._batches, self.samples = [], 0
            yield from _parts(whole)


def _joined(batches: list[Batch]) -> Batch:
    """All rows in their order. A source stands in ``sources`` once for each batch that has it:
    to look for the same one again costs more than to write its name twice."""
    if len(batches) == 1:
        return batches[0]
    metrics: dict[str, int] = {}
    source, metric, before = [], [], 0
    for batch in batches:
        source.append(batch.source + before)
        before += len(batch.sources)
        numbers = [metrics.setdefault(name, len(metrics)) for name in batch.metrics]
        metric.append(np.array(numbers, np.int32)[batch.metric])
    return Batch(
        sources=tuple(chain.from_iterable(batch.sources for batch in batches)),
        source=np.concatenate(source),
        metrics=tuple(metrics),
        metric=np.concatenate(metric),
        ts=np.concatenate([batch.ts for batch in batches]),
        value=np.concatenate([batch.value for batch in batches]),
    )


def _parts(batch: Batch) -> Iterator[Batch]:
    widths = _lengths(batch.sources)[batch.source] + _lengths(batch.metrics)[batch.metric]
    ends = np.cumsum(widths + _BESIDE_NAMES)
    at, size = 0, 0
    while at < len(batch):
        fits = int(np.searchsorted(ends, size + MAX_BYTES, side="right"))
        stop = max(at + 1, min(at + MAX_LINES, fits))
        yield batch.rows(slice(at, stop))
        at, size = stop, int(ends[stop - 1])


def _lengths(names: tuple[str, ...]) -> Any:
    return np.fromiter(map(len, names), np.int64, len(names))
