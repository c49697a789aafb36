"""All that an engine remembers: sources, series, the gate, and each rule's judge."""

from collections.abc import Sequence

import numpy as np

from citypatrol.clock import Ts
from citypatrol.columns import Ints
from rules.block import NEVER, Track
from rules.comparison import Reading
from rules.compound import CompoundRule, is_compound, reads
from rules.gate import Gate
from rules.incidents import Incident
from rules.joined import Joined, Judge
from rules.ruleset import EVERY_METRIC, NORMAL, Rule, RuleSet
from rules.series import SeriesIndex, Table
from rules.sieve import Sieve
from rules.silence import SilenceRule
from rules.sources import Sources
from rules.threshold import ThresholdRule
from rules.veto import Veto


class State:
    """``prompt``: by metric the rules that read one series, judged as soon as a sample may be;
    ``sieves`` stand before those of them that compare;
    ``joined`` and ``compounds``: those that read several. ``said``: the incidents since somebody
    took them out. ``orphans``: open incidents of rules that are no longer there. ``rules`` are all
    of them, as in every mode; those that judge are as in ``mode``.
    """

    def __init__(self, rules: RuleSet, *, mode: str = NORMAL) -> None:
        self.rules = rules
        self.mode = mode
        self.now: Ts = -NEVER
        self.in_force: str | None = None
        self.said: list[Incident] = []
        self.orphans: list[Incident] = []
        judging = rules.in_mode(mode)
        self.sources = Sources({label for rule in judging.rules for label in rule.labels})
        self.index = SeriesIndex(_metrics(judging))
        self.gate = Gate()
        self.prompt: dict[str, list[Judge]] = {}
        self.sieves: dict[str, list[Sieve]] = {}
        self.joined: list[Joined] = []
        self.compounds: list[CompoundRule] = []
        self._enrolled = 0
        self._relabelled: set[int] = set()
        for rule in judging.rules:
            self._build(rule)

    def judges(self) -> list[Judge | CompoundRule]:
        prompt = [judge for judges in self.prompt.values() for judge in judges]
        return [*prompt, *(one.judge for one in self.joined), *self.compounds]

    def silences(self, metric: str) -> list[SilenceRule]:
        """The rules that tell of silence among ``prompt``."""
        return [one for one in self.prompt.get(metric, []) if isinstance(one, SilenceRule)]

    def relabelled(self, source: int) -> None:
        """The source has other labels: rules look at it again before the next sample or tick."""
        self._relabelled.add(source)

    def enrolled(self, source: int) -> bool:
        """Whether rules have seen the source: else nothing that it sent was judged yet."""
        return source < self._enrolled

    def series(self, source: Ints, metric: Ints) -> Ints:
        """The series of these pairs; rules see those that are new."""
        self.refresh()
        found, grown = self.index.rows(source, metric)
        self.gate.ensure(self.index.size)
        self._enrol(grown)
        return found

    def refresh(self) -> None:
        """Let rules see the sources that are new or have other labels."""
        if self._enrolled == len(self.sources) and not self._relabelled:
            return
        new = np.arange(self._enrolled, len(self.sources))
        known = sorted(number for number in self._relabelled if number < self._enrolled)
        changed = np.array(known, np.int64)
        self._enrolled, self._relabelled = len(self.sources), set()
        for one in self.joined:
            if one.metric == EVERY_METRIC:
                one.judge.enrol(np.concatenate([new, changed]))
        for compound in self.compounds:
            if compound.metric == EVERY_METRIC:
                compound.enrol(None, np.concatenate([new, changed]))
            elif len(changed):
                compound.changed()
        if len(changed):
            self._enrol(self.index.of_sources(changed))

    def enrol_all(self) -> None:
        """Let rules see everything, after a restore."""
        everything = [(t, np.arange(t.size)) for t in self.index.tables if t.size]
        self._enrol(everything)
        self._enrolled = 0
        self.refresh()

    def _enrol(self, grown: Sequence[tuple[Table, Ints]]) -> None:
        for table, keys in grown:
            table.track.readings.unwant(keys)
            for sieve in self.sieves.get(table.metric, []):
                sieve.enrol(keys)
            for silence in self.silences(table.metric):
                silence.enrol(keys)
            for one in self.joined:
                if one.metric == table.metric:
                    one.judge.track.readings.unwant(keys)
                    one.judge.enrol(keys)
            for compound in self.compounds:
                compound.enrol(table, keys)

    def _build(self, rule: Rule) -> None:
        if is_compound(rule):
            tables = {metric: self.index.table_of(metric) for metric in reads(rule)}
            self.compounds.append(
                CompoundRule(rule, tables=tables, sources=self.sources, say=self._say)
            )
            return
        table = None if rule.metric == EVERY_METRIC else self.index.table_of(rule.metric)
        veto = None
        if rule.unless is not None:
            veto = Veto(rule.unless, sources=self.sources, stale=rule.stale)
        if table is None or veto is not None:
            judge = self._judge(rule, table=table, track=Track(), veto=veto)
            self.joined.append(Joined(judge, sources=self.sources))
        else:
            judge = self._judge(rule, table=table, track=table.track, veto=None)
            self.prompt.setdefault(rule.metric, []).append(judge)
            if isinstance(judge, ThresholdRule):
                self._sieve(table, rule.when.window).add(judge)

    def _sieve(self, table: Table, reading: Reading | None) -> Sieve:
        sieves = self.sieves.setdefault(table.metric, [])
        for sieve in sieves:
            if sieve.reading == reading:
                return sieve
        sieves.append(Sieve(table, reading, sources=self.sources))
        return sieves[-1]

    def _judge(self, rule: Rule, *, table: Table | None, track: Track, veto: Veto | None) -> Judge:
        waiting = _nothing_waits if table is None or veto else self.gate.waiting.first
        if rule.when.comparison is not None and table is not None:
            return ThresholdRule(
                rule,
                rule.when.comparison,
                table=table,
                track=track,
                sources=self.sources,
                veto=veto,
                waiting=waiting,
                say=self._say,
            )
        if rule.when.missing is None:
            message = f"rule '{rule.name}': a condition on every metric can only be missing"
            raise ValueError(message)
        return SilenceRule(
            rule,
            rule.when.missing,
            table=table,
            track=track,
            sources=self.sources,
            veto=veto,
            waiting=waiting,
            say=self._say,
        )

    def _say(self, incident: Incident) -> None:
        self.said.append(incident)


def _metrics(rules: RuleSet) -> list[str]:
    return sorted({metric for rule in rules.rules for metric in reads(rule)})


def _nothing_waits(series: int) -> Ts:  # noqa: ARG001 - what is due is judged before any timer
    return NEVER
