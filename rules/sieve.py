"""Which samples may move an alarm of which rule: most rules never look at most samples.

Per key the sieve knows from where to where a value leaves every alarm that is ok where it is, in
one pair of columns for all rules of a metric that compare the same thing. So a batch costs a few
array operations however many rules there are; rules look at what is left. It may keep too much,
never too little: each rule judges exactly.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from citypatrol.columns import Codes, Column, Ints
from rules.block import Block
from rules.comparison import Reading
from rules.series import Table
from rules.sources import Sources
from rules.threshold import ThresholdRule, selected

_INF: Final = float("inf")
_AT_ONCE: Final = 50_000


class Sieve:
    """The rules of one table that compare the newest value, or the same window.

    ``awake``: how many alarms of a key are not ok; those are looked at whatever comes.
    """

    def __init__(self, table: Table, reading: Reading | None, *, sources: Sources) -> None:
        self.reading = reading
        self.rules: list[ThresholdRule] = []
        self.awake = Column(np.int32, 0)
        self._table = table
        self._sources = sources
        self._low = Column(np.float64, -_INF)
        self._high = Column(np.float64, _INF)
        self._begin = Column(np.float64, _INF)
        self._end = Column(np.float64, -_INF)
        self._holds_between = False
        self._team = Column(np.int32, 0)
        self._teams = Teams()

    def add(self, rule: ThresholdRule) -> None:
        """Before any key is there."""
        self.rules.append(rule)
        rule.book.watched(self.awake)
        self._holds_between |= rule.levels.word in ("between", "equals")

    def enrol(self, keys: Ints) -> None:
        """Keys that are new, or whose sources' labels have changed."""
        for begin in range(0, len(keys), _AT_ONCE):
            self._enrol(keys[begin : begin + _AT_ONCE])

    def sift(self, block: Block) -> tuple[Block, Sequence[ThresholdRule]]:
        """The rows in which an alarm may move, and the rules whose it may be."""
        key, value = block.key, block.says(self.reading)
        kept = (value < self._low.data[key]) | (value > self._high.data[key])
        kept |= self.awake.data[key] > 0
        if self._holds_between:
            kept |= (value >= self._begin.data[key]) & (value <= self._end.data[key])
        rows = np.flatnonzero(kept)
        if not len(rows):
            return block, ()
        part = block.part(block.whole(rows))
        rules = self._teams.members(self._team.data[part.key])
        return part, [self.rules[at] for at in rules]

    def _enrol(self, keys: Ints) -> None:
        size = int(keys.max()) + 1
        source = self._table.source.data[keys]
        bounds = (self._low, self._high, self._begin, self._end)
        for column, nothing in zip(bounds, (-_INF, _INF, _INF, -_INF), strict=True):
            column.ensure(size)
            column.data[keys] = nothing
        self.awake.ensure(size)
        self._team.ensure(size)
        team = np.zeros((len(keys), -(-len(self.rules) // 8)), np.uint8)
        chosen_by: dict[tuple[tuple[str, tuple[str, ...]], ...], np.ndarray] = {}
        for at, rule in enumerate(self.rules):
            chosen = chosen_by.get(rule.rule.where)
            if chosen is None:
                chosen = selected(rule.rule, source, self._sources)
                chosen_by[rule.rule.where] = chosen
            if rule.enrol(keys, chosen):
                self._loosen(rule, keys[chosen])
                team[:, at >> 3] |= chosen.view(np.uint8) << np.uint8(at & 7)
        self._team.data[keys] = self._teams.numbers(team)

    def _loosen(self, rule: ThresholdRule, keys: Ints) -> None:
        """What this rule waits for at these keys."""
        word = rule.levels.word
        low, high = rule.levels.bounds(keys)
        if word in ("between", "equals"):
            self._begin.data[keys] = np.fmin(self._begin.data[keys], low)
            self._end.data[keys] = np.fmax(self._end.data[keys], high)
        if word in ("below", "outside"):
            least = high if word == "below" else low
            self._low.data[keys] = np.fmax(self._low.data[keys], least)
        if word in ("above", "outside"):
            most = low if word == "above" else high
            self._high.data[keys] = np.fmin(self._high.data[keys], most)


class Teams:
    """Sets of rules, numbered as they appear: a city's series have few of them."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._bits = np.zeros((0, 0), np.uint8)

    def numbers(self, team: np.ndarray) -> Codes:
        """The number of each row, a bit a rule."""
        width = team.shape[1]
        packed = np.ascontiguousarray(team).view(np.dtype((np.void, width))).ravel()
        each, which = np.unique(packed, return_inverse=True)
        known = len(self._numbers)
        found = [self._numbers.setdefault(one.tobytes(), len(self._numbers)) for one in each]
        if len(self._numbers) > len(self._bits):
            bits = np.zeros((max(16, 2 * len(self._numbers)), width), np.uint8)
            if known:
                bits[:known] = self._bits[:known]
            self._bits = bits
        self._bits[found] = each.view(np.uint8).reshape(len(each), width)
        return np.array(found, np.int32)[which]

    def members(self, teams: Codes) -> list[int]:
        """The rules in any of these."""
        bits = np.bitwise_or.reduce(self._bits[teams], axis=0)
        return np.flatnonzero(np.unpackbits(bits, bitorder="little")).tolist()
