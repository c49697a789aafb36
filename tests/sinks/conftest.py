"""Tickets on a real SQLite file whose events have somewhere to go."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from citypatrol.clock import Clock, ManualClock
from citypatrol.dead import DeadStore
from citypatrol.geo import Grid
from citypatrol.registry import Registry
from citypatrol.secret import Secret
from rules.incidents import Incident, TicketSpec, incident_id
from sinks.attempts import Answer
from sinks.config import WebhooksConfig
from sinks.webhook import Webhooks
from tickets.desk import Desk
from tickets.outbox import Delivery, Outbox
from tickets.store import Store
from tickets.units import Unit, Units, UnitWebhook

NOW = 1_778_630_531_480
SECRET = Secret("whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY=")


@dataclass
class Post:
    """A ``Post`` that answers as told and remembers what it was asked."""

    answer: Callable[[str], Answer | Awaitable[Answer]] = lambda url: Answer(200)
    asked: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.asked.append((url, headers, body))
        answer = self.answer(url)
        return answer if isinstance(answer, Answer) else await answer

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for _, headers, _ in self.asked]


class Mailroom:
    """Units ``unit-0`` ... with an endpoint each, and incidents that go to them."""

    def __init__(
        self, folder: Path, *, urls: list[str], clock: Clock, url: str | None = None
    ) -> None:
        self.clock = clock
        self.store = Store(url or f"sqlite:///{folder}/tickets.db")
        self.store.open()
        self.outbox = Outbox(self.store)
        self.dead = DeadStore(folder / "dead.db")
        self.use(urls)
        self._count = itertools.count()

    def use(self, urls: list[str]) -> None:
        self.units = Units(
            Unit(
                id=f"unit-{n}",
                name=f"Unit {n}",
                level="district",
                handles=[f"kind.{n}"],
                webhook=UnitWebhook(url=url, secret=SECRET),
            )
            for n, url in enumerate(urls)
        )
        self.desk = Desk(
            self.store,
            city_code="ZZ",
            timezone=ZoneInfo("Asia/Shanghai"),
            units=self.units,
            registry=Registry.empty(),
            grid=Grid.empty(),
            evidence_url=lambda sha, at: sha,
            callback_url=lambda unit: f"https://city.example/{unit}",
            outbox=self.outbox,
        )

    def file(self, unit: int = 0, *, count: int = 1) -> None:
        """Open ``count`` tickets of this unit."""
        now = self.clock.now()
        names = [f"s-{next(self._count)}" for _ in range(count)]
        spec = TicketSpec(f"kind.{unit}", "{source}")
        self.desk.apply(
            [
                Incident(
                    incident_id("r", name, "m", now), "r", name, "m", now, now, 1.0, ticket=spec
                )
                for name in names
            ],
            now=now,
        )

    def deliveries(self) -> list[Delivery]:
        """Oldest first."""
        return list(self.outbox.list(limit=10_000))[::-1]

    @asynccontextmanager
    async def delivering(
        self,
        post: Post | None = None,
        *,
        schedule: tuple[int, ...] = (0, 5_000, 300_000),
        timeout_ms: int = 15_000,
        allow: tuple[str, ...] = ("127.0.0.0/8",),
    ) -> AsyncIterator[Webhooks]:
        """The stage, while it lasts."""
        stage = Webhooks(
            self.outbox,
            self.units,
            config=WebhooksConfig(
                allow=[ip_network(one) for one in allow],
                schedule=list(schedule),
                timeout=timeout_ms,
            ),
            dead=self.dead,
            clock=self.clock,
            post=post,
            jitter=lambda: 0.0,
        )
        stop = asyncio.Event()
        task = asyncio.create_task(stage.run(stop))
        try:
            yield stage
        finally:
            stop.set()
            await asyncio.wait_for(task, 30)

    def close(self) -> None:
        self.store.close()
        self.dead.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def mailroom(tmp_path: Path, clock: ManualClock) -> Iterator[Mailroom]:
    """Two endpoints, and a clock that the test advances."""
    urls = ["https://one.example/hooks", "https://two.example/hooks"]
    room = Mailroom(tmp_path, urls=urls, clock=clock)
    yield room
    room.close()


@pytest.fixture
def mailroom_for(tmp_path: Path) -> Iterator[Callable[..., Mailroom]]:
    """``mailroom_for(urls=..., clock=..., url=...)``."""
    rooms: list[Mailroom] = []

    def make(**more: Any) -> Mailroom:
        rooms.append(Mailroom(tmp_path, **more))
        return rooms[-1]

    yield make
    for room in rooms:
        room.close()


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def until() -> Callable[..., Awaitable[None]]:
    """``await until(lambda: condition)``: at most 20 s of patience, for busy machines."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.01)

    return wait
