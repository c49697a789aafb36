"""A small city on a real database; every test that takes ``city`` runs on SQLite and PostgreSQL."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from bench.servers.postgres import Postgres, postgres
from citypatrol.geo import Grid
from citypatrol.registry import Registry
from citypatrol.secret import Secret
from rules.incidents import Incident, Merge, TicketSpec, incident_id
from tickets.desk import Desk
from tickets.outbox import Outbox
from tickets.reading import Tickets
from tickets.store import Store
from tickets.ticket import Ticket
from tickets.units import Unit, Units, UnitWebhook

NOW = 1_778_630_531_480  # 2026-05-13T00:02:11.480Z
SECRET = Secret("whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY=")


def unit(name: str, *handles: str, **more: Any) -> Unit:
    webhook = UnitWebhook(url=f"https://{name}.example/hooks", secret=SECRET)
    return Unit(
        id=name, name=name.title(), level="district", handles=list(handles), webhook=webhook, **more
    )


UNITS = Units(
    [
        unit("housing", "road.traffic_light", "road.flooding"),
        unit("water", "road.flooding"),
        unit("devices", "device.silent"),
    ]
)
REGISTRY = """id,name,kind,site,lat,lon
cam-1,航海东路/紫辰路,camera,hanghai-zichen,34.7155,113.7411
pump-1,,water,,-34.7,113.7
gw-1,,gateway,hub,34.8,113.8
"""
GRID = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"code": "410104-03-017", "parent": None, "level": "street"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[113, 34], [114, 34], [114, 35], [113, 35], [113, 34]]],
            },
        }
    ],
}


@pytest.fixture(scope="session")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> tuple[Registry, Grid]:
    folder = tmp_path_factory.mktemp("atlas")
    (folder / "registry.csv").write_text(REGISTRY)
    (folder / "grid.geojson").write_bytes(orjson.dumps(GRID))
    registry, registry_problems = Registry.read(folder / "registry.csv")
    grid, grid_problems = Grid.read(folder / "grid.geojson")
    assert [*registry_problems, *grid_problems] == []
    return registry, grid


@dataclass
class City:
    """Everything about tickets, and a few short words for tests."""

    store: Store
    atlas: tuple[Registry, Grid]
    units: Units = UNITS
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.store)
        self.tickets = Tickets(self.store)
        self.desk = self.with_units(self.units)

    def with_units(self, units: Units, **bounds: int) -> Desk:
        return Desk(
            self.store,
            city_code="ZZ",
            timezone=ZoneInfo("Asia/Shanghai"),
            units=units,
            registry=self.atlas[0],
            grid=self.atlas[1],
            **bounds,
            evidence_url=lambda sha, at: f"https://city.example/evidence/{sha}.jpg?at={at}",
            callback_url=lambda unit: f"https://city.example/api/v1/callbacks/{unit}",
            outbox=self.outbox,
            new_id=lambda: f"evt_{next(self.ids):032x}",
        )

    def apply(self, *events: Incident, now: int = NOW) -> None:
        self.desk.apply(events, now=now)

    def every(self) -> list[Ticket]:
        """Oldest first."""
        return list(self.tickets.list(limit=1000).tickets)[::-1]

    def with_shadows(self) -> list[Ticket]:
        shadows = self.tickets.list(shadow=True, limit=1000).tickets
        return sorted([*self.every(), *shadows], key=lambda ticket: ticket.id)

    def one(self) -> Ticket:
        (ticket,) = self.every()
        return ticket

    def types(self, ticket: str) -> list[str]:
        """Of its history, without ``ticket.``."""
        return [change.type.removeprefix("ticket.") for change in self.tickets.get(ticket).history]

    def sent(self, endpoint: str | None = None) -> list[dict[str, Any]]:
        """The bodies in the outbox, oldest first."""
        return [orjson.loads(one.body) for one in self.outbox.list(endpoint=endpoint)][::-1]

    def answer(
        self, unit: str, kind: str, ticket: str, *, id: str = "msg_1", note: str | None = None
    ) -> dict[str, Any]:
        data = {"ticket": ticket} | ({"note": note} if note is not None else {})
        body = orjson.dumps({"type": f"ticket.{kind}", "timestamp": "now", "data": data})
        answered = self.desk.callback(unit, webhook_id=id, body=body, now=NOW + 60_000)
        answer: dict[str, Any] = orjson.loads(answered.body)
        return answer


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/tickets.db"
    running: Postgres = request.getfixturevalue("server")
    return running.url("test")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store(url)
    store.open()
    yield store
    store.close()


@pytest.fixture
def city(store: Store, atlas: tuple[Registry, Grid]) -> City:
    return City(store, atlas)


@pytest.fixture(scope="session")
def city_of(atlas: tuple[Registry, Grid]) -> Callable[[Store], City]:
    """For tests that open their own databases."""
    return lambda store: City(store, atlas)


Fire = Callable[..., Incident]


def fire(
    source: str = "cam-1/north",
    *,
    rule: str = "traffic-light-dark",
    since: int = NOW - 70_000,
    fired_at: int | None = None,
    cleared_at: int | None = None,
    category: str | None = "road.traffic_light",
    title: str = "Traffic light dark at {source.name}",
    cooldown: int = 600_000,
    shadow: bool = False,
    confirm: bool = False,
    merge: Merge | None = None,
    **more: Any,
) -> Incident:
    spec = None
    if category is not None:
        spec = TicketSpec(
            category,
            title,
            ack=300_000,
            resolve=14_400_000,
            cooldown=cooldown,
            shadow=shadow,
            confirm=confirm,
            merge=merge,
        )
    return Incident(
        id=incident_id(rule, source, "lit", since),
        rule=rule,
        source=source,
        metric="lit",
        since=since,
        fired_at=since + 60_000 if fired_at is None else fired_at,
        cleared_at=cleared_at,
        **{"value": 0.02, "labels": {"name": "航海东路/紫辰路"}, "ticket": spec, **more},
    )


@pytest.fixture(name="fire", scope="session")
def fire_fixture() -> Fire:
    """Makes an incident that fires at NOW - 10 s."""
    return fire
