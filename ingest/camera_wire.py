"""What a camera process and its parent say to each other, over two pipes.

Parent to child: one JSON object a line; the end of the pipe means that the parent is gone.
Child to parent: messages of a fixed head, a JSON header and, for a picture, its raw bytes.
"""

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
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
    transport: str = "tcp"


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


@dataclass(frozen=True, slots=True)
class Forget:
    """A child is told to let go of these cameras."""

    cameras: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BurstOrder:
    """Every frame of a camera's next ``seconds``, cut to ``boxes`` (fractions x1, y1, x2, y2)."""

    camera: str
    seconds: float
    boxes: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class PictureBurst:
    """``cuts[k]``: a cut-out a box of the frame of ``times[k]`` (wall clock, milliseconds)."""

    camera: str
    times: tuple[int, ...]
    cuts: tuple[tuple[Pixels, ...], ...]


Message = Beat | Picture | PictureBurst
"""What a child says."""

Order = CameraOrder | Forget | BurstOrder
"""What a child is told while it runs; a camera order is one more camera to read."""

_ORDERS: Mapping[str, type[Order]] = {"read": CameraOrder, "forget": Forget, "burst": BurstOrder}


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


def encode(order: Order) -> bytes:
    """The line by which a child is told something."""
    word = next(word for word, kind in _ORDERS.items() if type(order) is kind)
    return json.dumps({word: asdict(order)}).encode() + b"\n"


def decode(line: bytes) -> Order:
    ((word, fields),) = json.loads(line).items()
    if word == "forget":
        return Forget(tuple(fields["cameras"]))
    if word == "burst":
        boxes = tuple((x1, y1, x2, y2) for x1, y1, x2, y2 in fields["boxes"])
        return BurstOrder(fields["camera"], fields["seconds"], boxes)
    return CameraOrder(**fields)


def write_message(stream: Writable, message: Message) -> None:
    """Blocks until the pipe has taken all of it; the caller holds the lock of the pipe."""
    payload: list[Pixels] = []
    if isinstance(message, Picture):
        payload = [message.pixels]
        header = {
            "camera": message.camera,
            "ts": message.ts,
            "shape": message.pixels.shape,
        }
    elif isinstance(message, PictureBurst):
        payload = [cut for cuts in message.cuts for cut in cuts]
        header = {
            "camera": message.camera,
            "times": message.times,
            "shapes": [[cut.shape for cut in cuts] for cuts in message.cuts],
        }
    else:
        header = asdict(message)
    text = json.dumps(header).encode()
    size = sum(pixels.nbytes for pixels in payload)
    _write_all(stream, memoryview(_HEAD.pack(len(text), size) + text))
    for pixels in payload:
        _write_all(stream, memoryview(np.ascontiguousarray(pixels).data).cast("B"))


def read_message(stream: Readable) -> Message | None:
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
    if "shape" in fields:
        pixels = np.frombuffer(payload, dtype=np.uint8)
        return Picture(fields["camera"], fields["ts"], pixels.reshape(fields["shape"]))
    if "shapes" in fields:
        cuts = tuple(_cut_up(payload, fields["shapes"]))
        return PictureBurst(fields["camera"], tuple(fields["times"]), cuts)
    cameras = {name: CameraBeat(**beat) for name, beat in fields["cameras"].items()}
    return Beat(cameras, fields["dropped"])


def _cut_up(payload: bytearray, shapes: Sequence[Sequence[Any]]) -> Iterator[tuple[Pixels, ...]]:
    start = 0
    for frame in shapes:
        cuts = []
        for height, width, depth in frame:
            size = height * width * depth
            flat = np.frombuffer(payload, dtype=np.uint8, count=size, offset=start)
            cuts.append(flat.reshape(height, width, depth))
            start += size
        yield tuple(cuts)


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
