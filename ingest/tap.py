"""Lets somebody look on while messages come in, without slowing them: who looks on waits."""

import re
import threading
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from ingest.message import Message

_MOST_MESSAGES: Final = 2_000
_MOST_BYTES: Final = 8_000_000
_MOST_LISTENERS: Final = 8


class Crowded(Exception):
    """So many look on already."""


class Came(NamedTuple):
    """A message and the input that it came by. ``surplus``: its source sends too much, and this
    one is not read."""

    input: str
    message: Message
    surplus: bool = False


class Listener:
    """What came on some topics and was not looked at yet; bounded, and what did not fit is
    counted."""

    def __init__(self, topics: "re.Pattern[str]", *, most: int = _MOST_MESSAGES) -> None:
        self._topics = topics
        self._most = most
        self._came: deque[Came] = deque()
        self._bytes_in = 0
        self._bytes_out = 0
        self._dropped = 0
        self._told = 0

    def hear(self, messages: Sequence[Message], *, input: str, surplus: bool = False) -> None:
        """In the thread of the input."""
        matches = self._topics.match
        for message in messages:
            if matches(message.topic):
                full = self._bytes_in - self._bytes_out >= _MOST_BYTES
                if full or len(self._came) >= self._most:
                    self._dropped += 1
                    continue
                self._bytes_in += len(message.payload)
                self._came.append(Came(input, message, surplus))

    def take(self, *, most: int) -> tuple[list[Came], int]:
        """The next ones, and how many were not kept since the last time. In any one thread."""
        count = min(most, len(self._came))
        taken = [self._came.popleft() for _ in range(count)]
        self._bytes_out += sum(len(one.message.payload) for one in taken)
        dropped = self._dropped - self._told
        self._told += dropped
        return taken, dropped


class Tap:
    """Where inputs show their messages, and listeners come and go. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: tuple[Listener, ...] = ()
        self.closed = False

    @property
    def is_open(self) -> bool:
        """Whether anybody looks on: else there is nothing to do."""
        return bool(self._listeners)

    @property
    def is_crowded(self) -> bool:
        return len(self._listeners) >= _MOST_LISTENERS

    def show(self, messages: Sequence[Message], *, input: str, surplus: bool = False) -> None:
        for listener in self._listeners:
            listener.hear(messages, input=input, surplus=surplus)

    def listen(self, topics: str) -> Listener:
        """``topics``: an MQTT topic filter. Raises ValueError where it is none, ``Crowded``."""
        listener = Listener(compiled(topics))
        with self._lock:
            if self.is_crowded:
                message = f"{_MOST_LISTENERS} look on already; end one of them"
                raise Crowded(message)
            self._listeners = (*self._listeners, listener)
        return listener

    def leave(self, listener: Listener) -> None:
        with self._lock:
            self._listeners = tuple(one for one in self._listeners if one is not listener)

    def close(self) -> None:
        """The process stops: whoever looks on is to end."""
        self.closed = True


def compiled(topics: str) -> "re.Pattern[str]":
    """Matches the topics of an MQTT topic filter (3.1.1, section 4.7). Raises ValueError."""
    levels = topics.split("/")
    wrong = not topics or any(
        ("#" in level and (level != "#" or number < len(levels) - 1))
        or ("+" in level and level != "+")
        for number, level in enumerate(levels)
    )
    if wrong:
        message = (
            f"'{topics}' is no topic filter: `+` stands for a whole level, `#` for all further ones"
            " at the end; write one like city/+/water/#"
        )
        raise ValueError(message)
    front = r"(?!\$)" if levels[0] in ("+", "#") else ""
    rest = levels[-1] == "#"
    parts = [
        "[^/]*" if level == "+" else re.escape(level) for level in levels[: len(levels) - rest]
    ]
    body = "/".join(parts)
    if rest:
        body = f"{body}(?:/.*)?" if parts else ".*"
    return re.compile(rf"{front}{body}\Z", re.DOTALL)
