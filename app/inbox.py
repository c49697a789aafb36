"""What a responsible unit got: shown on the page where the receiver tells us (the demo's does)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from citypatrol.clock import Ts


@dataclass(frozen=True, slots=True)
class Received:
    """One delivery as the receiver saw it. ``answer``: what it sent back, in words."""

    at: Ts
    unit: str
    type: str
    ticket: str
    webhook_id: str
    verified: bool
    answer: str | None = None


class Inbox(Protocol):
    def received(self) -> Sequence[Received]:
        """The newest deliveries, newest last; quick, never blocks."""
        ...
