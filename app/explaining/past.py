"""Explains an instant of the past: the engine plays the history up to it, for one source alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from app.backtest.reckoning import Progress, Question
from app.backtest.sources import Labels
from app.explaining.filed import Filed, filed
from citypatrol.clock import Ts
from citypatrol.columns import Codes
from citypatrol.history.listing import Tell
from citypatrol.history.sweep import Sweep, ahead
from citypatrol.history.words import read_words
from citypatrol.kinds import Kinds
from citypatrol.records import SourceSeen
from citypatrol.registry import Registry
from citypatrol.samples import Batch
from rules.explain import Unexplained, differing, nearest
from rules.explain_alarm import Explanation
from rules.hindsight import Hindsight, metrics_of
from rules.incidents import Incident
from rules.ruleset import EVERY_METRIC, NORMAL, Rule, RuleSet
from tickets.casebook import Casebook

DAY_MS: Final = 86_400_000
_TIMES: Final = 4
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Explained:
    """``since``: from where the history was judged. ``filed``: what became of its incident."""

    explanation: Explanation
    since: Ts
    filed: Filed


def explain_past(
    question: Question, rule: Rule, source: str, *, tell: Tell, progress: Progress
) -> Explained:
    """``question.rules`` is not looked at. Raises Unexplained; OSError and ValueError as ``reckon``
    has them."""
    until, since = _span(question, rule, tell)
    metrics = metrics_of(RuleSet((rule,)))
    sweep = Sweep(question.history, since=since, until=until, metrics=metrics, tell=tell)
    wanted = None if _joins_sources(rule) else _with_parents(source)
    chosen = _Chosen(wanted, source)
    hindsight = _hindsight(question, rule, since, until, wanted)
    book = Casebook(question.opener, close_after=question.close_after)
    for piece in ahead(sweep):
        incidents = hindsight.judge(chosen.of(piece.batch), before=piece.before)
        _file(book, incidents)
        progress(sweep.done, sweep.rows)
    _file(book, hindsight.end(until))
    book.advance(until)
    if source not in sweep.sources:
        message = _never(question, rule, source, sweep.sources)
        raise Unexplained(message)
    if not chosen.sent:
        message = _unread(rule, source, sweep.metrics)
        raise Unexplained(message)
    explanation = hindsight.explain(rule.name, source=source)
    return Explained(explanation, since, filed(book, rule, explanation, until=until))


class _Chosen:
    """Rows of some sources only, so that a city of them costs nothing; None: of all. ``sent``: some
    were of ``source``."""

    def __init__(self, wanted: Sequence[str] | None, source: str) -> None:
        self.sent = False
        self._heard: tuple[str, ...] = ()
        self._wanted = wanted
        self._source = source
        self._codes: Codes = np.empty(0, np.int32)

    def of(self, batch: Batch) -> Batch:
        found = self._of(batch)
        if not self.sent and self._source in found.sources:
            self.sent = bool((found.source == found.sources.index(self._source)).any())
        return found

    def _of(self, batch: Batch) -> Batch:
        known = len(self._heard)
        self._heard = batch.sources
        if self._wanted is None:
            return batch
        new = [_place(name, self._wanted) for name in batch.sources[known:]]
        self._codes = np.concatenate([self._codes, np.array(new, np.int32)])
        codes = self._codes[batch.source]
        rows = codes >= 0
        return replace(batch.rows(rows), sources=tuple(self._wanted), source=codes[rows])


def _place(name: str, wanted: Sequence[str]) -> int:
    return wanted.index(name) if name in wanted else -1


def _hindsight(
    question: Question, rule: Rule, since: Ts, until: Ts, wanted: Sequence[str] | None
) -> Hindsight:
    ground = question.ground
    labels = Labels(
        ground.registry if ground is not None else Registry.empty(),
        ground.file.kinds if ground is not None else Kinds(),
    )
    words = read_words(question.history, since=since, until=until)
    first, later = (
        [
            word
            for word in some
            if wanted is None or not isinstance(word, SourceSeen) or word.source in wanted
        ]
        for some in (words.first, words.later)
    )
    return Hindsight(
        RuleSet((rule,)),
        introduce=labels.introduce,
        first=first if ground is None else labels.corrected(first),
        later=later if ground is None else labels.corrected(later),
        mode=NORMAL if ground is None else ground.file.mode,
    )


def _span(question: Question, rule: Rule, tell: Tell) -> tuple[Ts, Ts]:
    """Up to when, and from when: long enough before it for every timer of the rule."""
    until = question.until
    if until is None:
        until = Sweep(question.history, tell=tell).end
        if until is None:
            message = f"{question.history}: there is no sample"
            raise Unexplained(message)
    if question.since is not None:
        return until, question.since
    parts = [part.missing or 0 for part in rule.parts]
    spans = [part.window.span for part in rule.parts if part.window is not None]
    window = rule.when.window.span if rule.when.window is not None else 0
    waits = [
        rule.when.hold_for,
        rule.clear.hold_for,
        rule.when.missing or 0,
        window,
        *parts,
        *spans,
    ]
    return until, until - max(DAY_MS, _TIMES * max(waits))


def _joins_sources(rule: Rule) -> bool:
    return any(part.site is not None for part in rule.parts)


def _with_parents(source: str) -> list[str]:
    found = [source]
    while "/" in found[-1]:
        found.append(found[-1].rpartition("/")[0])
    return found


def _file(book: Casebook, incidents: Sequence[Incident]) -> None:
    for incident in incidents:
        book.file(incident)


def _unread(rule: Rule, source: str, metrics: Sequence[str]) -> str:
    """Of a source that has sent other things."""
    what = "nothing" if rule.metric == EVERY_METRIC else f"no {rule.metric}"
    message = f"{source} has sent {what} in this time"
    if rule.metric in (EVERY_METRIC, *metrics):
        return f"{message}, so rule '{rule.name}' judges nothing there"
    near = nearest(rule.metric, metrics) or f"; there is {', '.join(metrics[:_NAMED])}"
    return f"{message}, nor has anybody{near}"


def _never(question: Question, rule: Rule, source: str, heard: Sequence[str]) -> str:
    registry = question.ground.registry if question.ground is not None else Registry.empty()
    labels = registry.labels(source)
    if labels is not None:
        differs = differing(rule, labels)
        if differs:
            return f"rule '{rule.name}' does not select {source}: {'; '.join(differs)}"
        return f"{source} is in the registry and has sent nothing that the rule reads in this time"
    near = nearest(source, dict.fromkeys([*heard, *registry.like(source, most=1000)]))
    return f"there is no source {source}{near}"
