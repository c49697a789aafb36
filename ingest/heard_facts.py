"""Answers from what was heard: by source, and of one source's series. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from citypatrol.clock import Ts
from citypatrol.columns import Floats, Ints
from citypatrol.name_table import PackedNames
from ingest.heard import NEVER, Heard
from ingest.profiles.reading import ONLINE


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """One series. ``newest`` and ``value``: the reading with the newest time; ``arrival``: when
    the last one came; ``interval`` (None before the second reading), ``jitter`` and ``offset``
    (arrival less time: negative where its clock is ahead) in milliseconds."""

    metric: str
    newest: Ts
    value: float
    arrival: Ts
    count: int
    late: int
    interval: float | None
    jitter: float | None
    offset: float


@dataclass(frozen=True, slots=True, eq=False)
class Totals:
    """A row a source that was heard, by its number. ``arrival``: of its last reading, what a last
    will said aside; ``per_minute``: readings that are usual; ``series``, ``count``, ``late``."""

    generation: int
    names: PackedNames
    arrival: Ints
    per_minute: Floats
    series: Ints
    count: Ints
    late: Ints

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True, eq=False)
class Copied:
    """The columns that totals need, as they were at one moment."""

    generation: int
    names: PackedNames
    source: NDArray[np.int32]
    will: NDArray[np.bool_]
    arrival: Ints
    interval: NDArray[np.float32]
    count: Ints
    late: Ints

    @classmethod
    def of(cls, heard: Heard) -> "Copied":
        """Quick: the intake waits meanwhile."""
        will = heard.metrics.index(ONLINE) if ONLINE in heard.metrics else -1
        columns = {
            name: heard.column(name).copy()
            for name in ("source", "arrival", "interval", "count", "late")
        }
        names = heard.names.packed()
        return cls(heard.generation, names, will=heard.column("metric") == will, **columns)

    def totals(self) -> Totals:
        size = len(self.names)
        own = ~self.will
        arrival = np.full(size, NEVER, np.int64)
        np.maximum.at(arrival, self.source[own], self.arrival[own])
        silent = arrival[self.source] == NEVER  # only a will has ever spoken of it
        np.maximum.at(arrival, self.source[silent], self.arrival[silent])
        pace = np.zeros(len(self.source))
        paced = own & (self.interval > 0)
        pace[paced] = 60_000 / self.interval[paced]
        return Totals(
            self.generation,
            self.names,
            arrival,
            np.bincount(self.source, pace, size).astype(np.float64),
            np.bincount(self.source, minlength=size),
            np.bincount(self.source, self.count, size).astype(np.int64),
            np.bincount(self.source, self.late, size).astype(np.int64),
        )


def series_of(heard: Heard, source: str) -> list[SeriesFacts]:
    """By metric; [] of a source that was never heard."""
    number = heard.number(source)
    if number is None:
        return []
    found = []
    for row in np.flatnonzero(heard.column("source") == number).tolist():
        interval = float(heard.column("interval")[row])
        found.append(
            SeriesFacts(
                heard.metrics[int(heard.column("metric")[row])],
                newest=int(heard.column("newest")[row]),
                value=float(heard.column("value")[row]),
                arrival=int(heard.column("arrival")[row]),
                count=int(heard.column("count")[row]),
                late=int(heard.column("late")[row]),
                interval=interval if interval > 0 else None,
                jitter=float(heard.column("jitter")[row]) if interval > 0 else None,
                offset=float(heard.column("offset")[row]),
            )
        )
    return sorted(found, key=lambda one: one.metric)
