"""Which alarms a series may move: its own source's, its regions', those of its site."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from citypatrol.columns import Column, Ints
from rules.ruleset import SITE
from rules.sources import Sources

_LEVELS: Final = 3
_NOBODY: Final[Ints] = np.empty(0, np.int64)


class Groups:
    """Keys by the site of their sources. ``keys`` says which there are; it is asked again after
    ``change``."""

    def __init__(self, keys: Callable[[], tuple[Ints, Ints]]) -> None:
        self._keys = keys
        self._found: dict[int, Ints] | None = None

    def change(self) -> None:
        self._found = None

    def of(self, group: int) -> Ints:
        """The keys of this group; none of group 0, which stands for no site."""
        if self._found is None:
            keys, group_of = self._keys()
            order = np.argsort(group_of, kind="stable")
            groups, first = np.unique(group_of[order], return_index=True)
            parts = np.split(keys[order], first[1:])
            self._found = dict(zip(groups.tolist(), parts, strict=True)) if len(keys) else {}
        return self._found.get(group, _NOBODY) if group else _NOBODY


class Waits:
    """The lateness of a source together with those that its rules read beside it: all of its site,
    or its camera and the other regions. Worked out anew when a source is new or was changed."""

    def __init__(self, sources: Sources, *, by_site: bool) -> None:
        self._sources = sources
        self._by_site = by_site
        self._waits: Ints = _NOBODY

    def change(self) -> None:
        self._waits = _NOBODY

    def of(self, source: Ints) -> Ints:
        if not self._sources.patient:
            return np.zeros(len(source), np.int64)
        if len(self._waits) < len(self._sources):
            self._waits = self._work_out()
        return self._waits[source]

    def _work_out(self) -> Ints:
        size = len(self._sources)
        every = np.arange(size)
        lateness = self._sources.lateness.data[:size]
        family = every
        for _ in range(_LEVELS):
            family = self._sources.parent.data[family]
        if self._by_site:
            site = self._sources.codes(every, SITE).astype(np.int64)
            family = np.where(site > 0, size + site, family)
        most = np.zeros(int(family.max(initial=0)) + 1, np.int64)
        np.maximum.at(most, family, lateness)
        return most[family]


class Children:
    """The keys of the sources below each source: a camera's regions."""

    def __init__(self) -> None:
        self._keys: dict[int, list[int]] = {}
        self._known = Column(np.bool_, False)

    def add(self, keys: Ints, parents: Ints, own: Ints) -> None:
        """``own``: the keys' sources, which are their own parents where they have none."""
        if not len(keys):
            return
        self._known.ensure(int(keys.max()) + 1)
        fresh = np.flatnonzero((parents != own) & ~self._known.data[keys])
        for key, parent in zip(keys[fresh].tolist(), parents[fresh].tolist(), strict=True):
            self._keys.setdefault(parent, []).append(key)
        self._known.data[keys[fresh]] = True

    def of(self, source: int) -> Sequence[int]:
        return self._keys.get(source, ())
