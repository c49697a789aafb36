"""Sums carried from sample to sample are what fractions say, however the samples were cut."""

import random
from fractions import Fraction

import numpy as np
import pytest

from rules.sums import Sums, running, slowly
from rules.window import Window

SPAN = 10_000
SIZES = {
    "readings": lambda chance: round(chance.uniform(-60, 900), 1),
    "all the same": lambda _: 0.1,
    "zeros among few": lambda chance: chance.choice([0.0, 0.0, 0.0, 7.7, -7.7]),
    "far apart": lambda chance: chance.choice([1e-9, 0.3, -1e16, 1e16, 1e200, -1e200]),
    "near the ends of floats": lambda chance: chance.choice([1.7e308, -1.7e308, 5e-324, 1e-300]),
}


def exact(values: list[float], *, mean: bool) -> float:
    total = sum(map(Fraction, values), Fraction(0))
    try:
        return float(total / len(values) if mean else total)
    except OverflowError:
        return float("inf") if total > 0 else float("-inf")


@pytest.mark.parametrize("kept", [True, False], ids=["carried on", "added up"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rows", [1, 40], ids=["one by one", "many rows of a key at once"])
def test_sums_and_means_are_exact(size: str, kept: bool, rows: int) -> None:
    chance = random.Random(size)
    window = Window(SPAN)
    if kept:
        window.keep_sums()
    held: dict[int, list[tuple[int, float]]] = {key: [] for key in range(5)}
    now = 0
    for step in range(12 if rows > 1 else 60):
        if kept and step % 20 == 9:
            saved, window = window.save(), Window(SPAN)
            window.keep_sums()
            window.load(saved)
        now += chance.choice([100, 3_000, 12_000])
        batch, sums, means = [], [], []
        for key in sorted(chance.sample(range(5), 3)):
            for n in range(chance.randint(1, rows)):
                batch.append((key, now + 400 * n, SIZES[size](chance)))
                held[key].append(batch[-1][1:])
                held[key] = [one for one in held[key] if one[0] > held[key][-1][0] - SPAN]
                sums.append(exact([value for _, value in held[key]], mean=False))
                means.append(exact([value for _, value in held[key]], mean=True))
        now += 400 * rows
        key, ts, value = zip(*batch, strict=True)
        found = window.add(np.array(key), np.array(ts), np.array(value))
        assert found.of("sum").tolist() == sums
        assert found.of("mean").tolist() == means
    newest = window.newest(np.arange(5)).of("sum").tolist()
    assert newest == [exact([value for _, value in held[key]], mean=False) for key in range(5)]


def test_what_two_floats_cannot_hold_is_known() -> None:
    values = np.array([1e16, 1.0, 1e-17])
    sums = running(values, np.arange(3))
    assert sums.good.tolist() == [True, True, False]
    assert slowly(values.tolist(), mean=False) == 1e16 + 2


def test_a_mean_lies_among_its_samples() -> None:
    three = running(np.full(3, 0.1), np.arange(3)).take(np.array([2]))
    assert three.mean(np.array([3])).tolist() == [0.1]
    assert three.minus(Sums.of(np.array([0.1]))).mean(np.array([2])).tolist() == [0.1]
