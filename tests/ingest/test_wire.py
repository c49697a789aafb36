import socket
import struct
from collections.abc import Iterator

import pytest

from ingest.message import Message
from ingest.wire import Wire

PINGRESP = b"\xd0\x00"


@pytest.fixture
def ends() -> Iterator[tuple[Wire, socket.socket]]:
    """The wire, and the broker's end of it."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.settimeout(5)
    with ours, theirs:
        yield Wire(ours), theirs


def _length(size: int) -> bytes:
    found = bytearray()
    while True:
        size, digit = divmod(size, 128)
        found.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(found)


def _publish(topic: bytes, payload: bytes, *, mid: int = 0, flags: int = 0) -> bytes:
    body = struct.pack(">H", len(topic)) + topic
    body += (struct.pack(">H", mid) if mid else b"") + payload
    return bytes([0x30 | (2 if mid else 0) | flags]) + _length(len(body)) + body


def _read(wire: Wire) -> list[Message]:
    return wire.read(arrived=7, epoch=3)[0]


@pytest.mark.parametrize(
    ("packet", "message"),
    [
        (_publish(b"a/b", b"1"), Message("a/b", b"1", 7, mid=0, epoch=3)),
        (_publish(b"a/b", b"1", mid=515), Message("a/b", b"1", 7, mid=515, epoch=3)),
        (_publish(b"a", b"", mid=1), Message("a", b"", 7, mid=1, epoch=3)),
        (_publish(b"a", b"1", flags=1), Message("a", b"1", 7, retain=True, epoch=3)),
        (_publish(b"a", b"1", mid=9, flags=9), Message("a", b"1", 7, True, True, 9, 3)),
        (_publish("水/位".encode(), b"1"), Message("水/位", b"1", 7, epoch=3)),
        (_publish(b"\xff\xfe", b"1", mid=4), Message("\ufffd", b"1", 7, mid=4, epoch=3)),
        (_publish(b"a", bytes(200), mid=2), Message("a", bytes(200), 7, mid=2, epoch=3)),
        (_publish(b"a", bytes(40_000)), Message("a", bytes(40_000), 7, epoch=3)),
    ],
    ids=["qos-0", "qos-1", "empty", "retained", "dup", "utf-8", "no-utf-8", "two-digit", "3-digit"],
)
def test_one_publication(ends: tuple[Wire, socket.socket], packet: bytes, message: Message) -> None:
    wire, broker = ends
    broker.sendall(packet)
    assert _read(wire) == [message]
    assert not wire.has_news


def test_it_may_come_byte_by_byte(ends: tuple[Wire, socket.socket]) -> None:
    wire, broker = ends
    packets = _publish(b"a", b"x" * 150, mid=1) + PINGRESP + _publish(b"b", b"2", mid=2)
    found = []
    for byte in packets:
        broker.sendall(bytes([byte]))
        found += _read(wire)
    assert [(one.topic, one.mid) for one in found] == [("a", 1), ("b", 2)]
    assert wire.recv(10) == PINGRESP


def test_what_is_no_publication_is_the_clients(ends: tuple[Wire, socket.socket]) -> None:
    wire, broker = ends
    suback, twice = b"\x90\x03\x00\x01\x01", _publish(b"q", b"2", mid=5, flags=4)[:1]
    qos_2 = bytes([0x34]) + _publish(b"q", b"2", mid=5)[1:]
    assert twice != qos_2[:1]
    broker.sendall(suback + _publish(b"a", b"1") + qos_2)
    assert [one.topic for one in _read(wire)] == ["a"]
    assert wire.has_news
    assert wire.recv(2) + wire.recv(1000) == suback + qos_2
    with pytest.raises(BlockingIOError):
        wire.recv(1)


@pytest.mark.parametrize(
    "packet",
    [b"\x32\x01\x00", b"\x32\x04\x00\x09ab", b"\x30\x00", b"\x32\xff\xff\xff\xff\x01"],
    ids=["no-topic", "topic-too-long", "empty", "length-too-long"],
)
def test_a_broker_that_speaks_nonsense_is_left(
    ends: tuple[Wire, socket.socket], packet: bytes
) -> None:
    wire, broker = ends
    broker.sendall(_publish(b"a", b"1") + packet)
    assert [one.topic for one in _read(wire)] == ["a"]
    with pytest.raises(ConnectionError, match="that is none"):
        wire.recv(1)


def test_acknowledgements_are_one_write_and_in_order(ends: tuple[Wire, socket.socket]) -> None:
    wire, broker = ends
    wire.acknowledge([1, 65_535, 256])
    wire.send(b"\xc0\x00")
    wire.flush()
    assert broker.recv(100) == b"\x40\x02\x00\x01\x40\x02\xff\xff\x40\x02\x01\x00\xc0\x00"
    assert not wire.wants_write


def test_what_the_socket_does_not_take_waits_in_order(ends: tuple[Wire, socket.socket]) -> None:
    wire, broker = ends
    for first in range(0, 150_000, 1_000):
        wire.acknowledge([number % 65_535 + 1 for number in range(first, first + 1_000)])
        wire.flush()
    assert wire.wants_write
    came = b""
    while len(came) < 600_000:
        came += broker.recv(1 << 20)
        wire.flush()
    mids = [mid for _, mid in struct.iter_unpack(">HH", came)]
    assert mids == [number % 65_535 + 1 for number in range(150_000)]


def test_the_end_comes_after_what_came_before_it(ends: tuple[Wire, socket.socket]) -> None:
    wire, broker = ends
    broker.sendall(_publish(b"a", b"1", mid=1) + PINGRESP)
    broker.close()
    found = _read(wire) + _read(wire)
    assert [one.mid for one in found] == [1]
    assert wire.recv(10) == PINGRESP
    assert wire.recv(10) == b""
    wire.acknowledge([1])
    wire.flush()  # into nothing: no error, the end is known
