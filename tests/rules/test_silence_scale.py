"""Silence with many sources: who is looked at, and that nobody is forgotten."""

from collections.abc import Sequence

import numpy as np
import pytest

from citypatrol.records import SourceSeen, Tick
from citypatrol.samples import Batch
from rules.engine import Engine
from rules.ruleset import RuleSet
from rules.silence import SilenceRule
from tests.rules.story import DAY, one_rule

COUNT = 3_000
RULES = {
    "by source": one_rule('select: {metric: "*"}, when: {missing: 10m}'),
    "by metric": one_rule("when: {missing: 10m}"),
    "by gateway": one_rule('select: {metric: "*"}, when: {missing: 10m}, group: gateway'),
    "by metric, unless": one_rule("when: {missing: 10m}, unless: {metric: service, above: 0}"),
}


def sent(rows: Sequence[int] | np.ndarray, *, second: int, metric: str = "x") -> Batch:
    """A sample of each of these sources."""
    wanted = np.asarray(rows)
    return Batch(
        sources=tuple(f"s{row}" for row in wanted.tolist()),
        source=np.arange(len(wanted), dtype=np.int32),
        metrics=(metric,),
        metric=np.zeros(len(wanted), np.int32),
        ts=np.full(len(wanted), DAY + 1000 * second),
        value=np.ones(len(wanted)),
    )


def tick(engine: Engine, second: int) -> list[tuple[str, bool]]:
    """Who fired (True) or cleared at this tick."""
    said = engine.fold([Tick(DAY + 1000 * second)])
    return sorted((one.source, one.cleared_at is None) for one in said)


def begun(rules: RuleSet) -> Engine:
    engine = Engine(rules)
    seen = [SourceSeen(DAY, f"s{n}", {"gateway": f"g{n % 7}"}, 0, 7_200_000) for n in range(COUNT)]
    engine.fold([*seen, sent(range(COUNT), second=0), Tick(DAY)])
    return engine


@pytest.mark.parametrize("name", RULES)
def test_each_is_said_at_its_own_tick_however_long_it_was_heard(name: str) -> None:
    engine = begun(RULES[name])
    last = 10 * np.random.default_rng(4).integers(0, 150, COUNT)
    last[:50] = 1000  # one instant for many
    said: dict[str, int] = {}
    for second in range(0, 2200, 10):
        now = np.flatnonzero((second <= last) & ((last - second) % 300 == 0))
        if len(now) and second:
            engine.fold([sent(now, second=second)])
        for source, fired in tick(engine, second):
            assert fired
            assert said.setdefault(source, second) == second
    assert said == {f"s{n}": int(last[n]) + 600 for n in range(COUNT)}


@pytest.mark.parametrize("name", RULES)
def test_those_that_come_back_are_watched_again(name: str) -> None:
    engine = begun(RULES[name])
    assert len(tick(engine, 600)) == COUNT
    cleared = engine.fold([sent(range(0, COUNT, 2), second=700), Tick(DAY + 700_000)])
    assert {one.cleared_at for one in cleared} == {DAY + 700_000}
    assert tick(engine, 1299) == []
    assert tick(engine, 1300) == [(f"s{n}", True) for n in sorted(range(0, COUNT, 2), key=str)]


def test_a_tick_looks_at_those_only_that_may_soon_be_silent() -> None:
    engine = begun(RULES["by metric"])
    (judge,) = engine._state.judges()
    assert isinstance(judge, SilenceRule)
    looked: list[int] = []
    ends = judge._ends
    judge._ends = lambda keys: looked.append(len(keys)) or ends(keys)  # type: ignore[func-returns-value,method-assign]
    for second in range(1, 1800, 10):
        rest = [n for n in range(COUNT) if n % 10 == second // 10 % 10 and n >= 10]
        slow = [second // 10 % 10] if second // 10 % 50 < 10 else []  # every 500 s
        engine.fold([sent(rest + slow, second=second)])
        assert tick(engine, second) == []
    assert sum(looked) < 12 * COUNT  # 180 ticks; a whole look is COUNT


def test_lateness_of_many_sources_at_once() -> None:
    engine = begun(RULES["by metric"])
    engine.fold([SourceSeen(DAY, f"s{n}", {}, 30_000, 7_200_000) for n in range(0, COUNT, 3)])
    assert len(tick(engine, 600)) == COUNT - COUNT // 3
    assert len(tick(engine, 629)) == 0
    assert len(tick(engine, 630)) == COUNT // 3


def test_who_is_serviced_is_silent_in_peace() -> None:
    engine = begun(RULES["by metric, unless"])
    for second in range(60, 1200, 60):
        engine.fold([sent(range(100), second=second, metric="service")])
        engine.fold([Tick(DAY + 1000 * second)])
    silent = {source for source, _ in tick(engine, 1260)}
    assert not silent & {f"s{n}" for n in range(100)}
    off = sent(range(100), second=1300, metric="service")
    engine.fold([Batch(off.sources, off.source, off.metrics, off.metric, off.ts, 0 * off.value)])
    assert tick(engine, 1300) == [(f"s{n}", True) for n in sorted(range(100), key=str)]
