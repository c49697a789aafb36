import pytest

from ingest.pace import Pace


def _after(count: int, *, flushed_s: float) -> Pace:
    pace = Pace()
    pace.flushed(flushed_s)
    pace.came(count, now_s=flushed_s + 0.001)
    return pace


def test_after_a_rest_the_first_goes_at_once() -> None:
    pace = Pace()
    assert not pace.is_due(100.0)
    pace.came(1, now_s=100.0)
    assert pace.is_due(100.0)


@pytest.mark.parametrize(
    ("count", "due_s"), [(1, 0.020), (40, 0.022), (400, 0.025), (9_000, 0.025)]
)
def test_more_messages_may_wait_longer(count: int, due_s: float) -> None:
    pace = _after(count, flushed_s=100.0)
    assert not pace.is_due(100.0 + due_s - 0.0005)
    assert pace.is_due(100.0 + due_s + 0.0005)
    assert 1 <= pace.left_ms(100.001) <= 25


@pytest.mark.parametrize(
    ("window", "at_s", "nap_ms"),
    [(20, 100.001, 0), (1_000, 100.001, 2), (1_000, 100.0025, 1), (1_000, 100.004, 0)],
    ids=["a-small-window-may-be-full", "just-read", "half", "over"],
)
def test_the_network_is_left_alone_for_a_moment(window: int, at_s: float, nap_ms: int) -> None:
    assert _after(50, flushed_s=100.0).nap_ms(at_s, window=window) == nap_ms


def test_nothing_waits_for_a_nap_when_nothing_came() -> None:
    assert Pace().nap_ms(100.0, window=1_000) == 0
