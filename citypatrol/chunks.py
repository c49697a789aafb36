"""A snapshot as messages of a compacted topic: chunks first, then the head that makes it valid.

Keys are ``NAME/GENERATION/NUMBER`` for a chunk and ``NAME`` for the head. A writer that dies in
the middle leaves the old head and its chunks whole; its own chunks are stale and are erased by the
next save. Two writers at once (a worker that has not noticed that its partition went to another)
cannot mix their chunks: each save has a generation of its own.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

import orjson

CHUNK_BYTES = 512_000


@dataclass(frozen=True, slots=True)
class Message:
    """``value`` None erases the key."""

    key: str
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Stored:
    """What a topic held: the position, the state, its chunks' keys, and those of earlier saves."""

    position: int | None
    data: bytes
    chunks: tuple[str, ...]
    stale: tuple[str, ...]


def cut(name: str, data: bytes, *, position: int, generation: str) -> tuple[list[Message], Message]:
    """The chunks, to be stored before the head."""
    parts = [data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES)]
    chunks = [Message(f"{name}/{generation}/{n}", part) for n, part in enumerate(parts)]
    head = {
        "generation": generation,
        "chunks": len(chunks),
        "crc32": crc32(data),
        "position": position,
    }
    return chunks, Message(name, orjson.dumps(head))


def join(name: str, messages: Mapping[str, bytes]) -> Stored:
    """The snapshot of this name among the newest messages by key, given in the order of the log.

    Position None: there is none. Raises ValueError where a head is there and its chunks are not.
    """
    if name not in messages:
        return Stored(None, b"", (), ())
    head = orjson.loads(messages[name])
    wanted = [f"{name}/{head['generation']}/{n}" for n in range(head["chunks"])]
    missing = [key for key in wanted if key not in messages]
    data = b"".join(messages[key] for key in wanted if key not in missing)
    if missing or crc32(data) != head["crc32"]:
        message = f"snapshot '{name}': {len(missing)} of {len(wanted)} chunks are missing"
        raise ValueError(message)
    # Chunks behind the head may belong to a save that is being written now: they stay.
    before = itertools.takewhile(lambda key: key != name, messages)
    earlier = {key for key in before if key.startswith(f"{name}/")}
    return Stored(head["position"], data, tuple(wanted), tuple(sorted(earlier.difference(wanted))))
