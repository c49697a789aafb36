"""Alarms that are ok, of a rule that is one comparison beside ``during``, or beside ``severity`` by
steps: which of them need a look.

Such an alarm moves only where a sample holds within the hours, or where the hours begin and the
newest one holds. All others cost a few array operations. It may find too many, never too few.
"""

import numpy as np

from citypatrol.clock import Ts
from citypatrol.columns import Bytes, Column, Ints
from rules.block import NEVER, Block
from rules.book import OK, UNSELECTED
from rules.conditions import Conditions, tree_of
from rules.ruleset import EVERY_METRIC, Rule
from rules.strand import Strand
from rules.tree import Part


class Calm:
    """``mark`` and ``wake`` are those of ``CompoundRule``."""

    def __init__(
        self,
        part: Part,
        conditions: Conditions,
        *,
        code: Column[np.uint8],
        mark: Column[np.int64],
        wake: Column[np.int64],
    ) -> None:
        levels = conditions.leaves[part].levels
        assert levels is not None  # noqa: S101 - it compares
        self._levels = levels
        self._own, self._value = conditions.own, conditions.value
        self._openings = conditions.openings
        self._code, self._mark, self._wake = code, mark, wake
        self._held: Ints = np.empty(0, np.int64)

    def begin(self, block: Block) -> Ts:
        """Alarms whose first samples are in this block of the rule's own; when the first of them
        may move by time."""
        mark, wake = self._mark.data, self._wake.data
        key, ts = block.key, block.ts
        new = (mark[key] == NEVER) & (self._code_at(key) == OK)
        if block.repeats:
            new[1:] &= key[1:] != key[:-1]
        key, ts = key[new], ts[new]
        if not len(key):
            return NEVER
        following = self._openings.next(self._own.sources(key), ts)
        mark[key], wake[key] = ts, following
        return int(following.min())

    def sift(self, strand: Strand, block: Block) -> tuple[Block, Ints]:
        """What is left to look at of a strand's block, and the calm alarms that it may move."""
        code = self._code_at(block.key)
        if strand is self._value:
            holds = np.flatnonzero((code == OK) & self._levels.hold(block.key, block.value))
            self._held = key = block.key[holds]
            mark = self._mark.data[key]
            ts = np.maximum(block.ts[holds], np.where(mark == NEVER, -NEVER, mark))
            found = key[self._openings.hold(strand.sources(key), ts)]
        else:
            found = key = block.key[:0]
        return block.part(np.flatnonzero(code > OK)), found

    def rest(self, keys: Ints, until: Ints) -> np.ndarray:
        """Which of these alarms stay ok until then, whatever time does; they are moved on to it.
        After ``sift``. An array of bools."""
        code = self._code_at(keys)
        self._wake.data[keys[code == UNSELECTED]] = NEVER
        may = self._levels.hold(keys, self._value.track.value.data[keys])
        may |= np.isin(keys, self._held)
        rests: np.ndarray = (code == OK) & ~may
        calm = keys[rests]
        last, following = self._openings.passed(
            self._own.sources(calm), self._wake.data[calm], until[rests]
        )
        self._mark.data[calm] = np.maximum(self._mark.data[calm], last)
        self._wake.data[calm] = following
        rests |= code == UNSELECTED
        return rests

    def next(self, source: int, after: Ts) -> Ts:
        """When time alone may move it."""
        hours = self._openings.of(source)
        return NEVER if hours is None else hours.next(after)

    def settle(self) -> None:
        """The tick is over."""
        self._held = self._held[:0]

    def _code_at(self, keys: Ints) -> Bytes:
        return self._code.data[keys]


def calm_part(rule: Rule) -> Part | None:
    """The comparison that is all of its condition; None where it is more, or something else."""
    part = tree_of(rule)
    if rule.trees or not isinstance(part, Part) or part.comparison is None:
        return None
    return None if rule.unless is not None or rule.metric == EVERY_METRIC else part
