"""The state machine of one alarm, step by step."""

import pytest

from rules.alarm import Alarm, Firing, Pending, Timing, due, settle, turn

T = Timing(hold_for=10, at_least=2, clear_for=5)
QUICK = Timing()


@pytest.mark.parametrize(
    ("alarm", "end"),
    [
        (None, None),
        (Pending(100, 1), 110),
        (Firing(100, 110), None),
        (Firing(100, 110, clearing=120), 125),
    ],
)
def test_due(alarm: Alarm, end: int | None) -> None:
    assert due(alarm, T) == end


@pytest.mark.parametrize(
    ("alarm", "until", "count", "after", "at"),
    [
        pytest.param(None, 999, 9, None, None, id="ok stays ok"),
        pytest.param(Pending(100, 1), 109, 2, Pending(100, 1), None, id="not yet"),
        pytest.param(Pending(100, 1), 110, 2, Firing(100, 110), 110, id="fires at its end"),
        pytest.param(Pending(100, 1), 500, 2, Firing(100, 110), 110, id="fires at its end, later"),
        pytest.param(Pending(100, 1), 500, 1, Pending(100, 1), None, id="too few samples"),
        pytest.param(Firing(100, 110), 999, 9, Firing(100, 110), None, id="fires on"),
        pytest.param(
            Firing(100, 110, 120), 124, 9, Firing(100, 110, 120), None, id="clears not yet"
        ),
        pytest.param(Firing(100, 110, 120), 125, 9, None, 125, id="clears"),
        pytest.param(Firing(100, 110, 90), 125, 9, None, 110, id="clears no sooner than it fired"),
    ],
)
def test_settle(alarm: Alarm, until: int, count: int, after: Alarm, at: int | None) -> None:
    assert settle(alarm, T, until=until, count=count) == (after, at)


@pytest.mark.parametrize(
    ("alarm", "at", "holds", "clears", "count", "after", "said"),
    [
        pytest.param(None, 100, True, False, 3, Pending(100, 3), None, id="begins"),
        pytest.param(None, 100, False, True, 3, None, None, id="false"),
        pytest.param(None, 100, None, None, 3, None, None, id="unknown"),
        pytest.param(Pending(100, 3), 105, True, False, 4, Pending(100, 3), None, id="goes on"),
        pytest.param(Pending(100, 3), 110, True, False, 4, Firing(100, 110), 110, id="fires"),
        pytest.param(
            Pending(100, 3), 117, True, False, 4, Firing(100, 117), 117, id="fires late: at_least"
        ),
        pytest.param(Pending(100, 3), 105, False, False, 4, None, None, id="broken"),
        pytest.param(Pending(100, 3), 105, None, None, 4, None, None, id="broken by unknown"),
        pytest.param(
            Firing(100, 110), 120, False, True, 5, Firing(100, 110, 120), None, id="clearing"
        ),
        pytest.param(
            Firing(100, 110, 120), 124, False, True, 5, Firing(100, 110, 120), None, id="still"
        ),
        pytest.param(Firing(100, 110, 120), 125, False, True, 5, None, 125, id="cleared"),
        pytest.param(
            Firing(100, 110, 120), 124, True, True, 5, Firing(100, 110), None, id="when comes first"
        ),
        pytest.param(
            Firing(100, 110, 120), 124, False, False, 5, Firing(100, 110), None, id="between"
        ),
        pytest.param(
            Firing(100, 110, 120), 124, None, None, 5, Firing(100, 110), None, id="unknown breaks"
        ),
        pytest.param(Firing(100, 110), 120, True, False, 5, Firing(100, 110), None, id="holds"),
    ],
)
def test_turn(
    alarm: Alarm,
    at: int,
    holds: bool | None,
    clears: bool | None,
    count: int,
    after: Alarm,
    said: int | None,
) -> None:
    assert turn(alarm, T, at=at, holds=holds, clears=clears, count=count) == (after, said)


def test_without_for_it_fires_and_clears_at_once() -> None:
    firing, at = turn(None, QUICK, at=7, holds=True, clears=False, count=1)
    assert (firing, at) == (Firing(7, 7), 7)
    assert turn(firing, QUICK, at=9, holds=False, clears=True, count=2) == (None, 9)


def test_a_sample_from_before_it_fired_clears_it_when_it_fired() -> None:
    firing = Firing(since=100, fired_at=110)
    assert turn(firing, QUICK, at=105, holds=False, clears=True, count=2) == (None, 110)
