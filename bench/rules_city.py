"""The city of `python -m bench.rules`: its series, its samples and its rules, from one seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from citypatrol.records import Record, SourceSeen, Tick
from citypatrol.samples import Batch

SERIES: Final = 219_300
START: Final = 1_778_630_400_000
CELLS: Final = 400
SHARE: Final = 20  # one in so many: 5 %
LOW, NORMAL, HIGH = 20.0, 50.0, 90.0
TROUBLED: Final = 200  # one device in so many is in trouble, for five minutes each
WHEN: Final = {
    "threshold": ("{{above: {high}}}", "{{below: {low}}}", "{{outside: [{low}, {high}]}}"),
    "timers": (
        "{{above: {high}, for: 2m}}, clear: {{below: 70, for: 5m}}",
        "{{below: {low}, for: 30s, at_least: 2 samples}}, clear: {{for: 5m}}",
    ),
    "mean": ("{{mean: 15m, above: {high}}}", "{{mean: 15m, below: {low}}}"),
    "p95": ("{{p95: 15m, above: {high}}}", "{{p95: 15m, below: {low}}}"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One rule of the work: the metric and the cells that it selects, and its words."""

    name: str
    metric: str
    cells: tuple[str, ...]
    when: str

    def yaml(self) -> str:
        where = f"where: {{cell: [{', '.join(self.cells)}]}}"
        select = f"select: {{metric: {self.metric}, {where}}}"
        return f"  - {{name: {self.name}, {select}, when: {self.when}}}\n"


def choices(kind: str, *, count: int, metrics: int = 1, nothing: bool = False) -> list[Choice]:
    """Each rule selects one in ``SHARE`` of all series, by a list of cells of its own; ``nothing``:
    cells that no device has."""
    chance = np.random.default_rng(3)
    found = []
    for n in range(count):
        if nothing:
            cells: list[str] = [f"nowhere-{n}"]
        else:
            most = chance.permutation(CELLS)[: CELLS // SHARE * metrics]
            cells = [f"c{cell}" for cell in sorted(most.tolist())]
        limits = {"low": LOW + n % 10, "high": HIGH - 5 - n % 10}
        when = WHEN[kind][n % len(WHEN[kind])].format(**limits)
        found.append(Choice(f"r{n:04}", f"m{n % metrics}", tuple(cells), when))
    return found


class City:
    """219,300 devices, each sends its one metric once a minute, in another order every minute."""

    def __init__(self, *, metrics: int = 1) -> None:
        self._chance = np.random.default_rng(5)
        self._names = np.array([f"dev-{n:06}" for n in range(SERIES)], object)
        self.cell = self._chance.integers(0, CELLS, SERIES)
        self._metric = np.arange(SERIES) % metrics
        self._metrics = tuple(f"m{n}" for n in range(metrics))
        self._place = np.zeros(SERIES)
        self._minute = 0

    def seen(self) -> list[Record]:
        return [
            SourceSeen(START, name, {"cell": f"c{cell}", "kind": "level"}, 0, 7_200_000)
            for name, cell in zip(self._names.tolist(), self.cell.tolist(), strict=True)
        ]

    def judged_by(self, rules: list[Choice]) -> NDArray[np.int64]:
        """How many rules select each device."""
        count = np.zeros(SERIES, np.int64)
        for rule in rules:
            cells = [int(cell[1:]) for cell in rule.cells if cell[0] == "c"]
            metric = self._metrics.index(rule.metric)
            count += np.isin(self.cell, cells) & (self._metric == metric)
        return count

    def minute(
        self, size: int, *, odd_share: float = 0.02
    ) -> Iterator[tuple[Batch, NDArray[np.int64], int]]:
        """The batches of the next minute; which devices count in each, and when it has come. Two
        in a hundred samples come again, or late, and do not count."""
        who = self._chance.permutation(SERIES)
        ts = START + 60_000 * self._minute + np.sort(self._chance.integers(0, 60_000, SERIES))
        self._minute += 1
        ill = (who + self._minute // 5) % TROUBLED == 0
        value = np.where(ill, 95.0, self._chance.normal(NORMAL, 4.0, SERIES))
        for begin in range(0, SERIES, size):
            rows = np.arange(begin, min(begin + size, SERIES))
            odd = self._chance.random(len(rows)) < odd_share
            again = np.maximum(rows[odd] - self._chance.integers(1, size, odd.sum()), 0)
            chosen = rows.copy()
            chosen[odd] = again
            old = ts[chosen] - np.where(odd, self._chance.choice([0, 90_000], len(rows)), 0)
            device = who[chosen]
            batch = Batch(
                sources=tuple(self._names[device].tolist()),
                source=np.arange(len(rows), dtype=np.int32),
                metrics=self._metrics,
                metric=self._metric[device].astype(np.int32),
                ts=old,
                value=value[chosen],
            )
            yield batch, device[~odd], int(ts[rows[-1]])


def ticks(before: int, now: int) -> list[Record]:
    """A tick a second, as live."""
    first = before // 1000 + 1
    return [Tick(1000 * second) for second in range(first, now // 1000 + 1)]
