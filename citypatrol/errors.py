"""One exception per audience (STYLE 10)."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend in a file. ``line`` and ``column`` start at 1; 0: no place known."""

    path: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f":{self.line}:{self.column}" if self.line else ""
        return f"{self.path}{place}: {self.message}"


class ConfigError(Exception):
    """Somebody mends a file: carries every problem found, not the first one only."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


class Retry(Exception):
    """The outside world is not ready: the runtime waits ``after_s`` (None: its own back-off)."""

    def __init__(self, reason: str, *, after_s: float | None = None) -> None:
        self.reason = reason
        self.after_s = after_s
        super().__init__(reason)


class Reject(Exception):
    """This one thing will never be accepted: it goes to the dead-letter store with ``reason``."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
