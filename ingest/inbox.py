"""What has come from the network and waits for the worker: bounded, between two threads."""

import threading
from collections import deque
from typing import Final

from ingest.parse import Message

_MOST_MESSAGES: Final = 70_000
"""More than MQTT can have unacknowledged on one connection (65,535)."""

_MOST_BYTES: Final = 128_000_000
_OVERHEAD: Final = 300


class Inbox:
    """One thread puts, one takes. The putter asks ``is_full`` before it reads on."""

    def __init__(self, *, most: int = _MOST_MESSAGES) -> None:
        self._most = most
        self._messages: deque[Message] = deque()
        self._bytes_in = 0
        self._bytes_out = 0
        self._ready = threading.Event()

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def is_full(self) -> bool:
        return len(self._messages) >= self._most or self._bytes_in - self._bytes_out >= _MOST_BYTES

    def put(self, message: Message) -> None:
        self._bytes_in += len(message.payload) + _OVERHEAD
        self._messages.append(message)

    def flush(self) -> None:
        """The socket is dry, or there is a good bulk: let the worker have it."""
        self._ready.set()

    def take(self, *, most: int, timeout_s: float) -> list[Message]:
        """Up to ``most`` messages once flushed; [] when the time is over."""
        if not self._ready.wait(timeout_s):
            return []
        self._ready.clear()
        count = min(most, len(self._messages))
        taken = [self._messages.popleft() for _ in range(count)]
        self._bytes_out += sum(len(message.payload) + _OVERHEAD for message in taken)
        if self._messages:
            self._ready.set()
        return taken
