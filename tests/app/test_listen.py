import asyncio
import socket
import time

import aiohttp
import pytest
from starlette.responses import PlainTextResponse, StreamingResponse

from app.listen import HttpStage, bind
from app.outcome import OutsideError


async def _hello(scope, receive, send):
    await PlainTextResponse("hello")(scope, receive, send)


async def _until_ready(stage: HttpStage) -> None:
    for _ in range(500):
        if stage.waiting_for() is None:
            return
        await asyncio.sleep(0.01)
    pytest.fail(str(stage.waiting_for()))


async def _get(port: int) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as got:
        return await got.text()


async def test_it_answers_until_it_is_stopped_and_again_when_it_is_started_again():
    stage = HttpStage(_hello, host="127.0.0.1", port=0)
    assert stage.waiting_for() == "not yet listening on 127.0.0.1:0"
    port = stage.open()
    for _ in range(2):
        stop = asyncio.Event()
        task = asyncio.create_task(stage.run(stop))
        await _until_ready(stage)
        assert await _get(port) == "hello"
        stop.set()
        await asyncio.wait_for(task, 10)
        assert stage.waiting_for() is not None
        with pytest.raises(aiohttp.ClientConnectorError):
            await _get(port)


async def test_what_is_being_answered_is_answered_to_the_end():
    async def slowly(scope, receive, send):
        async def parts():
            for part in ("a", "b", "c"):
                yield part
                await asyncio.sleep(0.2)

        await StreamingResponse(parts())(scope, receive, send)

    stage = HttpStage(slowly, host="127.0.0.1", port=0)
    port, stop = stage.open(), asyncio.Event()
    task = asyncio.create_task(stage.run(stop))
    asking = asyncio.create_task(_get(port))
    await asyncio.sleep(0.3)
    stop.set()
    assert await asyncio.wait_for(asking, 10) == "abc"
    await asyncio.wait_for(task, 10)


async def test_a_visitor_who_never_leaves_does_not_hold_the_stop():
    async def endless(scope, receive, send):
        async def parts():
            while True:
                yield "a"
                await asyncio.sleep(0.05)

        await StreamingResponse(parts())(scope, receive, send)

    stage = HttpStage(endless, host="127.0.0.1", port=0)
    port, stop = stage.open(), asyncio.Event()
    task = asyncio.create_task(stage.run(stop))
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as got:
        await got.content.read(1)
        began = time.monotonic()
        stop.set()
        await asyncio.wait_for(task, 20)
        assert time.monotonic() - began < 10


def test_a_taken_port_is_the_outside_with_its_way_out():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            OutsideError,
            match=f"cannot listen on 127.0.0.1:{port}: Address already in use; change http.listen",
        ):
            bind("127.0.0.1", port)


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-host.invalid"])
def test_an_address_that_is_not_ours(host):
    with pytest.raises(OutsideError, match=f"cannot listen on {host}:8080: "):
        bind(host, 8080)


def test_ipv6():
    listening = bind("::1", 0)
    assert listening.getsockname()[0] == "::1"
    listening.close()
