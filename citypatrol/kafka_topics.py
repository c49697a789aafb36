"""Our topics in Kafka and what goes over them, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from citypatrol.clock import Ts

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it must be. ``config`` is Kafka's; it is set at creation and never changed."""

    name: str
    partitions: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to produce; ``value`` None erases the key in a compacted topic."""

    topic: str
    partition: int
    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class Incoming(NamedTuple):
    """One message as it lies in a partition. Positions start at 1: Kafka's offset plus one."""

    partition: int
    position: int
    value: bytes | None
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    ts: Ts


@dataclass(frozen=True, slots=True)
class Topics:
    """What the topics of one city are called.

    ``samples`` and ``snapshots`` have N partitions, the rest one: incidents are few, and one
    partition keeps them in one order. ``ticks`` holds, by input process, how far it has come.
    """

    samples: str
    snapshots: str
    incidents: str
    dead: str
    ticks: str

    @classmethod
    def of(cls, prefix: str) -> "Topics":
        names = ("samples", "snapshots", "incidents", "dead", "ticks")
        return cls(*(f"{prefix}.{name}" for name in names))

    def layout(self, *, partitions: int, keep: int) -> list[Topic]:
        """Every topic; ``keep`` in milliseconds is how long a record stays at the least."""
        kept = {
            "cleanup.policy": "delete",
            "retention.ms": str(keep),
            "segment.ms": str(max(HOUR_MS, keep // 24)),
        }
        newest = {
            "cleanup.policy": "compact",
            "segment.ms": str(HOUR_MS // 6),
            "segment.bytes": str(64 * 2**20),
            "min.cleanable.dirty.ratio": "0.2",
            "delete.retention.ms": str(HOUR_MS),
        }
        return [
            Topic(self.samples, partitions, kept),
            Topic(self.snapshots, partitions, newest),
            Topic(self.incidents, 1, kept),
            Topic(self.dead, 1, kept),
            Topic(self.ticks, 1, newest),
        ]


def dead_letter(
    topic: str, *, kind: str, origin: str, reason: str, payload: bytes, at: Ts
) -> Outgoing:
    """What could not be used, as a message: its bytes as they came, the rest in headers."""
    said = {"kind": kind, "origin": origin, "reason": reason, "at": str(at)}
    headers = tuple((name, text.encode()) for name, text in said.items())
    return Outgoing(topic, 0, payload, origin.encode(), headers)
