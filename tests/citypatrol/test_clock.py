import time

from citypatrol.clock import ManualClock, SystemClock


def test_the_machines_clock_is_in_milliseconds() -> None:
    before = time.time() * 1000
    assert before - 1 <= SystemClock().now() <= time.time() * 1000


def test_a_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(5)
    assert clock.now() == 5
    clock.advance(10)
    assert clock.now() == 15
