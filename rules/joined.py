"""A rule that reads several series: judged at ticks, an instant's samples together (RULES 3)."""

from typing import Any

import numpy as np

from citypatrol.clock import Ts
from citypatrol.columns import Ints
from rules.block import Block
from rules.gate import Rows
from rules.queue import Queue
from rules.ruleset import EVERY_METRIC
from rules.silence import SilenceRule
from rules.sources import Sources
from rules.threshold import ThresholdRule

Judge = ThresholdRule | SilenceRule


class Joined:
    """One rule with what waits for the tick: its own samples and those of its veto."""

    def __init__(self, judge: Judge, *, sources: Sources) -> None:
        self.judge = judge
        self.metric = EVERY_METRIC if judge.table is None else judge.table.metric
        self.veto = judge.veto
        self._sources = sources
        self._own = Queue(self._lateness)
        self._blind = Queue(lambda source: sources.lateness.data[source])

    def add(self, rows: Rows, key: Ints) -> None:
        """Samples of its own series, with their keys."""
        self._own.add(key, rows.ts, rows.value, rows.evidence)

    def add_veto(self, rows: Rows, source: Ints) -> None:
        """Samples of the veto's metric."""
        self._blind.add(source, rows.ts, rows.value, None)

    def tick(self, now: Ts) -> None:
        if self.veto is not None:
            self.veto.take(*self._blind.due(now)[:3])
        block = self._own.block(now, self.judge.track)
        self.judge.track.readings.open(
            block.key, block.ts, block.value, but=self._while_blind(block)
        )
        self.judge.judge(block)
        self.judge.track.apply(block)
        self.judge.tick(now)

    def _while_blind(self, block: Block) -> np.ndarray | None:
        """Rows that were said while the veto held: no window holds them (RULES 21)."""
        rule = self.judge.rule
        if self.veto is None or not isinstance(self.judge, ThresholdRule):
            return None
        if rule.when.window is None and rule.clear.window is None:  # a look at every row costs
            return None
        source = self.judge.table.source.data[block.key]
        rows = zip(source.tolist(), block.ts.tolist(), strict=True)
        return np.fromiter((bool(self.veto.at(*row)) for row in rows), bool, len(block))

    def save(self) -> dict[str, Any]:
        veto = None if self.veto is None else self.veto.save()
        return {"own": self._own.save(), "blind": self._blind.save(), "veto": veto}

    def load(self, saved: dict[str, Any]) -> None:
        self._own.load(saved["own"])
        self._blind.load(saved["blind"])
        if self.veto is not None:
            self.veto.load(saved["veto"])

    def _lateness(self, key: Ints) -> Ints:
        if not self._sources.patient:
            return np.zeros(len(key), np.int64)
        source = key if self.judge.table is None else self.judge.table.source.data[key]
        own: Ints = self._sources.lateness.data[source]
        if self.veto is None:
            return own
        parent = self._sources.parent.data[source]
        return np.maximum(own, self._sources.lateness.data[parent])
