"""One part of a joined rule at work: whose samples it looks at, and what they come to."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from citypatrol.clock import Ts
from citypatrol.columns import Ints
from rules.block import NEVER, Block
from rules.levels import Levels
from rules.relations import Groups
from rules.ruleset import SITE
from rules.sources import Sources
from rules.strand import Strand
from rules.tree import Part, Truth, every, some

Series = tuple[Strand, int]
Newest = Mapping[Series, tuple[Ts, float]]
"""Timestamp and value of each series at some instant, ``NEVER`` where there is none."""

_NOBODY: Final = -1


class Leaf:
    """``stale`` of the rule, None for that of the series' source."""

    def __init__(self, part: Part, strand: Strand, *, sources: Sources, stale: int | None) -> None:
        self.part = part
        self.strand = strand
        self._sources = sources
        self._stale = stale
        self.levels = None if part.comparison is None else Levels(part.comparison)
        self._chosen = Groups(self._by_site)

    def enrol(self, keys: Ints) -> None:
        """Series of the strand that are new, or whose source's labels have changed."""
        if self.levels is not None:
            source, size = self.strand.sources(keys), int(keys.max()) + 1
            self.levels.enrol(keys, source, self._sources, size=size)

    def changed(self) -> None:
        """Some source has other labels, or there are new ones."""
        self._chosen.change()

    def series(self, source: int) -> Sequence[Series]:
        """What it looks at for an alarm of this source."""
        if self.part.site is not None:
            site = int(self._sources.codes(np.array([source]), SITE)[0])
            return [(self.strand, key) for key in self._chosen.of(site).tolist()]
        keys = [self.strand.key(source)]
        parent = int(self._sources.parent.data[source])
        if self.part.metric is not None and parent != source:
            keys.append(self.strand.key(parent))
        return [(self.strand, key) for key in keys if key != _NOBODY]

    def truth(self, series: Sequence[Series], newest: Newest, *, at: Ts) -> Truth:
        """Of all these at an instant, by their newest samples. One that is newer than the instant
        has not moved it: else the alarm would stand at that sample by now."""
        if self.part.site is not None:
            heard = [one for one in series if newest[one][0] != NEVER]
            if not heard:
                return None
            each = (self._of_one(one, newest, at=at) for one in heard)
            return some(each) if self.part.site == "any" else every(each)
        for one in series:  # the source's own word, else its parent's
            ts = newest[one][0]
            if ts != NEVER and (self.part.missing is not None or at < ts + self._life(one)):
                return self._of_one(one, newest, at=at)
        return None

    def ends(self, series: Sequence[Series], newest: Newest) -> Iterator[Ts]:
        """When that may change without a sample."""
        for one in series:
            ts = newest[one][0]
            if ts != NEVER:
                yield ts + (self._life(one) if self.part.missing is None else self.part.missing)

    def moves(self, block: Block, *, walked: Ints) -> np.ndarray:
        """Which rows of the strand's block may change its truth: an array of bools. ``walked``: how
        far time had come for each before it; what was silent or dead by then is heard again."""
        ts, value, _ = block.before(np.arange(len(block)))
        gap = block.ts - ts
        found: np.ndarray = ts == NEVER
        if self.levels is None:
            silent = self.part.missing or 0
            found |= (gap > silent) | (ts + silent <= walked)
            return found
        before, after = (self.levels.hold(block.key, v) for v in (value, block.value))
        sources = self.strand.sources(block.key)
        life = self._sources.stale.data[sources] if self._stale is None else self._stale
        unknown = np.isnan(value) != np.isnan(block.value)
        found |= (before != after) | unknown | (gap > life) | (ts + life <= walked)
        return found

    def _of_one(self, one: Series, newest: Newest, *, at: Ts) -> Truth:
        ts, value = newest[one]
        if self.levels is None:
            return at >= ts + (self.part.missing or 0)
        if at >= ts + self._life(one) or value != value:
            return None
        return self.levels.holds(one[1], value)

    def _life(self, one: Series) -> int:
        if self._stale is not None:
            return self._stale
        strand, key = one
        source = key if strand.table is None else int(strand.table.source.data[key])
        return int(self._sources.stale.data[source])

    def _by_site(self) -> tuple[Ints, Ints]:
        """The strand's series that ``where`` selects, and the site of each."""
        table = self.strand.table
        keys = np.arange(0 if table is None else table.size)
        source = self.strand.sources(keys)
        for label, values in self.part.where:
            chosen = self._sources.with_label(source, label, values)
            keys, source = keys[chosen], source[chosen]
        return keys, self._sources.codes(source, SITE)
