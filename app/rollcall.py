"""Who is heard, who has fallen silent, who is not registered, who was never heard."""

import difflib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Gauge

from citypatrol.clock import Ts
from citypatrol.kinds import Kind, Kinds
from citypatrol.metrics import REGISTRY
from citypatrol.registry import Registry
from ingest.heard import NEVER
from ingest.heard_facts import SeriesFacts, Totals
from ingest.heard_stage import HeardStage

SILENT_MS: Final = 600_000
_MOST_NEAR: Final = 20_000
_ASKED: Final = ("kind", "district")
_OWN: Final = "citypatrol/"
_NOWHERE: Final = -1
_OURS: Final = -2

SOURCES: Final = Gauge(
    "citypatrol_sources",
    "Sources that were heard, of these silent for ten minutes and not in the registry; and those of"
    " the registry that were never heard.",
    ["state"],
    registry=REGISTRY,
)

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Sources with all of these. ``never``: those of the registry that were never heard, instead
    of those that were."""

    kind: str | None = None
    district: str | None = None
    silent_for: int | None = None
    unregistered: bool = False
    never: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One source of a list. ``arrival`` None: never heard."""

    id: str
    registered: bool
    labels: Labels
    arrival: Ts | None
    per_minute: float = 0.0
    series: int = 0
    count: int = 0
    late: int = 0


class Page(NamedTuple):
    """``cursor`` asks for the next page; None on the last."""

    lines: Sequence[Line]
    cursor: int | None


@dataclass(frozen=True, slots=True)
class Counts:
    """``silent``: of those heard, not within ten minutes; ``never``: of those registered."""

    heard: int
    silent: int
    unregistered: int
    never: int


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of one source, apart from rules, incidents and letters."""

    id: str
    registered: bool
    labels: Labels
    times: Kind
    series: Sequence[SeriesFacts]


class RollCall:
    """Blocking; safe from any thread. ``topic_labels``: what a source's topics say of it."""

    def __init__(
        self,
        heard: HeardStage,
        *,
        registry: Registry,
        kinds: Kinds,
        topic_labels: Callable[[str], Labels],
    ) -> None:
        self._heard = heard
        self._registry = registry
        self._kinds = kinds
        self._topic_labels = topic_labels
        self._lock = threading.Lock()
        self.latest: Counts | None = None
        self._rows: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, np.int64))

    def show(self, *, now: Ts) -> None:
        """``latest`` and ``citypatrol_sources``: every few seconds."""
        self.latest = self.counts(now=now)
        for state, count in asdict(self.latest).items():
            SOURCES.labels(state).set(count)

    def counts(self, *, now: Ts) -> Counts:
        totals = self._heard.totals()
        rows = self._rows_of(totals)
        heard = _heard(totals, rows)
        return Counts(
            heard=int(heard.sum()),
            silent=int((heard & (totals.arrival < now - SILENT_MS)).sum()),
            unregistered=int((heard & (rows == _NOWHERE)).sum()),
            never=int(self._never(rows, heard).sum()),
        )

    def list(self, wanted: Wanted, *, now: Ts, after: int = -1, limit: int = 100) -> Page:
        """In the order in which they were first heard; those never heard as the registry has
        them."""
        totals = self._heard.totals()
        rows = self._rows_of(totals)
        heard = _heard(totals, rows)
        if wanted.never:
            mask = self._never(rows, heard)
            for label in _ASKED:
                value = getattr(wanted, label)
                if value is not None:
                    mask &= self._registry.having(label, value)
            found, cursor = _cut(mask, after=after, limit=limit)
            return Page([self._never_heard(self._registry.id_of(row)) for row in found], cursor)
        mask = heard
        if wanted.silent_for is not None:
            mask &= totals.arrival < now - wanted.silent_for
        if wanted.unregistered:
            mask &= rows == _NOWHERE
        for label in _ASKED:
            value = getattr(wanted, label)
            if value is not None:
                mask = self._labelled(mask, totals, rows, label, value)
        found, cursor = _cut(mask, after=after, limit=limit)
        return Page([self._line(totals, number, int(rows[number])) for number in found], cursor)

    def source(self, id: str) -> Known | None:
        """None for one that is neither registered nor was ever heard."""
        series = self._heard.series_of(id)
        registered = id in self._registry
        if not registered and not series:
            return None
        labels = self.labels(id)
        return Known(id, registered, labels, self._kinds.of(labels), series)

    def stranger(self, id: str) -> Known:
        """A source of which nothing could ever be read."""
        labels = self.labels(id)
        return Known(id, registered=False, labels=labels, times=self._kinds.of(labels), series=())

    def nearest(self, id: str) -> Sequence[str]:
        """Up to three known ids that may be meant."""
        middle = (len(id) + 1) // 2
        begin, end = id[:middle].lower(), (id[middle:] or id).lower()
        near = self._registry.like(id, most=_MOST_NEAR)
        names = (name for name in self._heard.totals().names)
        near += [n for n in names if n.lower().startswith(begin) or n.lower().endswith(end)]
        folded = {name.lower(): name for name in near[: 2 * _MOST_NEAR]}
        close = difflib.get_close_matches(id.lower(), list(folded), n=3, cutoff=0.6)
        return [folded[name] for name in close]

    def labels(self, source: str) -> Labels:
        """The registry's over those of the topics."""
        return {**self._topic_labels(source), **(self._registry.labels(source) or {})}

    def _line(self, totals: Totals, number: int, row: int) -> Line:
        id = totals.names[number]
        return Line(
            id,
            registered=row >= 0,
            labels=self.labels(id),
            arrival=int(totals.arrival[number]),
            per_minute=float(totals.per_minute[number]),
            series=int(totals.series[number]),
            count=int(totals.count[number]),
            late=int(totals.late[number]),
        )

    def _never_heard(self, id: str) -> Line:
        return Line(id, registered=True, labels=self.labels(id), arrival=None)

    def _never(self, rows: NDArray[np.int64], heard: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """A bool a row of the registry."""
        never = np.ones(len(self._registry), np.bool_)
        never[rows[heard & (rows >= 0)]] = False
        return never

    def _labelled(
        self,
        mask: NDArray[np.bool_],
        totals: Totals,
        rows: NDArray[np.int64],
        label: str,
        value: str,
    ) -> NDArray[np.bool_]:
        """The registry wins where it has a cell; topics are asked one by one."""
        fits = np.zeros(len(mask), np.bool_)
        known = rows >= 0
        having = self._registry.having(label, value)
        fits[known] = having[rows[known]]
        silent = ~self._registry.filled(label)
        open_to_topic = ~known
        open_to_topic[known] = silent[rows[known]]
        for number in np.flatnonzero(mask & open_to_topic).tolist():
            fits[number] = self._topic_labels(totals.names[number]).get(label) == value
        found: NDArray[np.bool_] = mask & fits
        return found

    def _rows_of(self, totals: Totals) -> NDArray[np.int64]:
        """Each source's row of the registry; only those new since the last time are looked up."""
        with self._lock:
            generation, rows = self._rows
            if generation != totals.generation or len(rows) > len(totals):
                rows = np.empty(0, np.int64)
            if len(rows) < len(totals):
                rows = np.concatenate([rows, self._rows_of_new(totals.names[len(rows) :])])
            self._rows = totals.generation, rows
            return rows

    def _rows_of_new(self, names: Sequence[str]) -> NDArray[np.int64]:
        rows = self._registry.rows(names)
        own = (name.startswith(_OWN) for name in names)
        rows[np.fromiter(own, np.bool_, len(names))] = _OURS
        return rows


def _heard(totals: Totals, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Those that were heard, without the city's own counts."""
    heard: NDArray[np.bool_] = (totals.arrival != NEVER) & (rows != _OURS)
    return heard


def _cut(mask: NDArray[np.bool_], *, after: int, limit: int) -> tuple[list[int], int | None]:
    found = np.flatnonzero(mask)
    found = found[np.searchsorted(found, after, side="right") :][: limit + 1].tolist()
    return (found, None) if len(found) <= limit else (found[:limit], found[limit - 1])
