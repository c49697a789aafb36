"""To the dead-letter store, in a thread of its own: a store that hangs delays no reading."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from citypatrol.dead import DeadLetter, DeadStore
from citypatrol.errors import ConfigError, Retry
from ingest.message import Letter, Message

log = structlog.get_logger(__name__)

_MOST: Final = 5_000
_AT_ONCE: Final = 500
_AGAIN_S: Final = 1.0


class Letterbox:
    """``stored`` is called, in this thread, with messages whose letters are durable."""

    def __init__(
        self, dead: DeadStore, *, name: str, stored: Callable[[Sequence[Message]], None]
    ) -> None:
        self._dead = dead
        self._name = name
        self._stored = stored
        self._letters: deque[Letter] = deque()
        self._filled = threading.Event()
        self._stop = threading.Event()

    @property
    def is_full(self) -> bool:
        return len(self._letters) >= _MOST

    def add(self, letters: Sequence[Letter]) -> None:
        self._letters.extend(letters)
        self._filled.set()

    def stop(self) -> None:
        """At once; what is not stored stays unacknowledged."""
        self._stop.set()
        self._filled.set()

    def run(self) -> None:
        while self._filled.wait() and not self._stop.is_set():
            self._filled.clear()
            while self._letters and not self._stop.is_set():
                self._store_some()

    def _store_some(self) -> None:
        some = [self._letters[number] for number in range(min(_AT_ONCE, len(self._letters)))]
        try:
            self._dead.put_many(
                DeadLetter(
                    "message",
                    one.message.topic,
                    one.reason,
                    one.message.payload,
                    one.message.arrived,
                )
                for one in some
            )
        except (Retry, ConfigError) as error:
            log.error(
                "the dead-letter store takes nothing: unreadable messages stay unacknowledged",
                input=self._name,
                letters=len(self._letters),
                error=str(error),
            )
            self._stop.wait(_AGAIN_S)
            return
        for _ in some:
            self._letters.popleft()
        self._stored([one.message for one in some])
