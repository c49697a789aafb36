"""A desk with a real database behind a real web server on a free port of loopback."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import numpy as np
import orjson

from app.door import Door
from app.guard import Guard
from app.http import build_application
from app.inbox import Received
from app.listen import HttpStage
from app.pages.city_map import Shape, draw
from app.ticket_json import Scribe
from citypatrol.clock import ManualClock
from citypatrol.dead import DeadLetter, DeadStore
from citypatrol.errors import Reject
from citypatrol.evidence import EvidenceStore
from citypatrol.geo import Grid
from citypatrol.registry import Registry
from citypatrol.secret import Secret
from citypatrol.signing import sign, sign_evidence
from rules.incidents import Incident, TicketSpec, incident_id
from tickets.desk import Desk
from tickets.outbox import Outbox
from tickets.reading import Tickets
from tickets.store import Store
from tickets.units import Unit, Units, UnitWebhook

NOW = 1_778_630_531_480  # 2026-05-13T00:02:11.480Z
SECRET = Secret("whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY=")
EVIDENCE_KEY = b"0123456789abcdef0123456789abcdef"
SQUARE = [np.array([(113.7, 34.7), (113.8, 34.7), (113.8, 34.8), (113.7, 34.8), (113.7, 34.7)])]


GRID = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"code": "410104-03-017", "parent": None, "level": "street"},
            "geometry": {"type": "Polygon", "coordinates": [ring.tolist() for ring in SQUARE]},
        }
    ],
}
LABELS = {"name": "京广路隧道", "site": "航海东路", "lat": "34.7155", "lon": "113.7411"}
"""What a source that no registry knows says of itself."""


def unit(name: str, title: str, *handles: str) -> Unit:
    webhook = UnitWebhook(url=f"https://{name}.example/hooks", secret=SECRET)
    return Unit(id=name, name=title, level="district", handles=list(handles), webhook=webhook)


UNITS = Units(
    [
        unit("housing", "管城区住建局", "road.traffic_light"),
        unit("water", "Water <Works> & Co", "road.flooding"),
    ]
)


def incident(
    rule: str = "underpass-flooded",
    source: str = "pump-1",
    *,
    category: str = "road.flooding",
    since: int = NOW - 120_000,
    value: float = 31.0,
    title: str = "Underpass {source.name} under water: {value:.0f} cm",
    severity: Any = "critical",
    **more: Any,
) -> Incident:
    return Incident(
        id=incident_id(rule, source, "water_level", since),
        rule=rule,
        source=source,
        metric="water_level",
        since=since,
        fired_at=since + 60_000,
        value=value,
        severity=severity,
        labels={"name": "x"} if source == "nowhere" else LABELS,
        ticket=TicketSpec(category, title, ack=300_000, resolve=4 * 3_600_000),
        **more,
    )


@dataclass
class TheDesk:
    """The pieces behind the door, and a client in front of it."""

    store: Store
    desk: Desk
    outbox: Outbox
    evidence: EvidenceStore
    dead: DeadStore
    clock: ManualClock
    door: Door
    base: str = ""
    session: aiohttp.ClientSession | None = None
    missing: list[str] = field(default_factory=list)
    inbox: list[Received] = field(default_factory=list)
    replayed: list[DeadLetter] = field(default_factory=list)

    def received(self) -> Sequence[Received]:
        return self.inbox

    def file(self, *incidents: Incident) -> None:
        self.desk.apply(list(incidents), now=self.clock.now())

    async def ask(self, method: str, path: str, **more: Any) -> tuple[int, Any, Mapping[str, str]]:
        """Status, body (parsed where it is JSON), headers."""
        assert self.session is not None
        async with self.session.request(
            method, self.base + path, allow_redirects=False, **more
        ) as answer:
            data = await answer.read()
            body = orjson.loads(data) if "json" in answer.content_type else data
            return answer.status, body, answer.headers

    async def get(self, path: str, **more: Any) -> tuple[int, Any, Mapping[str, str]]:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, **more: Any) -> tuple[int, Any, Mapping[str, str]]:
        return await self.ask("POST", path, **more)

    async def call_back(
        self,
        unit: str,
        kind: str,
        ticket: str,
        *,
        id: str = "msg_1",
        secret: Secret = SECRET,
        at_s: int | None = None,
    ) -> tuple[int, Any, Mapping[str, str]]:
        """A unit's signed answer."""
        body = orjson.dumps(
            {"type": kind, "timestamp": "2026-05-13T00:03:00.000Z", "data": {"ticket": ticket}}
        )
        at_s = self.clock.now() // 1000 if at_s is None else at_s
        headers = {
            "webhook-id": id,
            "webhook-timestamp": str(at_s),
            "webhook-signature": sign(secret, id=id, timestamp_s=at_s, body=body),
        }
        return await self.post(f"/api/v1/callbacks/{unit}", data=body, headers=headers)


def make_desk(folder: Path) -> TheDesk:
    clock = ManualClock(NOW)
    (folder / "grid.geojson").write_bytes(orjson.dumps(GRID))
    store = Store(f"sqlite:///{folder}/tickets.db")
    store.open()
    outbox = Outbox(store)

    def evidence_url(sha: str, at: int) -> str:
        expires = at // 1000 + 3600
        signature = sign_evidence(EVIDENCE_KEY, sha, expires)
        return f"http://desk.test/evidence/{sha}.jpg?expires={expires}&signature={signature}"

    desk = Desk(
        store,
        city_code="ZZ",
        timezone=ZoneInfo("Asia/Shanghai"),
        units=UNITS,
        registry=Registry.empty(),
        grid=Grid.read(folder / "grid.geojson")[0],
        evidence_url=evidence_url,
        callback_url=lambda unit: f"http://desk.test/api/v1/callbacks/{unit}",
        first_load=1,
        outbox=outbox,
    )
    evidence, dead = EvidenceStore(folder / "evidence"), DeadStore(folder / "dead.db")
    lat = np.array([34.71, 34.72, np.nan])
    lon = np.array([113.71, 113.76, np.nan])
    city_map = draw([Shape("street", SQUARE), Shape("city", SQUARE)], lat=lat, lon=lon)
    made = TheDesk(store, desk, outbox, evidence, dead, clock, door=None)  # type: ignore[arg-type]

    async def replay(letter: DeadLetter) -> None:
        if letter.kind == "line":
            message = "400 still no line"
            raise Reject(message)
        made.replayed.append(letter)

    made.door = Door(
        city="郑州 <Zhengzhou>",
        timezone="Asia/Shanghai",
        guard=Guard.of(listen_host="127.0.0.1", public_url="http://127.0.0.1", token=None),
        clock=clock,
        desk=desk,
        tickets=Tickets(store),
        outbox=outbox,
        scribe=Scribe(UNITS, evidence_url, clock),
        units=UNITS,
        evidence=evidence,
        evidence_key=EVIDENCE_KEY,
        dead=dead,
        city_map=lambda: city_map,
        grid=folder / "grid.geojson",
        waiting_for=lambda: made.missing,
        stages=lambda: {"mqtt": 0},
        replay=replay,
        inbox=made,
    )
    return made


@contextlib.asynccontextmanager
async def serving(desk: TheDesk, **changes: Any) -> AsyncIterator[TheDesk]:
    """``changes``: fields of the door that are another in this test."""
    desk.door = replace(desk.door, **changes)
    stage = HttpStage(build_application(desk.door), host="127.0.0.1", port=0)
    port = stage.open()
    stop = asyncio.Event()
    task = asyncio.create_task(stage.run(stop))
    try:
        async with aiohttp.ClientSession() as session:
            desk.base, desk.session = f"http://127.0.0.1:{port}", session
            yield desk
    finally:
        stop.set()
        await asyncio.wait_for(task, 20)
        desk.store.close()
        desk.dead.close()
