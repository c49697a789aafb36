"""Knocks at an MQTT broker: connects as the city would, asks for its topics, and leaves.

Speaks MQTT 3.1.1 by itself under a client id of its own, so that it never takes over the session
of a city that runs. https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html
"""

import asyncio
import contextlib
import secrets
import struct
from collections.abc import Sequence
from typing import Final

from app.doctor.finding import Finding, ill, well
from ingest.broker import Away, Broker

_CONNECT, _CONNACK, _SUBSCRIBE, _SUBACK, _DISCONNECT = 0x10, 0x20, 0x82, 0x90, 0xE0
_PUBLISH, _QOS_1 = 0x30, 0x02
_WINDOWS: Final = (10, 20, 32)
"""What brokers have by default: HiveMQ and others, Mosquitto and VerneMQ, EMQX."""
_LISTEN_S: Final = 1.0
_CLEAN: Final = 0x02
_REFUSED: Final = 0x80
_REASONS: Final = {
    1: "unacceptable protocol version",
    2: "client identifier refused",
    3: "server unavailable",
    4: "bad user name or password",
    5: "not authorised",
}


class _Silent(Exception):
    """The broker's answer is none of MQTT's."""


async def knock(broker: Broker, filters: Sequence[str], *, patience_s: float = 10.0) -> Finding:
    """Whether the broker lets the city in and grants it every topic filter."""
    try:
        async with asyncio.timeout(patience_s):
            return await _knock(broker, filters)
    except Away as away:
        return ill(broker.url, str(away))
    except (ConnectionResetError, BrokenPipeError) as error:
        return ill(broker.url, broker.cut_off(error))
    except asyncio.IncompleteReadError:
        return ill(broker.url, broker.cut_off(None))
    except (OSError, ValueError, TimeoutError) as error:
        return ill(broker.url, broker.failure(error, waited_s=patience_s))
    except _Silent:
        return ill(broker.url, f"{broker.url} does not speak MQTT; is the port right?")


async def _knock(broker: Broker, filters: Sequence[str]) -> Finding:
    context = broker.tls_context() if broker.tls else None
    reader, writer = await asyncio.open_connection(broker.host, broker.port, ssl=context)
    try:
        writer.write(_connect(broker))
        _, code = await _packet(reader, _CONNACK)
        if code != 0:
            return ill(broker.url, broker.refusal(code, _REASONS.get(code, f"code {code}")))
        writer.write(_subscribe(filters))
        answer, _ = await _packet(reader, _SUBACK)
        codes = answer[2:]
        refused = [one for one, code in zip(filters, codes, strict=False) if code == _REFUSED]
        if refused:
            topics = ", ".join(f"`{one}`" for one in refused)
            detail = f"refused {broker.who} the subscription to {topics}; look at the broker's ACL"
            return ill(broker.url, detail)
        if any(code == 0 for code in codes):
            detail = "grants QoS 0 only: readings can be lost; allow QoS 1 in the broker"
            return ill(broker.url, detail)
        ahead = await _ahead(reader)
        with contextlib.suppress(ConnectionError):
            writer.write(bytes([_DISCONNECT, 0]))
            await writer.drain()
        if ahead in _WINDOWS:
            detail = (
                f"sends {ahead} messages and then waits for their PUBACKs, and what waits it drops"
                " beyond its queue; in Mosquitto set max_inflight_messages 1000 and"
                " max_queued_messages 1000000"
            )
            return ill(broker.url, detail)
        return well(broker.url, f"takes {broker.who}, grants {len(filters)} topic filters")
    finally:
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), 2)


async def _ahead(reader: asyncio.StreamReader) -> int:
    """How many publications of QoS 1 come before the broker waits for us; 0 where it does not."""
    loop = asyncio.get_running_loop()
    began = last = loop.time()
    count = 0
    with contextlib.suppress(TimeoutError, asyncio.IncompleteReadError, ConnectionError):
        async with asyncio.timeout(_LISTEN_S):
            while count <= max(_WINDOWS):
                first, _ = await _any_packet(reader)
                if first & 0xF2 == _PUBLISH | _QOS_1:
                    count, last = count + 1, loop.time()
    stopped = loop.time() - last > _LISTEN_S / 2 and last - began < _LISTEN_S / 2
    return count if stopped else 0


def _connect(broker: Broker) -> bytes:
    flags = _CLEAN
    payload = _text(f"citypatrol-doctor-{secrets.token_hex(4)}")
    if broker.username is not None:
        flags |= 0x80
        payload += _text(broker.username)
        if broker.password is not None:
            flags |= 0x40
            payload += _text(broker.password.reveal())
    return _frame(_CONNECT, _text("MQTT") + bytes([4, flags]) + struct.pack(">H", 30) + payload)


def _subscribe(filters: Sequence[str]) -> bytes:
    wanted = b"".join(_text(one) + b"\x01" for one in filters)
    return _frame(_SUBSCRIBE, struct.pack(">H", 1) + wanted)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _frame(kind: int, body: bytes) -> bytes:
    """The remaining length in base 128, lowest first (section 2.2.3)."""
    size, digits = len(body), bytearray()
    while True:
        size, digit = divmod(size, 128)
        digits.append(digit | (0x80 if size else 0))
        if not size:
            return bytes([kind]) + bytes(digits) + body


async def _packet(reader: asyncio.StreamReader, kind: int) -> tuple[bytes, int]:
    """The next packet of this kind, and its second byte; publications in between are let go."""
    while True:
        first, body = await _any_packet(reader)
        if first == kind and len(body) >= 2:
            return body, body[1]
        if first & 0xF0 != _PUBLISH:
            raise _Silent


async def _any_packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The next packet's first byte and body."""
    first = (await reader.readexactly(1))[0]
    size = shift = 0
    for _ in range(4):
        digit = (await reader.readexactly(1))[0]
        size |= (digit & 0x7F) << shift
        shift += 7
        if not digit & 0x80:
            return first, await reader.readexactly(size)
    raise _Silent
