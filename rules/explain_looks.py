"""The newest values that a rule judges one source by, wherever its judge keeps them."""

from collections.abc import Sequence

from citypatrol.clock import Ts
from rules.block import NEVER
from rules.compound import CompoundRule
from rules.explain_tree import Look
from rules.ruleset import EVERY_METRIC
from rules.silence import SilenceRule
from rules.state import State
from rules.threshold import ThresholdRule
from rules.tree import Part

Judge = ThresholdRule | SilenceRule | CompoundRule


class Looks:
    """Of one judge, for the alarm ``key`` of ``source``."""

    def __init__(self, state: State, judge: Judge, *, key: int, source: int) -> None:
        self._state = state
        self._judge = judge
        self._key = key
        self._source = source

    def __call__(self, part: Part) -> Sequence[Look]:
        """The one that counts first: of the source itself, then of its parent."""
        judge = self._judge
        if isinstance(judge, CompoundRule):
            leaf = judge.conditions.leaves[part]
            found = []
            for strand, key in leaf.series(self._source):
                source = key if strand.table is None else int(strand.table.source.data[key])
                found.append(self._look(source, strand.metric, *strand.newest(key)))
            return found
        if part.metric is None:
            return [self._own(part)]
        parent = int(self._state.sources.parent.data[self._source])
        both = dict.fromkeys((self._source, parent))
        looks = [self._of_series(one, part.metric) for one in both]
        return [one for one in looks if one is not None]

    def _own(self, part: Part) -> Look:
        """What a rule of one series was judged by."""
        track, metric = self._judge.track, self._judge.rule.metric
        known = self._key < len(track.ts.data)
        ts = int(track.ts.data[self._key]) if known else NEVER
        value = float(track.value.data[self._key]) if known else 0.0
        if part.window is not None:
            said = track.readings.before(part.window)
            value = float(said[self._key]) if self._key < len(said) else float("nan")
        return self._look(self._source, metric, ts, value)

    def _of_series(self, source: int, metric: str) -> Look | None:
        """What was heard last of another metric."""
        table = self._state.index.table_of(metric)
        local = table.number(source)
        if local < 0:
            return None
        series = int(table.series.data[local])
        gate = self._state.gate
        ts, value = int(gate.newest.data[series]), float(gate.value.data[series])
        return self._look(source, metric, NEVER if ts == -NEVER else ts, value)

    def _look(self, source: int, metric: str, ts: Ts, value: float) -> Look:
        sources, stale = self._state.sources, self._judge.rule.stale
        life = int(sources.stale.data[source]) if stale is None else stale
        name = "any" if metric == EVERY_METRIC else metric
        return Look(sources.names[source], name, ts, value, life, sources.labels(source))

    def are_worthless(self, at: Ts) -> bool:
        """Whether the newest sample came, or has stood, while ``unless`` held (RULES 21)."""
        judge = self._judge
        if isinstance(judge, CompoundRule):
            return judge.is_blind(self._key)
        if judge.veto is None or isinstance(judge, SilenceRule):
            return False
        last = int(judge.track.ts.data[self._key])
        if last > at:
            return False
        said_blind = judge.veto.at(self._source, last) is True
        return said_blind or judge.veto.first(self._source, after=last, until=at) is not None
