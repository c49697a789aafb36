"""Judges a history by rules and files what comes of it: engine and ticket core as they are live."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from app.backtest.found import Found
from app.backtest.sources import Labels
from app.city import Ground
from citypatrol.clock import Ts
from citypatrol.history.listing import Tell
from citypatrol.history.sweep import Sweep, ahead
from citypatrol.history.words import read_words
from citypatrol.kinds import Kinds
from citypatrol.registry import Registry
from rules.hindsight import Hindsight, metrics_of
from rules.incidents import Incident
from rules.ruleset import RuleSet
from tickets.casebook import Casebook
from tickets.opening import Opener

Progress = Callable[[int, int], None]
"""Told now and then how many rows of how many have been read."""


@dataclass(frozen=True, slots=True)
class Question:
    """``since`` and ``until`` are both included; ``close_after`` as ``Casebook`` has it (ms)."""

    rules: RuleSet
    history: Path
    ground: Ground | None
    opener: Opener
    since: Ts | None = None
    until: Ts | None = None
    close_after: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """``until``: where time ended, None where there was no sample; ``samples``: that were read."""

    found: Found
    until: Ts | None
    samples: int


@contextmanager
def reckon(question: Question, *, tell: Tell, progress: Progress) -> Iterator[Answer]:
    """The answer lives inside; files that cannot be read are told to ``tell``. OSError where the
    disk says no, ValueError where a control record cannot be read."""
    ground = question.ground
    registry = ground.registry if ground is not None else Registry.empty()
    kinds = ground.file.kinds if ground is not None else Kinds()
    with TemporaryDirectory(prefix="citypatrol-backtest-") as folder:
        found = Found(Path(folder), opener=question.opener)
        try:
            yield _reckoned(question, found, Labels(registry, kinds), tell, progress)
        finally:
            found.close()


def _reckoned(
    question: Question, found: Found, labels: Labels, tell: Tell, progress: Progress
) -> Answer:
    words = read_words(question.history, since=question.since, until=question.until)
    sweep = Sweep(
        question.history,
        since=question.since,
        until=question.until,
        metrics=metrics_of(question.rules),
        tell=tell,
    )
    hindsight = Hindsight(
        question.rules,
        introduce=labels.introduce,
        first=words.first if question.ground is None else labels.corrected(words.first),
        later=words.later if question.ground is None else labels.corrected(words.later),
    )
    book = Casebook(question.opener, close_after=question.close_after)
    for piece in ahead(sweep):
        _file(hindsight.judge(piece.batch, before=piece.before), book, found)
        progress(sweep.done, sweep.rows)
    until = _end(sweep.newest, question.until, words.tick)
    if until is not None:
        _file(hindsight.end(until), book, found)
        book.advance(until)
        seen, ended = book.take()
        found.filed(seen, [*ended, *book.open()])
    found.index()
    return Answer(found, until, sweep.done)


def _end(newest: Ts | None, until: Ts | None, tick: Ts | None) -> Ts | None:
    """RULES 20; where control records say how far time had come live, it comes as far."""
    if newest is None or until is not None:
        return until if newest is not None else None
    return newest if tick is None else max(newest, tick)


def _file(incidents: list[Incident], book: Casebook, found: Found) -> None:
    if not incidents:
        return
    for incident in incidents:
        book.file(incident)
    found.add(incidents)
    found.filed(*book.take())
