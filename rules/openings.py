"""The hours of many sources at once: ``during`` at the place of each."""

from typing import Final

import numpy as np

from citypatrol.clock import Ts
from citypatrol.columns import Column, Ints
from rules.block import NEVER
from rules.during import During
from rules.hours import Hours
from rules.sources import Sources

_CELLS: Final = 10
"""Of a degree: sunset differs by 24 s from one to the next. A city has few, and sources many."""
_NOT_ASKED: Final = -1
_NOWHERE: Final = 1000.0


class Openings:
    """``during`` None: always. Sources are known by their numbers; what their places are is read
    when they are enrolled."""

    def __init__(self, during: During | None, *, sources: Sources) -> None:
        self._during = during
        self._sources = sources
        self._hours: list[Hours] = []
        self._numbers: dict[tuple[float, float] | None, int] = {}
        self._at = Column(np.int32, _NOT_ASKED)

    def enrol(self, source: Ints) -> None:
        """Sources that are new, or whose labels have changed."""
        if self._during is None or not len(source):
            return
        self._at.ensure(int(source.max()) + 1)
        self._at.data[source] = self._places(self._during, source)

    def of(self, source: int) -> Hours | None:
        if self._during is None:
            return None
        if source >= len(self._at.data) or self._at.data[source] == _NOT_ASKED:
            self.enrol(np.array([source]))
        return self._hours[int(self._at.data[source])]

    def hold(self, source: Ints, ts: Ints) -> np.ndarray:
        """Whether the hours of each source are known to hold at each instant."""
        if self._during is None:
            return np.ones(len(source), bool)
        found = np.zeros(len(source), bool)
        at = self._at.data[source]
        for number in np.unique(at).tolist():
            hours = self._hours[number]
            if hours.is_known:
                mine = at == number
                found[mine] = hours.hold(ts[mine])
        return found

    def next(self, source: Ints, ts: Ints) -> Ints:
        """The first instant after each in which the hours of the source may begin or end."""
        found = np.full(len(source), NEVER)
        if self._during is None:
            return found
        at = self._at.data[source]
        for number in np.unique(at).tolist():
            mine = at == number
            found[mine] = self._hours[number].following(ts[mine])
        return found

    def passed(self, source: Ints, since: Ints, until: Ints) -> tuple[Ints, Ints]:
        """From ``since`` to ``until``, both included, the last instant in which the hours of each
        source began or ended, ``-NEVER`` where they did not; and the next one after it all."""
        last, following = np.full(len(source), -NEVER), np.full(len(source), NEVER)
        if self._during is None or not len(source):
            return last, following
        asked = np.stack([self._at.data[source], since, until])
        each, which = np.unique(asked, axis=1, return_inverse=True)
        known = np.array([self._steps(*one) for one in each.T.tolist()])
        last[:], following[:] = known[which.ravel()].T
        return last, following

    def _steps(self, number: int, at: Ts, until: Ts) -> tuple[Ts, Ts]:
        hours, last = self._hours[number], -NEVER
        while at <= until:
            if hours.holds(at) != hours.holds(at - 1):
                last = at
            at = hours.next(at)
        return last, at

    def _places(self, during: During, source: Ints) -> Ints:
        """The number of the hours at each of these sources."""
        if not during.by_the_sun:
            return np.full(len(source), self._number(during, None))
        lat, lon = (self._sources.cells(source, label, default=None) for label in ("lat", "lon"))
        known = (np.abs(lat) <= 90) & (np.abs(lon) <= 180)  # of NaN too
        spot = np.full(len(source), complex(_NOWHERE, 0))
        spot[known] = (np.round(lat * _CELLS) + 1j * np.round(lon * _CELLS))[known]
        each, which = np.unique(spot, return_inverse=True)
        numbers = [
            self._number(
                during,
                during.place if one.real == _NOWHERE else (one.real / _CELLS, one.imag / _CELLS),
            )
            for one in each.tolist()
        ]
        return np.array(numbers)[which]

    def _number(self, during: During, place: tuple[float, float] | None) -> int:
        known = self._numbers.get(place)
        if known is None:
            known = self._numbers[place] = len(self._hours)
            self._hours.append(Hours(during, place=place))
        return known
