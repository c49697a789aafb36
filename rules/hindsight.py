"""Judges the past (RULES 20, 26): samples in order of time, and time passes with them. Pure.

Samples that came too late live are left out by whoever reads them; those that were in time need no
waiting once they are in order (RULES 4), so no source has a lateness here.
"""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

import numpy as np

from citypatrol.clock import Ts
from citypatrol.history.words import Word
from citypatrol.records import ModeSwitched, Record, SourceSeen, Tick
from citypatrol.samples import Batch
from rules.announced import Announced
from rules.compound import reads
from rules.engine import Engine
from rules.explain_alarm import Explanation
from rules.incidents import Incident
from rules.ruleset import EVERY_METRIC, NORMAL, RuleSet
from rules.selection import Selection

_MOST_ROWS: Final = 50_000


class Hindsight:
    """The live engine over what has been. ``first`` and ``later``: control words in order of time;
    ``introduce`` tells of sources that none of them names; ``mode`` is the city's own, before any
    of them says another."""

    def __init__(
        self,
        rules: RuleSet,
        *,
        introduce: Callable[[Sequence[str]], Announced],
        first: Sequence[Word] = (),
        later: Sequence[Word] = (),
        mode: str = NORMAL,
    ) -> None:
        self._engine = Engine(rules)
        self._engine.fold([ModeSwitched(0, mode)])
        self._introduce = introduce
        self._introduced = 0
        self._later = list(later)[::-1]
        self._known = {one.source for one in first if isinstance(one, SourceSeen)}
        self._engine.fold([_prompt(one) for one in first])

    def judge(self, batch: Batch, *, before: Ts, now: Ts | None = None) -> list[Incident]:
        """What these samples bring, in order of their instants; all that follow are of ``before``
        or newer. A batch's ``sources`` go on from those of the one before. ``now``: the newest
        sample, where it lies with somebody else."""
        records: list[Record] = []
        if self._introduced < len(batch.sources):
            new = [s for s in batch.sources[self._introduced :] if s not in self._known]
            self._engine.introduce(self._introduce(new))
            self._introduced = len(batch.sources)
        begin = 0
        while self._later and self._later[-1].ts < before:
            word = self._later.pop()
            end = int(np.searchsorted(batch.ts, word.ts))
            if end > begin:
                records += _parts(batch, begin, end)
            records.append(_prompt(word))
            begin = end
        records += _parts(batch, begin, len(batch))
        if now is None and len(batch):
            now = int(batch.ts[-1])
        if now is not None:  # and not before - 1: no silence until a sample tells of it
            records.append(Tick(now))
        return self._engine.fold(records)

    def end(self, at: Ts) -> list[Incident]:
        """What timers bring until the end of time."""
        return self._engine.fold([Tick(at)])

    def selections(self) -> list[Selection]:
        """What each rule has judged."""
        return self._engine.selections()

    def explain(self, rule: str, *, source: str) -> Explanation:
        """As of the newest instant. Raises Unexplained."""
        return self._engine.explain(rule, source=source)


def metrics_of(rules: RuleSet) -> AbstractSet[str] | None:
    """The metrics that some rule reads; None: every one."""
    if any(rule.metric == EVERY_METRIC for rule in rules.rules):
        return None
    return {metric for rule in rules.in_every_mode for metric in reads(rule)}


def _prompt(word: Word) -> Word:
    return replace(word, lateness=0) if isinstance(word, SourceSeen) and word.lateness else word


def _parts(batch: Batch, begin: int, end: int) -> Iterator[Batch]:
    """Rows as batches with fewer rows than a city has names: those the engine looks up but once."""
    for at in range(begin, end, _MOST_ROWS):
        yield batch.rows(slice(at, min(at + _MOST_ROWS, end)))
