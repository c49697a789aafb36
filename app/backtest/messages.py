"""What a backtest's processes tell each other: a message is a pickle on a pipe."""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

from citypatrol.clock import Ts
from citypatrol.columns import Codes, Floats, Ints
from citypatrol.history.words import Word
from rules.announced import Announced
from rules.ruleset import RuleSet


@dataclass(frozen=True, slots=True)
class Begin:
    """``first``, ``later`` and ``mode`` as ``Hindsight`` has them."""

    rule_sets: Sequence[RuleSet]
    first: Sequence[Word]
    later: Sequence[Word]
    mode: str


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a piece. ``sources``: names that are new, whose codes go on from those before;
    ``announced``: what is known of them. Time goes on to ``now``."""

    sources: Sequence[str]
    announced: Announced | None
    metrics: tuple[str, ...]
    source: Codes
    metric: Codes
    ts: Ints
    value: Floats
    before: Ts
    now: Ts


@dataclass(frozen=True, slots=True)
class End:
    until: Ts


@dataclass(frozen=True, slots=True)
class Which:
    """What have the rules judged?"""


Question = Part | End | Which


def send(pipe: IO[bytes], message: Any) -> None:
    pickle.dump(message, pipe, protocol=5)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:
    """Raises EOFError at the pipe's end."""
    return pickle.load(pipe)  # noqa: S301 - from our own process
