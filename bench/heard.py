"""What it costs to know of 219,300 series when they were heard: time a sample, memory, answers.

`python -m bench.heard`; the peer is the same kept in a dict, a reading at a time.
"""

import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from app.rollcall import RollCall, Wanted
from bench.report import arguments, report
from citypatrol.clock import SystemClock
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.kinds import Kinds
from citypatrol.registry import Registry
from citypatrol.samples import Batch
from ingest.heard import Heard
from ingest.heard_stage import HeardStage
from ingest.heard_state import dump, load

SERIES = 219_300
REGISTERED = 349_300
START = 1_778_655_600_000
ROUNDS = {20: 1_000, 500: 400, 2_000: 100}


class Batches:
    """A reading of so many different sources, each with its own time."""

    def __init__(self) -> None:
        self._chance = np.random.default_rng(4)
        self._names = [f"sensor-{number:06d}" for number in range(SERIES)]

    def of(self, who: np.ndarray, *, at: int) -> Batch:
        return Batch(
            sources=tuple(self._names[number] for number in who.tolist()),
            source=np.arange(len(who), dtype=np.int32),
            metrics=("water_level",),
            metric=np.zeros(len(who), np.int32),
            ts=at - self._chance.integers(0, 500, len(who)),
            value=self._chance.normal(50, 15, len(who)),
        )

    def some(self, size: int, *, at: int) -> Batch:
        return self.of(self._chance.choice(SERIES, size, replace=False), at=at)

    def everybody(self) -> list[Batch]:
        numbers = np.arange(SERIES)
        return [self.of(numbers[at : at + 500], at=START) for at in range(0, SERIES, 500)]


class Dict:
    """The peer: a list a series."""

    def __init__(self) -> None:
        self._facts: dict[tuple[str, str], list[float]] = {}

    def take(self, batch: Batch, *, at: int) -> None:
        columns = (batch.source.tolist(), batch.metric.tolist(), batch.ts.tolist())
        for source, metric, ts, value in zip(*columns, batch.value.tolist(), strict=True):
            key = batch.sources[source], batch.metrics[metric]
            facts = self._facts.get(key)
            if facts is None:
                self._facts[key] = [ts, value, at, 1, 0, 0.0, 0.0, at - ts]
                continue
            gap = ts - facts[0]
            if gap > 0:
                facts[0], facts[1] = ts, value
                facts[6] += (abs(gap - facts[5]) - facts[6]) / 16
                facts[5] += (gap - facts[5]) / 16
            elif gap < 0:
                facts[4] += 1
            facts[2] = at
            facts[3] += 1
            facts[7] += (at - ts - facts[7]) / 8


def main() -> int:
    args = arguments(__doc__ or "").parse_args()
    batches = Batches()
    figures: dict[str, float | int | None] = {}
    everybody = batches.everybody()
    heard = Heard()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for batch in everybody:
        heard.take([batch], at=START)
    figures["memory_mb"] = round((tracemalloc.get_traced_memory()[0] - before) / 1e6, 1)
    tracemalloc.stop()
    peer = Dict()
    for batch in everybody:
        peer.take(batch, at=START)
    at = START
    for size, rounds in ROUNDS.items():
        rounds = rounds // 5 if args.quick else rounds
        some = [batches.some(size, at=at + 10_000 * n) for n in range(rounds)]
        ours = _us(lambda one: heard.take([one], at=int(one.ts[0])), some)
        theirs = _us(lambda one: peer.take(one, at=int(one.ts[0])), some)
        figures[f"us_a_sample_{size}"] = round(ours, 2)
        figures[f"peer_ratio_{size}"] = round(theirs / ours, 1)
        at += 10_000 * rounds
    figures |= _answers(heard)
    conditions = {"series": SERIES, "registered": REGISTERED, "peer": "dict of lists"}
    report("heard", figures, conditions=conditions, as_json=args.json)
    return 0


def _answers(heard: Heard) -> dict[str, float]:
    data = dump(heard)
    ids = pa.array([f"sensor-{number:06d}" for number in range(REGISTERED)])
    registry = Registry({"id": ids, "kind": pa.array(["water"] * REGISTERED)})
    journal = SqliteJournal(Path("never-opened.db"), clock=SystemClock())
    stage = HeardStage(journal, heard=heard)
    roll = RollCall(stage, registry=registry, kinds=Kinds(), topic_labels=lambda _: {})
    roll.counts(now=START)
    return {
        "snapshot_mb": round(len(data) / 1e6, 1),
        "save_ms": _ms(lambda: dump(heard)),
        "load_ms": _ms(lambda: load(Heard(), data)),
        "list_ms": _ms(lambda: roll.list(Wanted(kind="water", silent_for=1), now=START)),
        "counts_ms": _ms(lambda: roll.counts(now=START)),
        "nearest_ms": _ms(lambda: roll.nearest("snesor-004711")),
    }


def _us(take: Callable[[Batch], None], batches: Sequence[Batch]) -> float:
    """CPU time a sample."""
    began = time.process_time()
    for batch in batches:
        take(batch)
    return 1e6 * (time.process_time() - began) / sum(map(len, batches))


def _ms(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return round(1e3 * (time.process_time() - began), 1)


if __name__ == "__main__":
    sys.exit(main())
