"""Which samples may move an alarm of which rule: most rules never look at most samples.

Per key the sieve knows from where to where a value leaves every alarm where it is, those that are
ok and those that fire, in one pair of columns for all rules of a metric that compare the same
thing. So a batch costs a few array operations however many rules there are; rules look at what is
left. It may keep too much, never too little: each rule judges exactly.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from citypatrol.columns import Column, Ints
from rules.block import Block
from rules.book import OK
from rules.comparison import Reading
from rules.series import Table
from rules.sources import Sources
from rules.teams import INF, Teams
from rules.threshold import ThresholdRule, selected

_AT_ONCE: Final = 50_000
_NOBODY: Final = np.empty(0, np.int64)


class Sieve:
    """The rules of one table that compare the newest value, or the same window.

    A key rests at values from ``_low`` on and below ``_high``; from ``INF`` to ``-INF`` its next
    sample is looked at whatever it is.
    """

    def __init__(self, table: Table, reading: Reading | None, *, sources: Sources) -> None:
        self.reading = reading
        self.rules: list[ThresholdRule] = []
        self._table = table
        self._sources = sources
        self._low = Column(np.float64, -INF)
        self._high = Column(np.float64, INF)
        self._team = Column(np.int32, 0)
        self._cuts: list[Sequence[float]] = []
        self._teams = Teams(self._cuts)

    def add(self, rule: ThresholdRule) -> None:
        """Before any key is there."""
        self.rules.append(rule)
        self._cuts.append(() if rule.levels.by_label else rule.levels.cuts_of(_NOBODY))

    def enrol(self, keys: Ints) -> None:
        """Keys that are new, or whose sources' labels have changed."""
        for begin in range(0, len(keys), _AT_ONCE):
            self._enrol(keys[begin : begin + _AT_ONCE])

    def sift(self, block: Block) -> tuple[Block, Sequence[ThresholdRule]]:
        """The rows in which an alarm may move, and the rules whose it may be. Where there are any
        ``settle`` is to follow."""
        key, value = block.key, block.says(self.reading)
        low = self._low.data[key]
        kept = (value < low) | (value >= self._high.data[key])
        if self.reading is not None:  # else every value is known
            kept |= low == INF
        rows = np.flatnonzero(kept)
        if not len(rows):
            return block, ()
        part = block.part(block.whole(rows))
        rules = self._teams.members(self._team.data[part.key])
        return part, [self.rules[at] for at in rules]

    def settle(
        self, block: Block, rules: Iterable[ThresholdRule], restless: Iterable[Ints]
    ) -> None:
        """What was sifted is judged by these rules; ``restless``: the keys of which they want to
        see the next sample whatever it is."""
        key, value = block.key, block.says(self.reading)
        low, high = self._teams.between(self._team.data[key], value)
        for rule in rules:
            for cut in rule.levels.cuts_of(key) if rule.levels.by_label else ():
                low = np.where(cut <= value, np.maximum(low, cut), low)
                high = np.where(cut > value, np.minimum(high, cut), high)
        self._low.data[key], self._high.data[key] = low, high  # of several the last one stays
        for keys in (key[np.isnan(value)], *restless):
            self._low.data[keys], self._high.data[keys] = INF, -INF

    def _enrol(self, keys: Ints) -> None:
        source = self._table.source.data[keys]
        low, high = np.full(len(keys), -INF), np.full(len(keys), INF)
        restless = np.zeros(len(keys), bool)
        team = np.zeros((len(keys), -(-len(self.rules) // 8)), np.uint8)
        chosen_by: dict[tuple[tuple[str, tuple[str, ...]], ...], np.ndarray] = {}
        for at, rule in enumerate(self.rules):
            chosen = chosen_by.get(rule.rule.where)
            if chosen is None:
                chosen = selected(rule.rule, source, self._sources)
                chosen_by[rule.rule.where] = chosen
            if rule.enrol(keys, chosen):
                team[:, at >> 3] |= chosen.view(np.uint8) << np.uint8(at & 7)
                restless |= rule.book.code.data[keys] > OK
                begin, end = rule.levels.cuts_of(keys)
                word = rule.levels.word
                if word in ("between", "equals"):  # it rests on both sides
                    restless |= chosen
                if word in ("below", "outside"):
                    least = end if word == "below" else begin
                    low = np.where(chosen, np.fmax(low, least), low)
                if word in ("above", "outside"):
                    most = begin if word == "above" else end
                    high = np.where(chosen, np.fmin(high, most), high)
        low[restless], high[restless] = INF, -INF
        for column, data in ((self._low, low), (self._high, high)):
            column.ensure(self._table.size)
            column.data[keys] = data
        self._team.ensure(self._table.size)
        self._team.data[keys] = self._teams.numbers(team)
