"""Calls of a network that come while it is busy share its next run: batches across cameras."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition

import numpy as np
from numpy.typing import NDArray

Arrays = list[NDArray[np.float32]]
Run = Callable[[NDArray[np.float32]], Arrays]


@dataclass(slots=True, eq=False)
class _Call:
    pictures: NDArray[np.float32]
    answer: Arrays | None = None
    error: BaseException | None = None


class Together:
    """Thread-safe. No thread of its own and no waiting for company: whoever finds the network free
    runs it for all who wait with pictures of the same size, ``most`` pictures at a time (one
    call's always go together). Calls are answered in the order in which they came.

    An error of a run is raised to each of those who shared it.
    """

    def __init__(self, run: Run, *, most: int) -> None:
        self._run = run
        self._most = most
        self._waiting: deque[_Call] = deque()
        self._busy = False
        self._turn = Condition()

    def __call__(self, pictures: NDArray[np.float32]) -> Arrays:
        """The network's outputs for these pictures (first axis: the picture)."""
        call = _Call(pictures)
        with self._turn:
            self._waiting.append(call)
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._is_done(call) or not self._busy)
                if call.error is not None:
                    raise call.error
                if call.answer is not None:
                    return call.answer
                self._busy = True
                mine = self._next()
            self._answer(mine)

    @property
    def waiting(self) -> int:
        """Calls that are in no run yet."""
        return len(self._waiting)

    def _is_done(self, call: _Call) -> bool:
        return call.answer is not None or call.error is not None

    def _next(self) -> list[_Call]:
        """The call that has waited longest, and whoever fits to it."""
        chosen = [self._waiting.popleft()]
        size, room = chosen[0].pictures.shape[1:], self._most - len(chosen[0].pictures)
        for call in list(self._waiting):
            if call.pictures.shape[1:] == size and len(call.pictures) <= room:
                room -= len(call.pictures)
                self._waiting.remove(call)
                chosen.append(call)
        return chosen

    def _answer(self, calls: list[_Call]) -> None:
        error: BaseException | None = None
        outputs: Arrays = []
        try:
            whole = [call.pictures for call in calls]
            outputs = self._run(whole[0] if len(whole) == 1 else np.concatenate(whole))
        except BaseException as raised:  # noqa: BLE001 - handed on to those who wait
            error = raised
        with self._turn:
            start = 0
            for call in calls:
                end = start + len(call.pictures)
                call.error = error
                call.answer = None if error else [output[start:end] for output in outputs]
                start = end
            self._busy = False
            self._turn.notify_all()
