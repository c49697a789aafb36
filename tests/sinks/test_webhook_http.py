"""The deliverer against a real receiver, over real sockets."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_network

import pytest
from aiohttp import web

from citypatrol.clock import SystemClock
from citypatrol.signing import SignatureError, verify
from sinks.allow import Allowed
from sinks.attempts import Answer
from sinks.post import poster

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Receiver:
    """Answers at every path as told, and remembers what it got."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.connections = 0
        self.answer: Handler = self.fine
        self.port = 0

    async def fine(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    async def hear(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append((request.path, headers, await request.read()))
        return await self.answer(request)

    def url(self, path: str = "/hooks", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    told = Receiver()
    runner = web.ServerRunner(web.Server(told.hear), shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    told.port = runner.addresses[0][1]
    yield told
    await runner.cleanup()


async def test_end_to_end(receiver, mailroom_for, until):
    room = mailroom_for(urls=[receiver.url()], clock=SystemClock())
    room.file(count=3)
    async with room.delivering():
        await until(lambda: room.outbox.pending() == {})
    assert len(receiver.got) == 3
    secret = room.units.get("unit-0").webhook.secret
    for path, headers, body in receiver.got:
        assert path == "/hooks"
        verify(secret, headers=headers, body=body, now_s=SystemClock().now() // 1000)
        with pytest.raises(SignatureError):
            verify(secret, headers=headers, body=body + b" ", now_s=SystemClock().now() // 1000)
    assert {headers["webhook-id"] for _, headers, _ in receiver.got} == {
        one.event for one in room.deliveries()
    }


async def test_one_of_ten_hangs_and_the_others_do_not_wait(receiver, mailroom_for, until):
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/0":
            await asyncio.sleep(3600)
        return web.Response(status=204)

    receiver.answer = answer
    urls = [receiver.url(f"/{n}") for n in range(10)]
    room = mailroom_for(urls=urls, clock=SystemClock())
    for n in range(10):
        room.file(n, count=10)
    async with room.delivering(timeout_ms=120_000):
        # No attempt of the hanging one has ended when all others are through.
        await until(lambda: room.outbox.pending() == {"unit-0": 10})
    assert [one.tries for one in room.deliveries() if one.endpoint == "unit-0"] == [0] * 10


@contextlib.asynccontextmanager
async def posting(*allow: str, answers: dict[str, list[str]] | None = None):
    """A real ``Post``; names of ``answers`` mean these addresses, one list a question."""
    asked: list[str] = []

    async def lookup(host: str, port: int, family: socket.AddressFamily) -> list[str]:
        asked.append(host)
        found = (answers or {}).get(host)
        if found is None:
            message = f"{host} is not known"
            raise OSError(message)
        return found

    async with poster(Allowed([ip_network(one) for one in allow]), lookup=lookup) as post:
        yield post, asked


async def test_redirects_are_not_followed(receiver):
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": receiver.url("/elsewhere")})

    receiver.answer = answer
    async with posting("127.0.0.0/8") as (post, _):
        said = await post(receiver.url(), {}, b"{}")
    assert said.status == 307
    assert said.reason.startswith("a redirect to http://127.0.0.1")
    assert [path for path, _, _ in receiver.got] == ["/hooks"]


async def test_what_the_endpoint_says(receiver):
    async def answer(request: web.Request) -> web.StreamResponse:
        text = "overloaded\n  by far " + "x" * 1_000_000
        return web.Response(status=503, text=text, headers={"Retry-After": "120"})

    receiver.answer = answer
    async with posting("127.0.0.0/8") as (post, _):
        said = await post(receiver.url(), {"webhook-id": "evt_1"}, b"{}")
    assert (said.status, said.retry_after) == (503, "120")
    assert said.reason.startswith("overloaded by far xx")
    assert len(said.reason) == 200
    assert receiver.got[0][1]["webhook-id"] == "evt_1"


@pytest.mark.parametrize("status", [200, 503])
async def test_a_body_that_hangs_does_not_change_the_status(receiver, status):
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"Content-Length": "100"})
        await response.prepare(request)
        await asyncio.sleep(3600)
        return response

    receiver.answer = answer
    async with posting("127.0.0.0/8") as (post, _):
        assert (await post(receiver.url(), {}, b"{}")).status == status


async def test_a_connection_is_used_again(receiver):
    ports = set()

    async def answer(request: web.Request) -> web.StreamResponse:
        ports.add(request.transport.get_extra_info("peername")[1])
        return web.Response(text="thanks")

    receiver.answer = answer
    async with posting("127.0.0.0/8") as (post, _):
        for _ in range(3):
            assert await post(receiver.url(), {}, b"{}") == Answer(200)
    assert len(ports) == 1


async def test_the_name_is_looked_up_once_and_pinned(receiver):
    async with posting("127.0.0.0/8", answers={"oms.example": ["127.0.0.1"]}) as (post, asked):
        said = await post(receiver.url(host="oms.example"), {}, b"{}")
    assert said.status == 204
    assert asked == ["oms.example"]
    assert receiver.got[0][1]["host"] == f"oms.example:{receiver.port}"


async def test_the_second_address_is_tried(receiver):
    answers = {"oms.example": ["127.0.0.2", "127.0.0.1"]}
    async with posting("127.0.0.0/8", answers=answers) as (post, _):
        assert (await post(receiver.url(host="oms.example"), {}, b"{}")).status == 204


@pytest.mark.parametrize(
    ("host", "answers"),
    [
        pytest.param("127.0.0.1", {}, id="an address"),
        pytest.param("oms.example", {"oms.example": ["127.0.0.1"]}, id="a name of loopback"),
        pytest.param("oms.example", {"oms.example": ["8.8.8.8", "127.0.0.1"]}, id="a mixture"),
        pytest.param("oms.example", {"oms.example": ["::ffff:127.0.0.1"]}, id="mapped"),
        pytest.param("[::ffff:127.0.0.1]", {}, id="an address that is mapped"),
        pytest.param("[::1]", {}, id="an address of IPv6"),
        pytest.param("[::]", {}, id="unspecified"),
        pytest.param("0.0.0.0", {}, id="unspecified, old"),
        pytest.param("localhost", {"localhost": ["127.0.0.1"]}, id="localhost"),
    ],
)
async def test_refused_without_a_connection(receiver, host, answers):
    async with posting("10.20.0.0/16", answers=answers) as (post, _):
        said = await post(receiver.url(host=host), {}, b"{}")
    assert said.status is None
    assert "no public address" in said.reason
    assert "webhooks.allow" in said.reason
    assert receiver.got == []


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0x7f000001", "017700000001", "0"])
async def test_other_spellings_of_loopback_do_not_pass(receiver, host):
    async def lookup(name: str, port: int, family: socket.AddressFamily) -> list[str]:
        return [socket.inet_ntoa(socket.inet_aton(name))]  # what getaddrinfo makes of them

    async with poster(Allowed([]), lookup=lookup) as post:
        said = await post(receiver.url(host=host), {}, b"{}")
    assert said.status is None
    assert receiver.got == []


async def test_a_name_that_is_rebound_between_two_attempts(receiver):
    answers = {"oms.example": ["127.0.0.1"]}
    async with posting("127.0.0.1/32", answers=answers) as (post, _):
        assert (await post(receiver.url(host="oms.example"), {}, b"{}")).status == 204
    answers["oms.example"] = ["127.0.0.3"]
    async with posting("127.0.0.1/32", answers=answers) as (post, _):
        said = await post(receiver.url(host="oms.example"), {}, b"{}")
    assert said.status is None
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        pytest.param("http://nowhere.example/", "nowhere.example", id="no such name"),
        pytest.param("http://127.0.0.1:1/", "Cannot connect", id="refused"),
        pytest.param("http://:80/", "InvalidUrl", id="no host"),
    ],
)
async def test_no_answer_has_a_reason(url, reason):
    async with posting("127.0.0.0/8") as (post, _):
        said = await post(url, {}, b"{}")
    assert said.status is None
    assert reason in said.reason


async def test_a_receiver_that_hangs_up(receiver):
    async def answer(request: web.Request) -> web.StreamResponse:
        request.transport.close()
        return web.Response()

    receiver.answer = answer
    async with posting("127.0.0.0/8") as (post, _):
        said = await post(receiver.url(), {}, b"{}")
    assert (said.status, said.reason.split(":")[0]) == (None, "ServerDisconnectedError")
