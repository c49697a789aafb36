"""What windows hold over restarts, reloads and relabelling; and their rings by themselves."""

import random

import numpy as np
import pytest

from citypatrol.samples import Batch
from rules.announced import Announced
from rules.engine import Engine
from rules.hindsight import Hindsight
from rules.window import Window
from tests.rules.story import DAY, one_rule, outcome, records

MEAN = "when: {mean: 60s, above: 15}"
FIRST = "0 a x 9 \n10 a x 9"
THEN = "20 a x 30"


def after_a_change(words: str, *, to: str) -> list[str]:
    engine = Engine(one_rule(words))
    engine.fold(records(FIRST))
    return outcome(Engine.restore(one_rule(to), engine.snapshot()).fold(records(THEN)))


@pytest.mark.parametrize(
    ("to", "value"),
    [
        pytest.param(MEAN, "16", id="a restart"),
        pytest.param("when: {mean: 60s, above: 14}", "16", id="another threshold"),
        pytest.param("when: {sum: 60s, above: 14}", "48", id="another word over the same time"),
        pytest.param("when: {mean: 90s, above: 15}", "30", id="another duration begins anew"),
    ],
)
def test_a_window_over_a_change(to: str, value: str) -> None:
    assert after_a_change(MEAN, to=to) == [f"a x since 20 fired 20 value {value}"]


def test_a_series_that_no_rule_selects_is_not_held() -> None:
    rules = one_rule("select: {metric: x, where: {kind: k}}, " + MEAN)
    story = "seen a kind=k \n0 a x 1 \nseen a kind=other \n10 a x 1 \nseen a kind=k \n20 a x 30"
    assert outcome(Engine(rules).fold(records(story))) == ["a x since 20 fired 20 value 15.5"]


def test_a_backtest_judges_windows() -> None:
    past = Hindsight(one_rule(MEAN), introduce=lambda _: Announced([], {}, np.empty(0, np.int64)))
    (batch,) = records("5 a x 16")
    assert isinstance(batch, Batch)
    assert [one.value for one in past.judge(batch, before=DAY + 6000)] == [16.0]


def test_rings_hold_what_a_list_holds() -> None:
    """Rings grow, wrap round, leave holes and are closed up; gaps empty them."""
    chance = random.Random(4)
    span = 20_000
    window = Window(span)
    lists: dict[int, list[tuple[int, float]]] = {}
    for step in range(60):
        if step % 20 == 19:
            saved, window = window.save(), Window(span)
            window.load(saved)
        keys = sorted(chance.choices(range(300), k=chance.randint(0, 900)))
        expected = []
        rows = []
        for key in keys:
            held = lists.setdefault(key, [])
            ts = (held[-1][0] if held else 0) + chance.choice([100, 500, 500, 30_000])
            held.append((ts, float(chance.randint(0, 9))))
            lists[key] = held = [one for one in held if one[0] > ts - span]
            rows.append((key, *held[-1]))
            expected.append(sum(value for _, value in held))
        columns = [np.array([row[n] for row in rows]) for n in range(3)]
        key, ts_, value = (c.astype(t) for c, t in zip(columns, "qqd", strict=True))
        assert window.add(key, ts_, value).of("sum").tolist() == expected
    held = window.newest(np.arange(300))
    assert held.count.tolist() == [len(lists[key]) for key in range(300)]


def test_columns_that_do_not_fit_are_refused() -> None:
    saved = {"size": np.array([2]), "ts": np.array([1]), "value": np.array([1.0])}
    with pytest.raises(ValueError, match="do not fit together"):
        Window(1000).load(saved)


def test_p95_of_uneven_windows() -> None:
    """One long window among many short ones is sorted another way, with the same result."""
    window = Window(10_000_000)
    long = np.arange(1000, dtype=np.int64)
    window.add(np.zeros(1000, np.int64), long, long.astype(np.float64))
    keys = np.arange(40, dtype=np.int64)
    said = window.add(keys, np.full(40, 5000), np.full(40, 7.0)).of("p95")
    assert said.tolist() == [949.0, *[7.0] * 39]


def test_a_rule_that_selects_nothing_is_no_trouble() -> None:
    """Also where its threshold is a label, and it waits for its veto."""
    words = "select: {metric: x, where: {kind: k}}, when: {above: {label: limit}}, "
    words += "unless: {metric: f, above: 0}"
    story = "0 a x 9 \n| 1 \nseen b kind=k limit=3 \n2 a x 9 \n2 b x 9 \n| 3"
    found = Engine(one_rule(words)).fold(records(story))
    assert outcome(found) == ["b x since 2 fired 2 value 9"]
