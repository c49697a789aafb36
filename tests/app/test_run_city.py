"""``citypatrol run`` as users have it: a process, a real broker, a unit that answers by webhook."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import paho.mqtt.client as paho
import pytest
from aiohttp import web
from paho.mqtt.enums import CallbackAPIVersion

from bench.servers.free_port import free_port
from bench.servers.mosquitto import Mosquitto, mosquitto
from citypatrol.secret import Secret
from citypatrol.signing import sign, verify

CANARY = "c4nary-7f3e9"
SECRET = Secret("whsec_Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5LTEyMzQ=")
TOKEN = f"token-{CANARY}"
PASSWORD = f"mqtt-{CANARY}"
CITY = """\
city: {{name: 郑州, code: ZZ, timezone: Asia/Shanghai}}
registry: registry.csv
units: units.yaml
rules: [rules.yaml]
journal: {{type: sqlite, path: data/journal.db}}
inputs:
  - type: mqtt
    url: mqtt://127.0.0.1:{mqtt}
    username: city
    password: "${{MQTT_PASSWORD}}"
    topics: [{{match: "city/{{kind}}/{{source}}/{{metric}}", payload: json}}]
webhooks: {{allow: [127.0.0.0/8], schedule: [0s, 1s, 1s, 1s]}}
http: {{listen: "127.0.0.1:{http}", token: "${{CITY_TOKEN}}"}}
"""
UNITS = """\
units:
  - id: roads
    name: 市政
    level: city
    handles: [road.flooding]
    webhook: {{url: "http://127.0.0.1:{hooks}/hook", secret: "${{ROADS_SECRET}}"}}
"""
RULES = """\
rules:
  - name: flooded
    select: {metric: water_level}
    when: {above: 15, for: 2s, at_least: 2 samples}
    clear: {below: 10, for: 1s}
    ticket: {category: road.flooding, title: "{source.name}: {value:.0f} cm", ack: 5m, resolve: 4h}
"""
REGISTRY = "id,name,kind,site,lat,lon\npump-1,京广路隧道,underpass,jingguang,34.75,113.66\n"


@dataclass
class Receiver:
    """The responsible unit: verifies, remembers, and is asked to answer by the test."""

    port: int
    events: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    async def hook(self, request: web.Request) -> web.Response:
        body = await request.read()
        verify(SECRET, headers=request.headers, body=body, now_s=int(time.time()))
        self.ids.append(request.headers["webhook-id"])
        self.events.append(orjson.loads(body))
        return web.Response(status=204)

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


@asynccontextmanager
async def _receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver(free_port())
    application = web.Application()
    application.router.add_post("/hook", receiver.hook)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", receiver.port).start()
    try:
        yield receiver
    finally:
        await runner.cleanup()


@dataclass
class Running:
    """The process, its log, and the desk as somebody with the token sees it."""

    folder: Path
    process: asyncio.subprocess.Process
    base: str
    session: aiohttp.ClientSession

    @property
    def log(self) -> str:
        return (self.folder / "run.log").read_text(errors="replace")

    async def get(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self.session.get(self.base + path, headers=headers) as answer:
            data = await answer.read()
            return orjson.loads(data) if "json" in answer.content_type else data.decode()

    async def ready(self) -> None:
        async def answers() -> bool:
            assert self.process.returncode is None, self.log
            try:
                async with self.session.get(f"{self.base}/readyz") as answer:
                    return answer.status == 200
            except aiohttp.ClientError:
                return False

        await until(answers, timeout_s=60)

    async def stop(self, sign: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Exit status and seconds."""
        began = time.monotonic()
        self.process.send_signal(sign)
        status = await asyncio.wait_for(self.process.wait(), 30)
        return status, time.monotonic() - began


async def until(condition: Callable[[], Awaitable[object]], *, timeout_s: float = 40) -> None:
    end = time.monotonic() + timeout_s
    while not await condition():
        assert time.monotonic() < end, "not in time"
        await asyncio.sleep(0.05)


@asynccontextmanager
async def _running(
    folder: Path, *, broker: Mosquitto, hooks: int, http: int
) -> AsyncIterator[Running]:
    texts = {
        "city.yaml": CITY.format(mqtt=broker.port, http=http),
        "units.yaml": UNITS.format(hooks=hooks),
        "rules.yaml": RULES,
        "registry.csv": REGISTRY,
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    environment = os.environ | {
        "MQTT_PASSWORD": PASSWORD,
        "CITY_TOKEN": TOKEN,
        "ROADS_SECRET": SECRET.reveal(),
    }
    with (folder / "run.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app.cli", "-v", "run", str(folder / "city.yaml"),
            stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
        )  # fmt: skip
    async with aiohttp.ClientSession() as session:
        running = Running(folder, process, f"http://127.0.0.1:{http}", session)
        try:
            yield running
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


class Device:
    """Publishes water levels with QoS 1 and timestamps of its own."""

    def __init__(self, broker: Mosquitto) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="pump")
        self._client.username_pw_set("city", PASSWORD)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    async def say(self, value: float, *, topic: str = "city/underpass/pump-1/water_level") -> None:
        payload = json.dumps({"value": value, "ts": time.time_ns() // 1_000_000})
        sent = self._client.publish(topic, payload, qos=1)
        await asyncio.to_thread(sent.wait_for_publish, 10)

    async def keep_saying(self, value: float) -> None:
        while True:
            await self.say(value)
            await asyncio.sleep(0.5)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


async def _answer(running: Running, event: dict[str, Any], kind: str, *, id: str) -> int:
    """The unit's callback, to the address that the event named."""
    ticket = event["data"]["ticket"]["id"]
    body = orjson.dumps(
        {"type": kind, "timestamp": "", "data": {"ticket": ticket, "note": "已处理"}}
    )
    at_s = int(time.time())
    headers = {
        "webhook-id": id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": sign(SECRET, id=id, timestamp_s=at_s, body=body),
    }
    url = event["data"]["callback"]["url"]
    async with running.session.post(url, data=body, headers=headers) as answer:
        return answer.status


@pytest.fixture
def broker() -> Any:
    with mosquitto(users={"city": PASSWORD}) as running:
        yield running


async def test_a_flood_becomes_one_ticket_that_its_unit_resolves(tmp_path, broker):
    async with (
        _receiver() as unit,
        _running(tmp_path, broker=broker, hooks=unit.port, http=free_port()) as city,
    ):
        await city.ready()
        device = Device(broker)
        flood = asyncio.create_task(device.keep_saying(31))
        await until(_says(lambda: unit.events))
        opened = unit.events[0]
        assert opened["type"] == "ticket.opened"
        ticket = opened["data"]["ticket"]
        assert ticket["title"] == "京广路隧道: 31 cm"
        assert ticket["state"] == "dispatched"
        assert ticket["place"]["site"] == "jingguang"
        assert [w["source"] for w in ticket["witnesses"]] == ["pump-1"]
        for number, kind in enumerate(("acknowledged", "in_progress", "resolved")):
            assert await _answer(city, opened, f"ticket.{kind}", id=f"msg_{number}") == 200
        flood.cancel()
        dry = asyncio.create_task(device.keep_saying(2))
        await until(_says(lambda: "ticket.updated" in unit.types()))
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


def _says(condition: Callable[[], object]) -> Callable[[], Awaitable[object]]:
    async def ask() -> object:
        return condition()

    return ask


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
    async with _receiver() as unit:
        device = Device(broker)
        saying = asyncio.create_task(device.keep_saying(31))
        for end in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
            async with _running(tmp_path, broker=broker, hooks=unit.port, http=http) as city:
                await city.ready()
                await until(_says(lambda: unit.events))
                listed = (await city.get("/api/v1/tickets"))["tickets"]
                assert [one["state"] for one in listed] == ["dispatched"]
                status, took_s = await city.stop(end)
                assert status == (-9 if end == signal.SIGKILL else 0), city.log
                assert took_s < 10
        saying.cancel()
        device.close()
        assert set(unit.types()) == {"ticket.opened"}
        assert len(set(unit.ids)) == 1


async def test_a_second_process_and_a_taken_port_are_named(tmp_path, broker):
    http = free_port()
    async with _running(tmp_path, broker=broker, hooks=1, http=http) as first:
        await first.ready()
        async with _running(tmp_path, broker=broker, hooks=1, http=free_port()) as second:
            assert await asyncio.wait_for(second.process.wait(), 60) == 3
            assert "is its one writer already" in second.log
        other = tmp_path / "other"
        other.mkdir()
        async with _running(other, broker=broker, hooks=1, http=http) as third:
            assert await asyncio.wait_for(third.process.wait(), 60) == 3
            assert f"cannot listen on 127.0.0.1:{http}: Address already in use" in third.log
            assert "Traceback" not in third.log


async def test_readiness_waits_for_the_broker(tmp_path, broker):
    broker.stop()
    http = free_port()
    async with _running(tmp_path, broker=broker, hooks=1, http=http) as city:

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
