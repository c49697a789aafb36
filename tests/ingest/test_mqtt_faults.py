"""What goes wrong with brokers, and what is said of it."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.servers.free_port import free_port
from bench.servers.ingest import Device, Ingest, running
from bench.servers.mosquitto import Mosquitto, mosquitto
from citypatrol.clock import SystemClock
from citypatrol.secret import Secret
from ingest.broker import Broker, Patience
from ingest.gates import InputGate
from ingest.inbox import Inbox
from ingest.mqtt import Link
from ingest.progress import Progress

TOPIC = "city/gc/water/ws-1/level"

paho_leaves_the_socket = pytest.mark.filterwarnings(
    "ignore:.*ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning",  # of a failed handshake
    "ignore:.*ssl.SSLSocket:ResourceWarning",
)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param(
            {"username": "ingest", "password": Secret("canary-wrong")},
            "refused user 'ingest': wrong user name or password, or not authorised",
            id="wrong password",
        ),
        pytest.param({}, "refused an anonymous client", id="no user"),
    ],
)
async def test_a_broker_that_wants_another_password(
    tmp_path: Path, options: dict[str, object], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with mosquitto(folder=tmp_path / "broker", users={"ingest": "right"}) as broker:
        async with running(Ingest(tmp_path, broker.url, options)) as ingest:
            assert broker.url in await ingest.waits_for(says)
    said = capsys.readouterr()
    assert says in said.out + said.err
    assert "canary-wrong" not in said.out + said.err


async def test_the_right_password(tmp_path: Path) -> None:
    with mosquitto(folder=tmp_path / "broker", users={"ingest": "right"}) as broker:
        options = {"username": "ingest", "password": Secret("right")}
        async with running(Ingest(tmp_path, broker.url, options)) as ingest:
            await ingest.ready()


@pytest.mark.parametrize(
    ("host", "says"),
    [
        pytest.param("127.0.0.1", "(connection refused); is the broker up?", id="nobody listens"),
        pytest.param("broker.invalid", "the host name is not known", id="no such host"),
    ],
)
async def test_no_broker(tmp_path: Path, host: str, says: str) -> None:
    async with running(Ingest(tmp_path, f"mqtt://{host}:{free_port()}")) as ingest:
        await ingest.waits_for(says)
        assert ingest.gate.is_behind


@paho_leaves_the_socket
async def test_tls_where_there_is_none(tmp_path: Path, broker: Mosquitto) -> None:
    async with running(Ingest(tmp_path, broker.url.replace("mqtt:", "mqtts:"))) as ingest:
        await ingest.waits_for(broker.url.replace("mqtt:", "mqtts:"))
        await ingest.until(lambda: "connects to" not in (ingest.input.waiting_for() or ""))


@contextlib.asynccontextmanager
async def _broker_that_says(suback: int | None) -> AsyncIterator[str]:
    """Takes the connection and answers each SUBSCRIBE with this code for every filter; None: it
    never answers. No real broker can be made to by its configuration file alone."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind = (await reader.readexactly(1))[0] & 0xF0
                size = shift = 0
                while True:
                    byte = (await reader.readexactly(1))[0]
                    size |= (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        break
                body = await reader.readexactly(size)
                if kind == 0x10:
                    writer.write(b"\x20\x02\x00\x00")
                elif kind == 0x80 and suback is not None:
                    filters = body.count(b"city/")
                    writer.write(bytes([0x90, 2 + filters]) + body[:2] + bytes([suback]) * filters)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        server.close()


async def test_a_refused_subscription_names_its_topics(tmp_path: Path) -> None:
    async with (
        _broker_that_says(0x80) as url,
        running(Ingest(tmp_path, url)) as ingest,
    ):
        said = await ingest.waits_for("the subscription to `city/+/+/+/+`, `city/+/+/+`")
        assert "look at its ACL" in said
        await ingest.until(lambda: not ingest.gate.is_behind)  # the other inputs' time goes on


async def test_qos_0_is_taken_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with _broker_that_says(0) as url, running(Ingest(tmp_path, url)) as ingest:
        await ingest.ready()
    assert "granted QoS 0 only" in capsys.readouterr().out


async def test_two_processes_with_one_client_id(tmp_path: Path, broker: Mosquitto) -> None:
    async with running(Ingest(tmp_path, broker.url, {"client_id": "twin"})) as ingest:
        await ingest.ready()
        for _ in range(3):
            twin = Device(broker.port, name="twin")
            await ingest.until(lambda: ingest.input.waiting_for() is not None)
            twin.close()
            said = ingest.input.waiting_for() or ""
            await ingest.ready()
        assert "does another process use the client id twin?" in said


@contextlib.asynccontextmanager
async def _link(url: str, patience: Patience) -> AsyncIterator[tuple[Link, Inbox]]:
    """A connection without a worker: nobody takes anything."""
    inbox = Inbox()
    link = Link(
        Broker("127.0.0.1", int(url.rpartition(":")[2])),
        name="a",
        client_id="blocked",
        filters=["city/#"],
        former=[],
        had_session=False,
        inbox=inbox,
        progress=Progress(InputGate("a"), clock=SystemClock()),
        clock=SystemClock(),
        patience=patience,
    )
    thread = threading.Thread(target=link.run)
    thread.start()
    try:
        yield link, inbox
    finally:
        link.close()
        await asyncio.to_thread(thread.join, 10)
        assert not thread.is_alive()


async def _says(link: Link, words: str | None) -> None:
    async with asyncio.timeout(20):
        while (link.waiting_for is None) != (words is None) or (words or "") not in (
            link.waiting_for or ""
        ):
            await asyncio.sleep(0.02)


async def test_a_broker_without_suback_keeps_the_process_unready() -> None:
    async with _broker_that_says(None) as url, _link(url, Patience(answer_s=0.3)) as (link, _):
        await _says(link, f"waits for the SUBACK of {url}")
        await _says(link, f"{url} sent no SUBACK within 0 s")


async def test_a_broker_that_sends_what_it_kept_before_its_suback_is_waited_for() -> None:
    """Twice as long as one that says nothing: a flood's backlog comes first."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readexactly(1)
            await reader.readexactly((await reader.readexactly(1))[0])
            writer.write(b"\x20\x02\x01\x00")
            subscribe = await reader.readexactly(2 + 2 + 9)
            for number in range(1, 21):
                publish = b"\x00\x06city/a" + number.to_bytes(2) + b"1"
                writer.write(bytes([0x32, len(publish)]) + publish)
                await asyncio.sleep(0.1)
            writer.write(b"\x90\x03" + subscribe[2:4] + b"\x01")
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with _link(url, Patience(answer_s=1.0)) as (link, inbox):
            said = set()
            async with asyncio.timeout(20):
                while link.waiting_for is not None:
                    said.add(link.waiting_for)
                    await asyncio.sleep(0.02)
        assert len(inbox) == 20
    assert not any("sent no" in one for one in said)


async def test_a_frozen_broker_is_noticed(broker: Mosquitto) -> None:
    patience = Patience(answer_s=0.5, keepalive_s=1)
    async with _link(broker.url, patience) as (link, _):
        await _says(link, None)
        broker.freeze()
        await _says(link, f"{broker.url} closed the connection (Keep alive timeout)")
        await _says(link, f"{broker.url} sent no CONNACK within 0 s")
        broker.thaw()
        await _says(link, None)


async def test_the_connection_lives_while_nobody_takes_anything(
    broker: Mosquitto, device: Device
) -> None:
    """Longer than one and a half keepalives, after which the broker would drop us."""
    async with _link(broker.url, Patience(keepalive_s=1)) as (link, inbox):
        await _says(link, None)
        for number in range(100):
            device.publish(TOPIC, str(number))
        await asyncio.sleep(4.0)
        assert link.waiting_for is None
        assert len(inbox) == 100
    assert "exceeded timeout" not in broker.log
