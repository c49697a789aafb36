"""``unless``: when a source was blind (RULES 21, 22).

Of each source that sends the veto's metric the unbroken runs of one truth are kept: the current one
in columns, so that a batch that changes nothing is a few array operations, earlier ones as long as
a sample that comes late may still ask for them.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from citypatrol.clock import Ts
from citypatrol.columns import Column, Floats, Ints
from rules.block import NEVER
from rules.comparison import Comparison, compare
from rules.ruleset import Unless
from rules.sources import Sources

_KEEP_MS: Final = 7 * 86_400_000
_MOST_RUNS: Final = 500
_NOTHING: Final = 0
_TRUE: Final = 2


class Run(NamedTuple):
    """From the first sample to the last one of the same truth, none of them older than stale when
    the next one came."""

    start: Ts
    last: Ts
    holds: bool


class Veto:
    """The ``unless`` of one rule."""

    def __init__(self, unless: Unless, *, sources: Sources, stale: int | None) -> None:
        self.metric = unless.metric
        self._sources = sources
        self._stale = stale
        self._low, self._high = _bounds(unless.comparison)
        self._word = unless.comparison.word
        self._start = Column(np.int64, NEVER)
        self._last = Column(np.int64, NEVER)
        self._truth = Column(np.uint8, _NOTHING)  # 0 nothing heard, 1 false, 2 true
        self._earlier: dict[int, list[Run]] = {}

    def take(self, source: Ints, ts: Ints, value: Floats) -> None:
        """Samples of the veto's metric, sorted by source and time."""
        if not len(source):
            return
        for column in (self._start, self._last, self._truth):
            column.ensure(len(self._sources))
        truth = 1 + compare(self._word, value, self._low, self._high).astype(np.uint8)
        last = self._last.data[source]
        stale = self._sources.stale.data[source] if self._stale is None else self._stale
        same = (truth == self._truth.data[source]) & (ts > last) & (ts - last <= stale)
        if not same.all():  # all rows of the sources in which something begins, one by one
            odd = np.isin(source, source[~same])
            rows = zip(source[odd].tolist(), ts[odd].tolist(), truth[odd].tolist(), strict=True)
            for row in rows:
                self._add(*row)
            source, ts = source[~odd], ts[~odd]
        self._last.data[source] = ts  # of several the last one stays

    def at(self, source: int, ts: Ts) -> bool | None:
        """Whether the source is blind at this instant: its own word, else its parent's."""
        own = self._known(source, ts)
        parent = int(self._sources.parent.data[source])
        return self._known(parent, ts) if own is None and parent != source else own

    def covers(self, source: Ints, *, since: Ints, until: Ts) -> np.ndarray:
        """Which of these sources are known to be blind from ``since`` to ``until`` without a break.
        False where that takes more than a look at the newest run: ask ``at`` and ``changes``."""
        size = len(self._sources)
        for column in (self._start, self._last, self._truth):
            column.ensure(size)
        silent = self._truth.data[source] == _NOTHING
        asked = np.where(silent, self._sources.parent.data[source], source)
        stale = self._sources.stale.data[asked] if self._stale is None else self._stale
        covered: np.ndarray = (
            (self._truth.data[asked] == _TRUE)
            & (self._start.data[asked] <= since)
            & (until < self._last.data[asked] + stale)
        )
        return covered

    def first(self, source: int, *, after: Ts, until: Ts) -> Ts | None:
        """The first instant in (after, until] in which it becomes blind."""
        for instant in self.changes(source, after=after, until=until):
            if self.at(source, instant):
                return instant
        return None

    def changes(self, source: int, *, after: Ts, until: Ts) -> list[Ts]:
        """Every instant in (after, until] in which ``at`` may change, in order."""
        parent = int(self._sources.parent.data[source])
        found: set[Ts] = set()
        for one in {source, parent}:
            stale = self._stale_of(one)
            for run in self._runs(one):
                found |= {run.start, run.last + stale}
                if run.start <= after:
                    break
        return sorted(instant for instant in found if after < instant <= until)

    def lateness(self, source: int) -> int:
        """How long to wait for samples of the source or its parent."""
        both = [source, int(self._sources.parent.data[source])]
        return int(self._sources.lateness.data[both].max())

    def save(self) -> dict[str, Any]:
        heard = np.flatnonzero(self._truth.data)
        return {
            "source": heard.tolist(),
            "start": self._start.data[heard].tolist(),
            "last": self._last.data[heard].tolist(),
            "truth": self._truth.data[heard].tolist(),
            "earlier": [(one, [tuple(run) for run in runs]) for one, runs in self._earlier.items()],
        }

    def load(self, saved: dict[str, Any]) -> None:
        heard = np.array(saved["source"], np.int64)
        for name, column in (("start", self._start), ("last", self._last), ("truth", self._truth)):
            column.ensure(len(self._sources))
            column.data[heard] = saved[name]
        self._earlier = {
            source: [Run(start, last, holds) for start, last, holds in runs]
            for source, runs in saved["earlier"]
        }

    def _add(self, source: int, ts: Ts, truth: int) -> None:
        run = self._current(source)
        if run is not None:
            if ts <= run.last:
                return  # came after a newer one had its effect
            if run.holds == (truth == 2) and ts - run.last <= self._stale_of(source):
                self._last.data[source] = ts
                return
            earlier = self._earlier.setdefault(source, [])
            earlier.append(run)
            if len(earlier) > _MOST_RUNS or earlier[0].last < ts - _KEEP_MS:
                kept = [one for one in earlier if one.last >= ts - _KEEP_MS]
                self._earlier[source] = kept[-_MOST_RUNS:]
        self._start.data[source] = self._last.data[source] = ts
        self._truth.data[source] = truth

    def _current(self, source: int) -> Run | None:
        if source >= len(self._truth.data) or self._truth.data[source] == _NOTHING:
            return None
        holds = bool(self._truth.data[source] == 2)
        return Run(int(self._start.data[source]), int(self._last.data[source]), holds)

    def _runs(self, source: int) -> list[Run]:
        """Newest first."""
        current = self._current(source)
        return [] if current is None else [current, *reversed(self._earlier.get(source, []))]

    def _known(self, source: int, ts: Ts) -> bool | None:
        for run in self._runs(source):
            if run.start <= ts:
                return run.holds if ts < run.last + self._stale_of(source) else None
        return None

    def _stale_of(self, source: int) -> int:
        return int(self._sources.stale.data[source]) if self._stale is None else self._stale


def _bounds(comparison: Comparison) -> tuple[float, float]:
    low, high = (
        0.0 if limit is None or limit.default is None else limit.default
        for limit in (comparison.low, comparison.high)
    )
    return low, high
