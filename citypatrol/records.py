"""What the journal carries: batches, and control records through which alone time passes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from citypatrol.clock import Ts
from citypatrol.samples import Batch, decode_batch, encode_batch


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has come as far as ``ts``: appended once a second by the owner of a partition."""

    ts: Ts


@dataclass(frozen=True, slots=True)
class ModeSwitched:
    ts: Ts
    mode: str


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """From here on the rule set with this hash judges."""

    ts: Ts
    hash: str


@dataclass(frozen=True, slots=True)
class SourceSeen:
    """A source heard for the first time, or whose labels, lateness or stale have changed.

    Comes before the first batch that holds the source. ``labels`` are the registry's columns (a
    region's are its camera's) over those of the topic; ``lateness`` and ``stale`` are milliseconds.
    """

    ts: Ts
    source: str
    labels: Mapping[str, str]
    lateness: int
    stale: int


Control = Tick | ModeSwitched | RulesInForce | SourceSeen
Record = Batch | Control

_KINDS: dict[str, type[Control]] = {
    "tick": Tick,
    "mode": ModeSwitched,
    "rules": RulesInForce,
    "source": SourceSeen,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_ARROW_STREAM = b"\xff\xff\xff\xff"


def encode_record(record: Record) -> bytes:
    """An Arrow IPC stream for a batch, one JSON object with ``type`` for a control record."""
    if isinstance(record, Batch):
        return encode_batch(record)
    return orjson.dumps({"type": _NAMES[type(record)], **asdict(record)})


def decode_record(data: bytes) -> Record:
    """The record of ``encode_record``; ValueError where the bytes are none."""
    if data.startswith(_ARROW_STREAM):
        return decode_batch(data)
    try:
        fields: dict[str, Any] = orjson.loads(data)
        return _KINDS[fields.pop("type")](**fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"not a journal record: {data[:60]!r} ({error})"
        raise ValueError(message) from error
