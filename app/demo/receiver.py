"""The responsible units of the demo city: they verify each webhook, answer it, and mend things.

An HTTP server on loopback. What it hears is the scoreboard's only source: a ticket that no unit
was told of does not count.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import structlog
from aiohttp import web

from app.demo.devices import Device
from app.demo.scoreboard import Filed
from app.demo.script import CATEGORIES, Script
from app.inbox import Received
from citypatrol.clock import Clock, rfc3339
from citypatrol.secret import Secret
from citypatrol.signing import SignatureError, sign, verify

log = structlog.get_logger(__name__)

ACKNOWLEDGE_S, BEGIN_S, MENDED_S = 1.0, 3.0, 3.0
KEEP = 200


@dataclass(slots=True)
class Units:
    """All units of the demo behind one port: `/hooks/{unit}`."""

    secrets: Mapping[str, Secret]
    devices: Mapping[str, Device]
    clock: Clock
    filed: list[Filed] = field(default_factory=list)
    refused: int = 0
    script: Script | None = None
    began: float = 0.0
    _inbox: list[Received] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)
    _work: set[asyncio.Task[None]] = field(default_factory=set)

    def received(self) -> Sequence[Received]:
        """For the page: the newest deliveries, newest last."""
        return self._inbox[-KEEP:]

    def begin(self, script: Script, *, began: float) -> None:
        """A new play: what was filed before does not count for it."""
        self.script, self.began = script, began
        self.filed.clear()

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[None]:
        """Serves on 127.0.0.1 while the block runs."""
        application = web.Application()
        application.router.add_post("/hooks/{unit}", self._hook)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            yield
        finally:
            for task in self._work:
                task.cancel()
            await runner.cleanup()

    async def _hook(self, request: web.Request) -> web.Response:
        unit = request.match_info["unit"]
        body = await request.read()
        secret = self.secrets.get(unit)
        if secret is None:
            return web.Response(status=404)
        now = self.clock.now()
        try:
            verify(secret, headers=request.headers, body=body, now_s=now // 1000)
        except SignatureError as error:
            self.refused += 1
            log.warning("a unit refused a webhook", unit=unit, reason=str(error))
            return web.Response(status=401)
        event = orjson.loads(body)
        id_ = request.headers["webhook-id"]
        if id_ not in self._seen:
            self._seen.add(id_)
            answer = self._hear(unit, secret, event)
            ticket = event["data"]["ticket"]["id"]
            self._inbox.append(Received(now, unit, event["type"], ticket, id_, True, answer))
            del self._inbox[:-KEEP]
        return web.Response(status=204)

    def _hear(self, unit: str, secret: Secret, event: Mapping[str, Any]) -> str | None:
        """Take note of an event; what the unit will do about it, in words."""
        if event["type"] != "ticket.opened":
            return None
        ticket = event["data"]["ticket"]
        sources = [witness["source"] for witness in ticket["witnesses"]]
        subjects = frozenset(subject(ticket["category"], name, self.devices) for name in sources)
        at_s = asyncio.get_running_loop().time() - self.began
        self.filed.append(Filed(ticket["id"], ticket["category"], subjects, at_s))
        reply = self._handle(unit, secret, event["data"], subjects)
        task = asyncio.create_task(reply, name=f"unit {unit}")
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return "acknowledged, on its way"

    async def _handle(
        self, unit: str, secret: Secret, data: Mapping[str, Any], subjects: frozenset[str]
    ) -> None:
        """Acknowledge, begin, and report it resolved once it is mended in the street."""
        ticket = data["ticket"]
        url = data["callback"]["url"]
        steps: list[tuple[str, str, Callable[[], float]]] = [
            ("ticket.acknowledged", "seen", lambda: ACKNOWLEDGE_S),
            ("ticket.in_progress", "a crew is on its way", lambda: BEGIN_S),
            ("ticket.resolved", "mended", lambda: self._mended_in(ticket["category"], subjects)),
        ]
        async with aiohttp.ClientSession() as session:
            for type_, note, wait in steps:
                await asyncio.sleep(wait())
                message = {
                    "type": type_,
                    "timestamp": rfc3339(self.clock.now()),
                    "data": {"ticket": ticket["id"], "note": note},
                }
                await self._answer(session, url, unit, secret, message)

    def _mended_in(self, category: str, subjects: frozenset[str]) -> float:
        """Seconds until the cause is gone, and a little for the way back."""
        for incident in self.script.incidents if self.script else ():
            if incident.category == category and incident.subject in subjects:
                at_s = asyncio.get_running_loop().time() - self.began
                return max(0.0, incident.end_s - at_s) + MENDED_S
        return 3600.0

    async def _answer(
        self,
        session: aiohttp.ClientSession,
        url: str,
        unit: str,
        secret: Secret,
        message: Mapping[str, Any],
    ) -> None:
        id_ = f"msg_{secrets.token_hex(12)}"
        body = orjson.dumps(message)
        for pause_s in (0.0, 0.5, 1.0, 2.0):
            await asyncio.sleep(pause_s)
            at_s = self.clock.now() // 1000
            headers = {
                "content-type": "application/json",
                "webhook-id": id_,
                "webhook-timestamp": str(at_s),
                "webhook-signature": sign(secret, id=id_, timestamp_s=at_s, body=body),
            }
            try:
                async with session.post(url, data=body, headers=headers) as response:
                    if response.status == 200:
                        return
                    text = (await response.text())[:200]
            except aiohttp.ClientError as error:
                text = str(error)
            log.warning("a unit's answer was not taken", unit=unit, type=message["type"], why=text)


def subject(category: str, source: str, devices: Mapping[str, Device]) -> str:
    """What a witness speaks of, in the script's words: a head, a camera, a device or a gateway."""
    if category == CATEGORIES["gateway"]:
        return devices[source].gateway if source in devices else source
    if category in (CATEGORIES["litter"], CATEGORIES["cover"]):
        return source.partition("/")[0]
    return source
