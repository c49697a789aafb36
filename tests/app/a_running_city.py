"""A city as users have it: processes, a real broker, a unit that answers by webhook."""

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
from aiohttp import web
from paho.mqtt.enums import CallbackAPIVersion

from bench.servers.free_port import free_port
from bench.servers.mosquitto import Mosquitto
from citypatrol.secret import Secret
from citypatrol.signing import sign, verify

CANARY = "c4nary-7f3e9"
SECRET = Secret("whsec_Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5LTEyMzQ=")
TOKEN = f"token-{CANARY}"
PASSWORD = f"mqtt-{CANARY}"
ENVIRONMENT = {
    "MQTT_PASSWORD": PASSWORD,
    "CITY_TOKEN": TOKEN,
    "ROADS_SECRET": SECRET.reveal(),
}
SQLITE = "{type: sqlite, path: data/journal.db}"
CITY = """\
city: {{name: 郑州, code: ZZ, timezone: Asia/Shanghai}}
registry: registry.csv
units: units.yaml
rules: [rules.yaml]
journal: {journal}
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
async def receiver_running() -> AsyncIterator[Receiver]:
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

    path: Path
    process: asyncio.subprocess.Process
    base: str
    session: aiohttp.ClientSession

    @property
    def log(self) -> str:
        return self.path.read_text(errors="replace")

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


def write_files(
    folder: Path, *, broker: Mosquitto, hooks: int, http: int, journal: str, rules: str = RULES
) -> Path:
    """The city's files; its secrets are named in them and come from ``ENVIRONMENT``."""
    texts = {
        "city.yaml": CITY.format(mqtt=broker.port, http=http, journal=journal),
        "units.yaml": UNITS.format(hooks=hooks),
        "rules.yaml": rules,
        "registry.csv": REGISTRY,
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "city.yaml"


@asynccontextmanager
async def process(command: str, city: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """``citypatrol COMMAND city.yaml``, its output in COMMAND.log beside it."""
    with (city.parent / f"{command}.log").open("ab") as log:
        started = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app.cli", "-v", command, str(city),
            stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | ENVIRONMENT,
        )  # fmt: skip
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()


@asynccontextmanager
async def city_running(
    folder: Path,
    *,
    broker: Mosquitto,
    hooks: int,
    http: int,
    command: str = "run",
    journal: str = SQLITE,
    rules: str = RULES,
) -> AsyncIterator[Running]:
    city = write_files(folder, broker=broker, hooks=hooks, http=http, journal=journal, rules=rules)
    async with process(command, city) as started, aiohttp.ClientSession() as session:
        yield Running(folder / f"{command}.log", started, f"http://127.0.0.1:{http}", session)


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


async def answer(running: Running, event: dict[str, Any], kind: str, *, id: str) -> int:
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
    async with running.session.post(url, data=body, headers=headers) as said:
        return said.status


def says(condition: Callable[[], object]) -> Callable[[], Awaitable[object]]:
    async def ask() -> object:
        return condition()

    return ask
