"""What an engine did, as Prometheus metrics (DOORS)."""

from collections.abc import Sequence

from citypatrol import metrics
from citypatrol.records import Record
from citypatrol.samples import Batch
from rules.engine import Engine


class Gauges:
    """Counts on over engines that replace each other; ``stage`` names who folds."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._engine: Engine | None = None
        self._late = self._conflicts = 0
        self._shown: set[tuple[str, str]] = set()

    def folded(self, engine: Engine, records: Sequence[Record]) -> None:
        """After each fold."""
        if engine is not self._engine:
            self._engine, self._late, self._conflicts = engine, 0, 0
        samples = sum(len(record) for record in records if isinstance(record, Batch))
        metrics.SAMPLES.labels(self._stage).inc(samples)
        metrics.LATE.inc(engine.late - self._late)
        metrics.DROPPED.labels(self._stage, "conflict").inc(engine.conflicts - self._conflicts)
        self._late, self._conflicts = engine.late, engine.conflicts
        if engine.judged is not None:
            metrics.JUDGED.set(engine.judged / 1000)
        for rule, seconds in engine.seconds.items():
            metrics.RULE_SECONDS.labels(rule).observe(seconds)
        engine.seconds.clear()

    def show(self, engine: Engine) -> None:
        """Every few seconds; rules that are gone are shown no more."""
        counts = engine.alarms()
        for key in self._shown - counts.keys():
            metrics.ALARMS.remove(*key)
        for key, count in counts.items():
            metrics.ALARMS.labels(*key).set(count)
        self._shown = set(counts)
