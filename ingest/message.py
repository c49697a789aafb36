"""One publication as it came, and the bounds of the times it may bring."""

from typing import NamedTuple

from citypatrol.clock import Ts


class Message(NamedTuple):
    """One publication as it came. ``arrived``: wall clock, milliseconds. ``mid``: the number to
    acknowledge it by, valid on connection ``epoch`` only; 0 for QoS 0."""

    topic: str
    payload: bytes
    arrived: Ts
    retain: bool = False
    dup: bool = False
    mid: int = 0
    epoch: int = 0


class Letter(NamedTuple):
    """A message for the dead-letter store."""

    message: Message
    reason: str


class ClockBounds(NamedTuple):
    """How far a payload's time may be from its arrival, in milliseconds."""

    future: int = 300_000
    past: int = 604_800_000
