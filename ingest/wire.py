"""The bytes between an MQTT client and its socket: publications and PUBACKs in bulk.

To the client this is its socket. What comes is split here: publications of QoS 0 and 1 are handed
out by the thousand, every other packet waits for the client to read it. A client that takes one
packet at a time pays three system calls to read it and one to acknowledge it.
https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html (2.2, 3.3, 3.4)
"""

import ssl
import struct
from collections.abc import Sequence
from socket import socket
from typing import Final

from citypatrol.clock import Ts
from ingest.message import Message

_CHUNK: Final = 262_144
_HEAD: Final = 0xF6  # without DUP and RETAIN
_QOS_0, _QOS_1 = 0x30, 0x32
_RETAIN, _DUP = 0x01, 0x08
_LEAST: Final = 3  # a publication's topic has two bytes of length and a character
_LONGEST_LENGTH: Final = 4
_PUBACK: Final = 0x40020000


class Wire:
    """Belongs to the network thread. ``recv``, ``send`` and what follows them are the client's side
    and behave as a socket's that does not block."""

    def __init__(self, sock: socket) -> None:
        self._socket = sock
        self._in = bytearray()
        self._need = 2
        self._for_client = bytearray()
        self._out = bytearray()
        self._ended = False
        self._failure: OSError | None = None

    def read(self, *, arrived: Ts, epoch: int) -> tuple[list[Message], bool]:
        """Publications that have come, at most some thousands; True: there may be more."""
        more = self._fill()
        if len(self._in) < self._need:
            return [], more
        return self._split(arrived, epoch), more

    @property
    def has_news(self) -> bool:
        """The client should read: a packet of its own is here, or the connection's end."""
        return bool(self._for_client) or self._ended

    @property
    def wants_write(self) -> bool:
        return bool(self._out)

    @property
    def failure(self) -> OSError | None:
        """Why the connection ended; None where the broker closed it, or it has not."""
        return self._failure

    def acknowledge(self, mids: Sequence[int]) -> None:
        """Put their PUBACKs on the way, in this order; ``flush`` sends them."""
        self._out += struct.pack(f">{len(mids)}I", *[_PUBACK | mid for mid in mids])

    def flush(self) -> None:
        """Send what the socket takes. A failure shows as the connection's end."""
        if not self._out or self._ended:
            return
        try:
            sent = self._socket.send(self._out)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError as error:
            self._end(error)
            return
        del self._out[:sent]

    def _fill(self) -> bool:
        asked = _CHUNK
        while asked > 0:
            try:
                data = self._socket.recv(asked)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            except OSError as error:
                self._end(error)
                return False
            if not data:
                self._end(None)
                return False
            self._in += data
            if len(data) < asked and not isinstance(self._socket, ssl.SSLSocket):
                return False  # else TLS: a record at a time
            asked -= len(data)
        return True

    def _end(self, failure: OSError | None) -> None:
        self._ended = True
        self._failure = failure

    def _split(self, arrived: Ts, epoch: int) -> list[Message]:
        found: list[Message] = []
        data = bytes(self._in)
        at, end = 0, len(data)
        self._need = 2
        while end - at >= self._need:
            head, size = data[at], data[at + 1]
            body = at + 2
            if size > 0x7F:
                size, body = _length(data, at + 1)
                if not body and end - at > _LONGEST_LENGTH:
                    self._end(ConnectionError("the broker sent a length that is none"))
                    break
                if not body:
                    self._need = end - at + 1
                    break
            stop = body + size
            if stop > end:
                self._need = stop - at
                break
            kind = head & _HEAD
            if kind in (_QOS_0, _QOS_1):
                # Two bytes of length, so the body is never read past the packet's end.
                payload = body + 2 + (data[body] << 8 | data[body + 1]) if size >= _LEAST else stop
                if size < _LEAST or payload + (kind & 2) > stop:
                    self._end(ConnectionError("the broker sent a publication that is none"))
                    break
                mid = 0
                raw = data[body + 2 : payload]
                if kind == _QOS_1:
                    mid = data[payload] << 8 | data[payload + 1]
                    payload += 2
                try:
                    topic = raw.decode()
                except UnicodeDecodeError:
                    topic = "\ufffd"  # matches no pattern; brokers let none through
                found.append(
                    Message(
                        topic,
                        data[payload:stop],
                        arrived,
                        head & _RETAIN != 0,
                        head & _DUP != 0,
                        mid,
                        epoch,
                    )
                )
            else:
                self._for_client += data[at:stop]
            at = stop
        del self._in[:at]
        return found

    # The client's side.

    def recv(self, size: int) -> bytes:
        if self._for_client:
            data = bytes(self._for_client[:size])
            del self._for_client[:size]
            return data
        if self._failure is not None:
            raise self._failure
        if self._ended:
            return b""
        raise BlockingIOError

    def send(self, data: bytes | bytearray) -> int:
        """All of it, behind what waits already."""
        if self._failure is not None:
            raise self._failure
        self._out += data
        self.flush()
        return len(data)

    def fileno(self) -> int:
        return self._socket.fileno()

    def setblocking(self, flag: bool, /) -> None:
        self._socket.setblocking(flag)

    def close(self) -> None:
        self._socket.close()


def _length(data: bytes, at: int) -> tuple[int, int]:
    """The remaining length (2.2.3) and where the body begins; (0, 0): not all of it is here."""
    size = shift = 0
    for place in range(at, min(at + _LONGEST_LENGTH, len(data))):
        byte = data[place]
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            return size, place + 1
        shift += 7
    return 0, 0
