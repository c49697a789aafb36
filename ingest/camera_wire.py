"""What a camera process and its parent say to each other, over two pipes.

Parent to child: one JSON object a line; the end of the pipe means that the parent is gone.
Child to parent: messages of a fixed head, a JSON header and, for a picture, its raw bytes.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

_HEAD = struct.Struct("<II")
_LARGEST_HEADER = 1 << 20
_LARGEST_PICTURE = 1 << 28

Pixels = NDArray[np.uint8]
"""Height x width x 3, BGR."""


@dataclass(frozen=True, slots=True)
class CameraOrder:
    """One camera that a child reads. ``url`` holds its credentials: it only goes over the pipe."""

    id: str
    url: str
    every_s: float


@dataclass(frozen=True, slots=True)
class ChildOrder:
    """The first line a child reads."""

    parent_pid: int
    cameras: tuple[CameraOrder, ...]
    open_s: float
    read_s: float
    beat_s: float


@dataclass(frozen=True, slots=True)
class CameraBeat:
    """How one camera stands. ``phase``: connecting, playing or waiting; ``trouble`` in words, ''
    while there is none; ``stuck_s``: seconds since its thread last came back from a call."""

    phase: str
    trouble: str
    stuck_s: float


@dataclass(frozen=True, slots=True)
class Beat:
    """A child's sign of life. ``dropped`` counts the frames lost since the last beat by reason."""

    cameras: Mapping[str, CameraBeat]
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One decoded frame. ``ts``: wall clock in milliseconds when it left the decoder."""

    camera: str
    ts: int
    pixels: Pixels


class Readable(Protocol):
    """A raw binary stream, of which one read may give less than asked for."""

    def readinto(self, buffer: memoryview, /) -> int | None: ...


class Writable(Protocol):
    def write(self, data: memoryview, /) -> int | None: ...


def encode_order(order: ChildOrder) -> bytes:
    return json.dumps(asdict(order)).encode() + b"\n"


def decode_order(line: bytes) -> ChildOrder:
    fields: dict[str, Any] = json.loads(line)
    cameras = tuple(CameraOrder(**camera) for camera in fields.pop("cameras"))
    return ChildOrder(cameras=cameras, **fields)


def encode_forget(cameras: Sequence[str]) -> bytes:
    """The line by which a child is told to let go of these cameras."""
    return json.dumps({"forget": list(cameras)}).encode() + b"\n"


def decode_forget(line: bytes) -> frozenset[str]:
    return frozenset(json.loads(line)["forget"])


def write_message(stream: Writable, message: Beat | Picture) -> None:
    """Blocks until the pipe has taken all of it; the caller holds the lock of the pipe."""
    if isinstance(message, Picture):
        height, width, _ = message.pixels.shape
        header = {
            "camera": message.camera,
            "ts": message.ts,
            "height": height,
            "width": width,
        }
        payload = memoryview(np.ascontiguousarray(message.pixels).data).cast("B")
    else:
        header = asdict(message)
        payload = memoryview(b"")
    text = json.dumps(header).encode()
    _write_all(stream, memoryview(_HEAD.pack(len(text), len(payload)) + text))
    _write_all(stream, payload)


def read_message(stream: Readable) -> Beat | Picture | None:
    """The next message; None at the end of the pipe, also in the middle of a message.

    Raises ValueError where the bytes are no such message.
    """
    head = _read_all(stream, _HEAD.size)
    if head is None:
        return None
    header_size, payload_size = _HEAD.unpack(head)
    if header_size > _LARGEST_HEADER or payload_size > _LARGEST_PICTURE:
        message = f"a camera message of {header_size} + {payload_size} bytes"
        raise ValueError(message)
    text = _read_all(stream, header_size)
    payload = _read_all(stream, payload_size)
    if text is None or payload is None:
        return None
    fields: dict[str, Any] = json.loads(text)
    if "camera" in fields:
        pixels = np.frombuffer(payload, dtype=np.uint8)
        shape = (fields["height"], fields["width"], 3)
        return Picture(fields["camera"], fields["ts"], pixels.reshape(shape))
    cameras = {name: CameraBeat(**beat) for name, beat in fields["cameras"].items()}
    return Beat(cameras, fields["dropped"])


def _write_all(stream: Writable, data: memoryview) -> None:
    while data:
        data = data[stream.write(data) or 0 :]


def _read_all(stream: Readable, size: int) -> bytearray | None:
    data = bytearray(size)
    rest = memoryview(data)
    while rest:
        count = stream.readinto(rest)
        if not count:
            return None
        rest = rest[count:]
    return data
