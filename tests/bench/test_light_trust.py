"""What `lit` says beside what is: heads whose truth is known."""

import numpy as np
import pytest

from bench.light_trust import error, trust


@pytest.mark.parametrize(
    ("said", "really", "wanted"),
    [
        ([0.25] * 4, [True, False, False, False], 0.0),
        ([1.0, 1.0, 0.0], [True, True, False], 0.0),
        ([0.95] * 4, [False] * 4, 0.95),
        ([0.95] * 2 + [0.05] * 2, [True, False, False, False], (2 * 0.45 + 2 * 0.05) / 4),
    ],
    ids=["one in four", "sure and right", "sure and wrong", "one bin of two is off"],
)
def test_how_far_what_is_said_lies_from_what_is(
    said: list[float], really: list[bool], wanted: float
) -> None:
    times = np.ones(len(said), np.int64)
    assert error(np.array(said), really=np.array(really), times=times) == pytest.approx(wanted)


def test_a_head_drawn_twice_counts_twice() -> None:
    said, really = np.array([0.95, 0.05]), np.array([False, False])
    times = np.array([2, 1])
    assert error(said, really=really, times=times) == pytest.approx((2 * 0.95 + 0.05) / 3)


def test_each_head_is_in_one_bin_and_an_empty_bin_has_no_rate() -> None:
    said, really = np.array([0.0, 0.1, 0.95, 1.0]), np.array([False, False, True, True])
    made = trust(said, really=really, draws=10)
    shares = {name: figure for name, figure in made.items() if name.endswith("really lit")}
    assert [figure.of for figure in shares.values()] == [1, 1, 0, 2]
    assert [figure.value for figure in shares.values()] == [0.0, 0.0, None, 1.0]
    assert made["lit said 0.9 to 1: mean"].value == pytest.approx(0.975)
