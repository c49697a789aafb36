"""Who judges the pieces of a history: this process, or others beside it with the same outcome."""

import os
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from app.backtest.sources import Labels
from citypatrol.clock import Ts
from citypatrol.history.sweep import Piece
from citypatrol.history.words import Words
from rules.hindsight import Hindsight
from rules.incidents import Incident
from rules.ruleset import RuleSet
from rules.selection import Selection

Said = Sequence[list[Incident]]
"""What each rule set says of one piece, in order of time."""

_ROWS_WORTH_IT: Final = 5_000_000
_MOST: Final = 4  # one thread reads for all of them


class Judges(Protocol):
    def judge(self, piece: Piece) -> Iterator[Said]:
        """What is known by now of this piece and of those before it, each once and in order."""

    def end(self, until: Ts | None) -> Iterator[Said]:
        """The rest; ``until``: the end of time, None where there was no sample."""

    def selections(self) -> Sequence[list[Selection]]:
        """What the rules of each rule set have judged; after the end."""

    def close(self) -> None: ...


class Alone:
    """All rule sets in this process."""

    def __init__(
        self, rule_sets: Sequence[RuleSet], *, labels: Labels, words: Words, mode: str
    ) -> None:
        self._hindsights = [
            Hindsight(
                rules,
                introduce=labels.introduce,
                first=words.first,
                later=words.later,
                mode=mode,
            )
            for rules in rule_sets
        ]

    def judge(self, piece: Piece) -> Iterator[Said]:
        yield [one.judge(piece.batch, before=piece.before) for one in self._hindsights]

    def end(self, until: Ts | None) -> Iterator[Said]:
        if until is not None:
            yield [one.end(until) for one in self._hindsights]

    def selections(self) -> Sequence[list[Selection]]:
        return [one.selections() for one in self._hindsights]

    def close(self) -> None:
        """Nothing is open."""


def processes_for(rule_sets: Sequence[RuleSet], *, rows: int) -> int:
    """How many are worth it; 1: judge alone. A rule that joins sources of one site needs all of
    them where they are labelled, and labels may change."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if rows < _ROWS_WORTH_IT or any(map(_by_site, rule_sets)):
        return 1
    return min(cores or 1, _MOST)


def _by_site(rules: RuleSet) -> bool:
    return any(part.site is not None for rule in rules.in_every_mode for part in rule.parts)
