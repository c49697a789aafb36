"""Samples one by one to the columns of one batch."""

from collections.abc import Mapping

import numpy as np

from citypatrol.clock import Ts
from citypatrol.samples import Batch


class Rows:
    """Columns that grow."""

    def __init__(self) -> None:
        self.labels: dict[str, Mapping[str, str]] = {}
        self._sources: dict[str, int] = {}
        self._metrics: dict[str, int] = {}
        self._source: list[int] = []
        self._metric: list[int] = []
        self._ts: list[Ts] = []
        self._value: list[float] = []

    def add(
        self, source: str, labels: Mapping[str, str], metric: str, ts: Ts, value: float
    ) -> None:
        code = self._sources.get(source)
        if code is None:
            code = self._sources[source] = len(self._sources)
            self.labels[source] = labels
        elif self.labels[source] is not labels:
            self.labels[source] = {**self.labels[source], **labels}
        self._source.append(code)
        self._metric.append(self._metrics.setdefault(metric, len(self._metrics)))
        self._ts.append(ts)
        self._value.append(value)

    def batch(self) -> Batch:
        return Batch(
            sources=tuple(self._sources),
            source=np.array(self._source, dtype=np.int32),
            metrics=tuple(self._metrics),
            metric=np.array(self._metric, dtype=np.int32),
            ts=np.array(self._ts, dtype=np.int64),
            value=np.array(self._value, dtype=np.float64),
        )
