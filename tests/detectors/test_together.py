import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.together import Together

Arrays = list[NDArray[np.float32]]


class Network:
    """Answers with each picture's first value, twice; its first run waits until it may go on."""

    def __init__(self) -> None:
        self.runs: list[int] = []
        self.began, self.may_go_on = threading.Event(), threading.Event()
        self.inside = self.most_inside = 0

    def __call__(self, pictures: NDArray[np.float32]) -> Arrays:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self.runs.append(len(pictures))
        if len(self.runs) == 1:
            self.began.set()
            assert self.may_go_on.wait(10)
        self.inside -= 1
        if (pictures < 0).any():
            message = "negative"
            raise ValueError(message)
        first = pictures.reshape(len(pictures), -1)[:, :1]
        return [first, first * 2]


def pictures(*values: float, side: int = 4) -> NDArray[np.float32]:
    return np.stack([np.full((3, side, side), value, np.float32) for value in values])


def while_busy(
    network: Network, together: Together, calls: list[NDArray[np.float32]]
) -> list[Future[Arrays]]:
    """A first call holds the network; the others come one after the other meanwhile."""
    with ThreadPoolExecutor(len(calls) + 1) as pool:
        first = pool.submit(together, pictures(99))
        assert network.began.wait(10)
        futures = []
        for number, call in enumerate(calls, 1):
            futures.append(pool.submit(together, call))
            until(lambda number=number: together.waiting == number)
        network.may_go_on.set()
    assert first.result()[0].tolist() == [[99]]
    return futures


def until(holds: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(2000):
        if holds():
            return
        pause.wait(0.005)
    raise AssertionError


@pytest.mark.parametrize(
    ("calls", "most", "runs"),
    [
        pytest.param([[1], [2], [3]], 16, [1, 3], id="who waits goes together"),
        pytest.param([[1], [2], [3]], 2, [1, 2, 1], id="no more than a call holds"),
        pytest.param([[1, 2], [3, 4], [5]], 3, [1, 3, 2], id="a call is not torn apart"),
        pytest.param([[1, 2, 3]], 2, [1, 3], id="nor is a large one"),
    ],
)
def test_calls_that_come_meanwhile_share_a_run(
    calls: list[list[float]], most: int, runs: list[int]
) -> None:
    network = Network()
    futures = while_busy(network, Together(network, most=most), [pictures(*c) for c in calls])
    assert [f.result()[0].ravel().tolist() for f in futures] == calls
    assert [f.result()[1].ravel().tolist() for f in futures] == [[2 * v for v in c] for c in calls]
    assert network.runs == runs
    assert network.most_inside == 1


def test_pictures_of_another_size_have_a_run_of_their_own() -> None:
    network = Network()
    calls = [pictures(1), pictures(2, side=8), pictures(3)]
    futures = while_busy(network, Together(network, most=16), calls)
    assert [f.result()[0].ravel().tolist() for f in futures] == [[1], [2], [3]]
    assert network.runs == [1, 2, 1]


def test_an_error_reaches_all_who_shared_the_run_and_nobody_else() -> None:
    network = Network()
    calls = [pictures(1), pictures(-1), pictures(3, side=8)]
    futures = while_busy(network, Together(network, most=16), calls)
    assert [type(f.exception()) for f in futures] == [ValueError, ValueError, type(None)]
    assert Together(network, most=4)(pictures(5))[0].tolist() == [[5]]
