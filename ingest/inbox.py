"""What has come from the network and waits for the worker: bounded, between two threads."""

import threading
from collections import deque
from collections.abc import Sequence
from typing import Final

from ingest.message import Message

_MOST_MESSAGES: Final = 70_000
"""More than MQTT can have unacknowledged on one connection (65,535)."""

_MOST_BYTES: Final = 128_000_000
_OVERHEAD: Final = 300


class Inbox:
    """One thread puts, one takes. The putter asks ``is_full`` before it reads on."""

    def __init__(self, *, most: int = _MOST_MESSAGES) -> None:
        self._most = most
        self._bulks: deque[Sequence[Message]] = deque()
        self._in = self._out = 0
        self._bytes_in = self._bytes_out = 0
        self._ready = threading.Event()

    def __len__(self) -> int:
        return self._in - self._out

    @property
    def is_full(self) -> bool:
        return len(self) >= self._most or self._bytes_in - self._bytes_out >= _MOST_BYTES

    def put(self, messages: Sequence[Message]) -> None:
        """What came together; it is taken together too."""
        self._in += len(messages)
        self._bytes_in += _size(messages)
        self._bulks.append(messages)

    def flush(self) -> None:
        """The socket is dry, or there is a good bulk: let the worker have it."""
        self._ready.set()

    def take(self, *, most: int, timeout_s: float) -> list[Message]:
        """What came, once flushed, until there are ``most`` messages or more; [] when the time is
        over."""
        if not self._ready.wait(timeout_s):
            return []
        self._ready.clear()
        taken: list[Message] = []
        while self._bulks and len(taken) < most:
            taken += self._bulks.popleft()
        self._out += len(taken)
        self._bytes_out += _size(taken)
        if self._bulks:
            self._ready.set()
        return taken


def _size(messages: Sequence[Message]) -> int:
    return sum([len(message.payload) for message in messages]) + _OVERHEAD * len(messages)
