"""Judges a history by rules and files what comes of it: engine and ticket core as they are live."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from app.backtest.apart import Apart
from app.backtest.found import Found
from app.backtest.judging import Alone, Judges, Said, processes_for
from app.backtest.sources import Labels
from app.city import Ground
from citypatrol.clock import Ts
from citypatrol.history.listing import Tell
from citypatrol.history.sweep import Sweep, ahead
from citypatrol.history.words import Words, read_words
from citypatrol.kinds import Kinds
from citypatrol.registry import Registry
from rules.hindsight import metrics_of
from rules.incidents import Incident
from rules.ruleset import NORMAL, RuleSet
from rules.selection import Selection
from tickets.casebook import Casebook
from tickets.opening import Opener

Progress = Callable[[int, int], None]
"""Told now and then how many rows of how many have been read."""


@dataclass(frozen=True, slots=True)
class Question:
    """``since`` and ``until`` are both included; ``close_after`` as ``Casebook`` has it (ms);
    ``city``: the file that ``ground`` was read from."""

    rules: RuleSet
    history: Path
    ground: Ground | None
    opener: Opener
    since: Ts | None = None
    until: Ts | None = None
    close_after: int | None = None
    city: Path | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """``since`` and ``until``: from where and to where time went, None where there was no sample;
    ``samples``: that were read, of ``metrics``. ``selections``: what each rule has judged."""

    found: Found
    until: Ts | None
    samples: int
    since: Ts | None = None
    metrics: Sequence[str] = ()
    selections: Sequence[Selection] = ()


@contextmanager
def reckon(question: Question, *, tell: Tell, progress: Progress) -> Iterator[Answer]:
    """The answer lives inside; files that cannot be read are told to ``tell``. OSError where the
    disk says no, ValueError where a control record cannot be read."""
    with reckon_each(question, [question.rules], tell=tell, progress=progress) as answers:
        yield answers[0]


@contextmanager
def reckon_each(
    question: Question,
    rule_sets: Sequence[RuleSet],
    *,
    tell: Tell,
    progress: Progress,
    processes: int | None = None,
) -> Iterator[Sequence[Answer]]:
    """``reckon`` of several rule sets, in one reading of the history: an answer each, in order.
    ``processes``: how many judge, by default as many as are worth it; the answer is the same."""
    with TemporaryDirectory(prefix="citypatrol-backtest-") as name:
        words = read_words(question.history, since=question.since, until=question.until)
        sweep = Sweep(
            question.history,
            since=question.since,
            until=question.until,
            metrics=_metrics(rule_sets),
            tell=tell,
        )
        benches: list[_Bench] = []
        try:
            for at in range(len(rule_sets)):
                folder = Path(name, str(at))
                folder.mkdir()
                benches.append(_Bench(question, folder))
            count = processes or processes_for(rule_sets, rows=sweep.rows)
            with closing(_judges(question, rule_sets, words, count)) as judges:
                answers = _reckoned(question, sweep, judges, benches, words.tick, progress)
            yield answers
        finally:
            for bench in benches:
                bench.found.close()


def _judges(question: Question, rule_sets: Sequence[RuleSet], words: Words, count: int) -> Judges:
    ground = question.ground
    labels = Labels(
        ground.registry if ground is not None else Registry.empty(),
        ground.file.kinds if ground is not None else Kinds(),
    )
    if ground is not None:
        first, later = labels.corrected(words.first), labels.corrected(words.later)
        words = replace(words, first=first, later=later)
    mode = NORMAL if ground is None else ground.file.mode
    if count == 1:
        return Alone(rule_sets, labels=labels, words=words, mode=mode)
    return Apart(rule_sets, labels=labels, words=words, mode=mode, count=count)


def _reckoned(
    question: Question,
    sweep: Sweep,
    judges: Judges,
    benches: Sequence["_Bench"],
    tick: Ts | None,
    progress: Progress,
) -> Sequence[Answer]:
    for piece in ahead(sweep):
        for said in judges.judge(piece):
            _file(benches, said)
        progress(sweep.done, sweep.rows)
    until = _end(sweep.newest, question.until, tick)
    for said in judges.end(until):
        _file(benches, said)
    for bench in benches:
        bench.end(until)
    since = sweep.begin
    if since is not None and question.since is not None:
        since = max(since, question.since)
    each = zip(benches, judges.selections(), strict=True)
    return [
        Answer(bench.found, until, sweep.done, since, sweep.metrics, selected)
        for bench, selected in each
    ]


class _Bench:
    """What one rule set says of one history, on its way to tickets."""

    def __init__(self, question: Question, folder: Path) -> None:
        self.found = Found(folder, opener=question.opener)
        self._book = Casebook(question.opener, close_after=question.close_after)

    def file(self, incidents: list[Incident]) -> None:
        if not incidents:
            return
        for incident in incidents:
            self._book.file(incident)
        self.found.add(incidents)
        self.found.filed(*self._book.take())

    def end(self, until: Ts | None) -> None:
        if until is not None:
            self._book.advance(until)
            seen, ended = self._book.take()
            self.found.filed(seen, [*ended, *self._book.open()])
        self.found.index()


def _file(benches: Sequence[_Bench], said: Said) -> None:
    for bench, incidents in zip(benches, said, strict=True):
        bench.file(incidents)


def _metrics(rule_sets: Sequence[RuleSet]) -> set[str] | None:
    """Those that some rule set reads; None: all."""
    found: set[str] = set()
    for rules in rule_sets:
        metrics = metrics_of(rules)
        if metrics is None:
            return None
        found.update(metrics)
    return found


def _end(newest: Ts | None, until: Ts | None, tick: Ts | None) -> Ts | None:
    """RULES 20; where control records say how far time had come live, it comes as far."""
    if newest is None or until is not None:
        return until if newest is not None else None
    return newest if tick is None else max(newest, tick)
