"""How soon a camera is tried again."""

import pytest

from ingest.camera_retry import SLOWEST_S, Trouble, retry_delay


@pytest.mark.parametrize("trouble", Trouble, ids=lambda trouble: trouble.name)
@pytest.mark.parametrize("roll", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("reachable", [True, False])
def test_delays_never_shrink_and_stay_bounded(
    trouble: Trouble, roll: float, reachable: bool
) -> None:
    delays = [
        retry_delay(trouble, failures=n, reachable=reachable, roll=roll) for n in range(1, 40)
    ]
    assert delays == sorted(delays)
    assert delays[0] > 0
    assert delays[-1] <= SLOWEST_S


@pytest.mark.parametrize("trouble", [Trouble.SILENT, Trouble.FROZEN, Trouble.ENDED])
def test_a_host_that_takes_connections_is_back_within_15_s(trouble: Trouble) -> None:
    assert retry_delay(trouble, failures=100, reachable=True, roll=1.0) <= 10.5


def test_first_retries_are_quick() -> None:
    first = [retry_delay(Trouble.REFUSED, failures=n, reachable=True, roll=0.5) for n in (1, 2, 3)]
    assert first == [0.5, 1.0, 2.0]


def test_logins_are_not_tried_until_the_camera_locks_us_out() -> None:
    delays = [
        retry_delay(Trouble.UNAUTHORIZED, failures=n, reachable=True, roll=0.0) for n in range(1, 5)
    ]
    assert delays == pytest.approx([7, 14, 28, 42])


def test_cameras_that_fail_together_are_not_tried_together() -> None:
    low, high = (
        retry_delay(Trouble.REFUSED, failures=5, reachable=True, roll=roll) for roll in (0.0, 1.0)
    )
    assert high / low > 1.8
