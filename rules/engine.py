"""Records in, incidents out: what RULES says, as column operations.

Pure: time passes through records only, so a replay gives the same incidents, and so does any cut of
the records into batches and of the batches into calls.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from citypatrol.clock import Ts
from citypatrol.records import ModeSwitched, Record, RulesInForce, SourceSeen, Tick
from citypatrol.samples import Batch
from rules import snapshot
from rules.announced import Announced
from rules.arrivals import by_table, numbered
from rules.block import NEVER, Block
from rules.book import Counts
from rules.explain import explain
from rules.explain_alarm import Explanation
from rules.gate import Rows
from rules.incidents import Incident, in_order
from rules.ruleset import EVERY_METRIC, ONLINE, RuleSet
from rules.selection import Selection, selections
from rules.silence import SilenceRule
from rules.state import State
from rules.switch import switched
from rules.threshold import ThresholdRule

_MOST_ROWS = 200_000


class Engine:
    """All rules, and all that they remember.

    ``stopwatch`` (seconds, any origin) only measures: ``seconds`` is what each rule has cost, since
    somebody emptied it. ``late`` and ``conflicts`` count samples that were not judged, since this
    object was made.
    """

    def __init__(self, rules: RuleSet, *, stopwatch: Callable[[], float] | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._state = State(rules)
        self._retimed: set[int] = set()
        self._stopwatch = stopwatch or _stands_still

    @classmethod
    def restore(
        cls, rules: RuleSet, data: bytes, *, stopwatch: Callable[[], float] | None = None
    ) -> "Engine":
        """The engine that ``snapshot`` saved, under these rules, which may have changed since.

        A rule of the same name and condition goes on where it was; any other begins anew, from the
        last sample of each series. Open incidents of rules that are gone clear when the rules come
        into force. Raises ValueError where the bytes are no snapshot.
        """
        engine = cls(rules, stopwatch=stopwatch)
        engine._state = snapshot.load(rules, data)
        return engine

    def snapshot(self) -> bytes:
        """All that is remembered, exactly: ``restore`` and folding on gives the same incidents."""
        return snapshot.save(self._state)

    @property
    def rules(self) -> RuleSet:
        return self._state.rules

    @property
    def mode(self) -> str:
        """Of the newest ``mode`` record; ``normal`` before the first."""
        return self._state.mode

    @property
    def in_force(self) -> str | None:
        """The hash of the newest ``rules`` record."""
        return self._state.in_force

    @property
    def judged(self) -> Ts | None:
        """The newest tick: how far event time has come; None before the first one."""
        return self._state.now if self._state.now != -NEVER else None

    @property
    def late(self) -> int:
        return self._state.gate.late

    @property
    def conflicts(self) -> int:
        return self._state.gate.conflicts

    def introduce(self, announced: Announced) -> None:
        """As a ``SourceSeen`` of each, in bulk: for who reads the past."""
        for record in self._state.sources.announce(announced):
            self._source(record)

    def fold(self, records: Sequence[Record]) -> list[Incident]:
        """An incident when it fires, each time that it grows graver, and when it has cleared; those
        of one come in this order, those of different ones by time."""
        batches: list[Batch] = []
        rows = 0
        for record in records:
            if isinstance(record, Batch):
                batches.append(record)
                rows += len(record)
                if rows < _MOST_ROWS:
                    continue
            if batches:
                self._samples(batches)
                batches, rows = [], 0
            if isinstance(record, Tick):
                self._tick(record.ts)
            elif isinstance(record, SourceSeen):
                self._source(record)
            elif isinstance(record, RulesInForce):
                self._rules(record)
            elif isinstance(record, ModeSwitched):
                self._retime()
                self._state = switched(self._state, record)
        self._samples(batches)
        said, self._state.said = self._state.said, []
        return in_order(said)

    def alarms(self) -> dict[tuple[str, str], int]:
        """How many alarms each rule has in each state: ``ok``, ``pending``, ``firing``. A rule that
        is off in this mode has none."""
        found = {(rule.name, name): 0 for rule in self.rules.rules for name in Counts._fields}
        for judge in self._state.judges():
            for name, count in judge.counts(self._state.now)._asdict().items():
                found[judge.rule.name, name] = count
        return found

    def selections(self) -> list[Selection]:
        """What each rule has judged."""
        return selections(self._state)

    def explain(self, rule: str, *, source: str) -> Explanation:
        """Why the rule says what it says of this source, now. Raises Unexplained."""
        return explain(self._state, rule, source=source)

    def _samples(self, batches: Sequence[Batch]) -> None:
        self._retime()
        rows = numbered([batch for batch in batches if len(batch)], self._state)
        if rows is None:
            return
        lateness = None
        if self._state.sources.patient:
            source = self._state.index.source.data[rows.series]
            lateness = self._state.sources.lateness.data[source]
        passed = self._state.gate.offer(rows, lateness)
        self._judge(passed.judged, repeats=passed.repeats)
        self._queue(passed.accepted)

    def _judge(self, rows: Rows, *, repeats: bool) -> None:
        """What rules of one series read."""
        for table, part, local in by_table(rows, self._state.index):
            if table.metric not in self._state.prompt:
                continue
            block = Block(
                table.track, local, part.ts, part.value, evidence=part.evidence, repeats=repeats
            )
            table.track.readings.open(local, part.ts, part.value)
            for sieve in self._state.sieves.get(table.metric, []):
                sifted, rules = sieve.sift(block)
                restless = []
                for rule in rules:
                    begin = self._stopwatch()
                    restless.append(rule.judge(sifted))
                    self._took(rule.rule.name, begin)
                if rules:
                    sieve.settle(sifted, rules, restless)
            for silence in self._state.silences(table.metric):
                begin = self._stopwatch()
                silence.judge(block)
                self._took(silence.rule.name, begin)
            table.track.apply(block)

    def _queue(self, rows: Rows) -> None:
        """What rules of several series read, at the next ticks."""
        joined, compounds = self._state.joined, self._state.compounds
        if not (joined or compounds) or not len(rows.ts):
            return
        index = self._state.index
        stars = [one for one in joined if one.metric == EVERY_METRIC]
        everyone = [one for one in compounds if one.metric == EVERY_METRIC]
        if stars or everyone:
            heard = rows
            if ONLINE in index.metrics:
                online = index.metrics.index(ONLINE)
                heard = rows.take(index.metric.data[rows.series] != online)
            for one in stars:
                one.add(heard, index.source.data[heard.series])
            for each in everyone:
                each.add(None, heard, index.source.data[heard.series])
        for table, part, local in by_table(rows, self._state.index):
            for compound in compounds:
                compound.add(table, part, local)
            for one in joined:
                if one.metric == table.metric:
                    one.add(part, local)
                if one.veto is not None and one.veto.metric == table.metric:
                    one.add_veto(part, table.source.data[local])

    def _tick(self, now: Ts) -> None:
        state = self._state
        if now <= state.now:
            return  # a clock that was set back: time stands until it has caught up
        state.now = now
        self._retime()
        state.refresh()
        released, repeats = state.gate.tick(now)
        self._judge(released, repeats=repeats)
        for judges in state.prompt.values():
            for judge in judges:
                if isinstance(judge, ThresholdRule) and judge.book.first_due() > now:
                    continue
                begin = self._stopwatch()
                judge.tick(now)
                self._took(judge.rule.name, begin)
        for one in state.joined:
            begin = self._stopwatch()
            one.tick(now)
            self._took(one.judge.rule.name, begin)
        for compound in state.compounds:
            begin = self._stopwatch()
            compound.tick(now)
            self._took(compound.rule.name, begin)

    def _source(self, record: SourceSeen) -> None:
        state = self._state
        if self._retimed and state.sources.number(record.source) in self._retimed:
            self._retime()
        seen = state.sources.seen(record)
        if seen.labels:
            state.relabelled(seen.number)
        if seen.lateness:
            for compound in state.compounds:
                compound.changed()
            if state.enrolled(seen.number):
                self._retimed.add(seen.number)

    def _retime(self) -> None:
        """Sources whose lateness has changed, all that were announced together: a city may have
        200,000 of them."""
        if not self._retimed:
            return
        state, index = self._state, self._state.index
        sources = np.array(sorted(self._retimed), np.int64)
        self._retimed = set()
        series = np.flatnonzero(np.isin(index.source.data[: index.size], sources))
        lateness = state.sources.lateness.data[index.source.data[series]]
        for one in np.unique(lateness).tolist():
            released, repeats = state.gate.retime(series[lateness == one], one)
            self._judge(released, repeats=repeats)
        for judge in state.judges():
            if isinstance(judge, SilenceRule):
                judge.retimed()

    def _rules(self, record: RulesInForce) -> None:
        self._state.in_force = record.hash
        if record.hash == self._state.rules.hash:
            orphans, self._state.orphans = self._state.orphans, []
            for one in orphans:
                at = max(record.ts, one.fired_at)
                self._state.said.append(replace(one, cleared_at=at))

    def _took(self, rule: str, begin: float) -> None:
        self.seconds[rule] = self.seconds.get(rule, 0.0) + self._stopwatch() - begin


def _stands_still() -> float:
    return 0.0
