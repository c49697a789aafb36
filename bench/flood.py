"""Publishes unique readings as fast as asked, for less than a microsecond of Python each.

`python -m bench.flood PORT --rate R --seconds S --devices N --first K`: QoS 1 over one raw
connection. The packets of a few milliseconds are one NumPy matrix, a row a message; PUBACKs are
counted, not read. The payload is `{"ts":<now>,"value":<number>}` and the number never comes twice.
Prints one JSON object at its end, after every PUBACK or `PATIENCE_S`; SIGTERM ends it sooner.
"""

import argparse
import json
import resource
import select
import signal
import socket
import struct
import sys
import time
from dataclasses import asdict, dataclass
from types import FrameType
from typing import Final

import numpy as np
from numpy.typing import NDArray

BASE: Final = 100_000_000
"""Values are this plus the message's number: nine digits each, as a JSON number must have."""
PATIENCE_S: Final = 60.0
_UNACKNOWLEDGED: Final = 60_000  # packet identifiers are 16 bits
_STEP_S: Final = 0.002
_MOST_AT_ONCE: Final = 1_000
_CONNACK: Final = b"\x20\x02\x00\x00"

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Account:
    """``seconds``: of publishing, ``acknowledged_s``: until the last PUBACK; ``behind_s``: how far
    the numbers sent were behind the rate at the worst, and at the end."""

    published: int
    acknowledged: int
    seconds: float
    acknowledged_s: float
    behind_s: float
    behind_at_end_s: float
    cpu_s: float


class Packets:
    """PUBLISH packets of one length: topic by device, time and value in fixed places."""

    def __init__(self, devices: int) -> None:
        self._devices = devices
        rows = [_packet(number) for number in range(devices)]
        self._templates: Bytes = np.frombuffer(b"".join(rows), np.uint8).reshape(devices, -1)
        row = rows[0]
        self._mid = row.index(b"{") - 2
        self._ts = row.index(b"0000000000000")
        self._value = row.index(b'"value":') + len(b'"value":')

    def of(self, first: int, count: int, *, now_ms: int) -> bytes:
        """Messages ``first``... with the time of now."""
        numbers = np.arange(first, first + count)
        rows = self._templates[numbers % self._devices]
        mids = numbers % 65_535 + 1
        rows[:, self._mid] = mids >> 8
        rows[:, self._mid + 1] = mids & 0xFF
        rows[:, self._ts : self._ts + 13] = np.frombuffer(b"%013d" % now_ms, np.uint8)
        _digits(rows[:, self._value : self._value + 9], numbers + BASE)
        return rows.tobytes()


def _packet(number: int) -> bytes:
    topic = f"city/guancheng/sensor/dev-{number:06d}/level".encode()
    body = struct.pack(">H", len(topic)) + topic + b"\0\0"
    body += b'{"ts":0000000000000,"value":000000000}'
    assert len(body) < 128, "the remaining length is one byte"
    return bytes([0x32, len(body)]) + body


def _digits(places: Bytes, numbers: NDArray[np.int64]) -> None:
    left = numbers
    for place in range(places.shape[1] - 1, -1, -1):
        left, digit = np.divmod(left, 10)
        places[:, place] = digit + 48


class Flood:
    """One publisher."""

    def __init__(self, port: int, *, devices: int, first: int) -> None:
        self.stopping = False
        self._packets = Packets(devices)
        self._most = min(devices, _MOST_AT_ONCE)
        self._first = self._next = first
        self._acknowledged = self._bytes_in = 0
        self._rest = b""
        self._socket = socket.create_connection(("127.0.0.1", port))
        name = f"flood-{first}".encode()
        body = b"\0\4MQTT\4\2\0\0" + struct.pack(">H", len(name)) + name
        self._socket.sendall(bytes([0x10, len(body)]) + body)
        answer = self._socket.recv(4)
        if answer != _CONNACK:
            message = f"the broker answers {answer!r} to CONNECT"
            raise ConnectionError(message)
        self._socket.setblocking(False)

    def run(self, *, rate: float, seconds: float) -> Account:
        began = time.monotonic()
        worst = behind = 0.0
        while not self.stopping and (at_s := time.monotonic() - began) < seconds:
            self._publish_until(self._first + int(at_s * rate))
            behind = at_s - (self._next - self._first) / rate
            worst = max(worst, behind)
            self._acknowledge(_STEP_S)
        took_s = time.monotonic() - began
        deadline = time.monotonic() + PATIENCE_S
        while self._left() and time.monotonic() < deadline:
            self._publish_until(0)
            self._acknowledge(0.02)
        acknowledged_s = time.monotonic() - began
        self._socket.setblocking(True)
        self._socket.sendall(b"\xe0\0")
        self._socket.close()
        used = resource.getrusage(resource.RUSAGE_SELF)
        return Account(
            published=self._next - self._first,
            acknowledged=self._acknowledged,
            seconds=round(took_s, 3),
            acknowledged_s=round(acknowledged_s, 3),
            behind_s=round(worst, 3),
            behind_at_end_s=round(behind, 3),
            cpu_s=round(used.ru_utime + used.ru_stime, 3),
        )

    def _left(self) -> bool:
        return bool(self._rest) or self._acknowledged < self._next - self._first

    def _publish_until(self, target: int) -> None:
        """What is due and may be in flight; never two of one device in one millisecond's lot."""
        room = _UNACKNOWLEDGED - (self._next - self._first - self._acknowledged)
        count = min(target - self._next, room, self._most)
        if count > 0 and not self._rest:
            now_ms = time.time_ns() // 1_000_000
            self._rest = self._packets.of(self._next, count, now_ms=now_ms)
            self._next += count
        if self._rest:
            try:
                self._rest = self._rest[self._socket.send(self._rest) :]
            except BlockingIOError:
                return

    def _acknowledge(self, wait_s: float) -> None:
        if self._rest:
            select.select([self._socket], [self._socket], [], wait_s)
        else:
            time.sleep(wait_s)  # PUBACKs in bulk: a wake-up for each would cost more than they
        try:
            found = self._socket.recv(1 << 20)
        except BlockingIOError:
            return
        if not found:
            message = "the broker closed the connection"
            raise ConnectionError(message)
        self._bytes_in += len(found)
        self._acknowledged = self._bytes_in // 4  # nothing but PUBACKs comes, four bytes each


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--rate", type=float, default=10_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--devices", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0)
    args = parser.parse_args()
    flood = Flood(args.port, devices=args.devices, first=args.first)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        flood.stopping = True

    signal.signal(signal.SIGTERM, stop)
    print(json.dumps(asdict(flood.run(rate=args.rate, seconds=args.seconds))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
