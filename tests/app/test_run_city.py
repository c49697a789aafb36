"""``citypatrol run`` as users have it: a process, a real broker, a unit that answers by webhook."""

import asyncio
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bench.servers.free_port import free_port
from bench.servers.mosquitto import Mosquitto, mosquitto
from citypatrol.history.reading import History
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.samples import Batch, Sample
from tests.app.a_running_city import (
    CANARY,
    PASSWORD,
    Device,
    Running,
    answer,
    city_running,
    receiver_running,
    says,
    until,
)


@pytest.fixture
def broker() -> Any:
    with mosquitto(users={"city": PASSWORD}) as running:
        yield running


async def test_a_flood_becomes_one_ticket_that_its_unit_resolves(tmp_path, broker):
    async with (
        receiver_running() as unit,
        city_running(tmp_path, broker=broker, hooks=unit.port, http=free_port()) as city,
    ):
        await city.ready()
        device = Device(broker)
        flood = asyncio.create_task(device.keep_saying(31))
        await until(says(lambda: unit.events))
        opened = unit.events[0]
        assert opened["type"] == "ticket.opened"
        ticket = opened["data"]["ticket"]
        assert ticket["title"] == "京广路隧道: 31 cm"
        assert ticket["state"] == "dispatched"
        assert ticket["place"]["site"] == "jingguang"
        assert [w["source"] for w in ticket["witnesses"]] == ["pump-1"]
        for number, kind in enumerate(("acknowledged", "in_progress", "resolved")):
            assert await answer(city, opened, f"ticket.{kind}", id=f"msg_{number}") == 200
        flood.cancel()
        dry = asyncio.create_task(device.keep_saying(2))
        await until(says(lambda: "ticket.updated" in unit.types()))
        dry.cancel()
        device.close()
        assert unit.types() == [
            "ticket.opened", "ticket.acknowledged", "ticket.in_progress", "ticket.resolved",
            "ticket.updated",
        ]  # fmt: skip
        assert len(set(unit.ids)) == 5
        revisions = [event["data"]["ticket"]["revision"] for event in unit.events]
        assert revisions == [1, 2, 3, 4, 5]
        listed = (await city.get("/api/v1/tickets"))["tickets"]
        assert [(one["id"], one["state"]) for one in listed] == [(ticket["id"], "resolved")]
        await device_nonsense(broker)
        await until(_has_dead_letter(city))
        await _no_canary_anywhere(city, ticket["id"])
        status, took_s = await city.stop()
        assert status == 0, city.log
        assert took_s < 10, city.log
        assert CANARY not in city.log
        assert "cut" not in city.log


async def device_nonsense(broker: Mosquitto) -> None:
    device = Device(broker)
    await device.say(float("nan"))
    device.close()


def _has_dead_letter(city: Running) -> Callable[[], Awaitable[object]]:
    async def ask() -> object:
        return (await city.get("/api/v1/dead"))["dead"]

    return ask


async def _no_canary_anywhere(city: Running, ticket: str) -> None:
    paths = (
        "/", f"/tickets/{ticket}", "/live/desk", "/metrics", "/readyz", "/healthz", "/docs",
        "/openapi.json", "/api/v1/tickets", f"/api/v1/tickets/{ticket}", "/api/v1/deliveries",
        "/api/v1/dead", "/api/v1/nothing", "/static/desk.js",
    )  # fmt: skip
    for path in paths:
        assert CANARY not in str(await city.get(path)), path


async def test_state_survives_a_stop_and_a_kill(tmp_path, broker):
    """The ticket is there after a stop, and there is still only one after kill -9 and a start."""
    http = free_port()
    async with receiver_running() as unit:
        device = Device(broker)
        saying = asyncio.create_task(device.keep_saying(31))
        for end in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
            async with city_running(tmp_path, broker=broker, hooks=unit.port, http=http) as city:
                await city.ready()
                await until(says(lambda: unit.events))
                listed = (await city.get("/api/v1/tickets"))["tickets"]
                assert [one["state"] for one in listed] == ["dispatched"]
                status, took_s = await city.stop(end)
                assert status == (-9 if end == signal.SIGKILL else 0), city.log
                assert took_s < 10
        saying.cancel()
        device.close()
        assert set(unit.types()) == {"ticket.opened"}
        assert len(set(unit.ids)) == 1
    journaled = await _in_journal(tmp_path / "data" / "journal.db")
    history = History(tmp_path / "data" / "history")
    batches = history.batches(since=0, until=2 * time.time_ns() // 1_000_000)
    assert {sample for rows in batches for sample in rows.batch.samples()} == journaled
    assert len(journaled) > 3
    assert history.verify(now=0) == []


async def _in_journal(path: Path) -> set[Sample]:
    journal = SqliteJournal(path)
    entries = await journal.read("test", after=0, limit=10_000)
    await journal.close()
    return {s for one in entries if isinstance(one.record, Batch) for s in one.record.samples()}


async def test_a_second_process_and_a_taken_port_are_named(tmp_path, broker):
    http = free_port()
    async with city_running(tmp_path, broker=broker, hooks=1, http=http) as first:
        await first.ready()
        async with city_running(tmp_path, broker=broker, hooks=1, http=free_port()) as second:
            assert await asyncio.wait_for(second.process.wait(), 60) == 3
            assert "is its one writer already" in second.log
        other = tmp_path / "other"
        other.mkdir()
        async with city_running(other, broker=broker, hooks=1, http=http) as third:
            assert await asyncio.wait_for(third.process.wait(), 60) == 3
            assert f"cannot listen on 127.0.0.1:{http}: Address already in use" in third.log
            assert "Traceback" not in third.log


async def test_a_unit_that_never_answers_does_not_spoil_the_stop(tmp_path, broker):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        hooks, http = mute.getsockname()[1], free_port()
        async with city_running(tmp_path, broker=broker, hooks=hooks, http=http) as city:
            await city.ready()
            device = Device(broker)
            flood = asyncio.create_task(device.keep_saying(31))
            heard, _ = await asyncio.to_thread(mute.accept)
            flood.cancel()
            device.close()
            with heard:
                status, took_s = await city.stop()
    assert status == 0, city.log
    assert took_s < 10


async def test_readiness_waits_for_the_broker(tmp_path, broker):
    broker.stop()
    http = free_port()
    async with city_running(tmp_path, broker=broker, hooks=1, http=http) as city:

        async def says_why() -> object:
            try:
                async with city.session.get(f"{city.base}/readyz") as answer:
                    return answer.status == 503 and str(broker.port) in await answer.text()
            except aiohttp.ClientError:
                return False

        await until(says_why, timeout_s=60)
        broker.start()
        await city.ready()
        assert (await city.stop())[0] == 0
