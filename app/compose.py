"""Puts the rooms of a city together: what ``run`` and ``serve`` have in common."""

import os
import threading
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from app.city import City
from app.guard import Guard
from app.outcome import OutsideError
from app.pages.city_map import CityMap, Shape, draw
from app.places import EvidenceLinks
from app.ticket_json import Scribe
from citypatrol.clock import Clock
from citypatrol.dead import DeadStore
from citypatrol.errors import ConfigError, Retry
from citypatrol.evidence import EvidenceStore
from citypatrol.registry import Registry
from tickets.desk import Desk
from tickets.errors import StoreError
from tickets.outbox import Outbox
from tickets.reading import Tickets
from tickets.store import Store


@dataclass(slots=True, eq=False)
class Case:
    """Everything about tickets, with an open store. ``close`` gives the writer's lock back."""

    store: Store
    outbox: Outbox
    desk: Desk
    tickets: Tickets
    scribe: Scribe
    evidence: EvidenceStore
    evidence_key: bytes
    dead: DeadStore

    def close(self) -> None:
        self.store.close()
        self.dead.close()


def open_case(city: City, *, clock: Clock) -> Case:
    """Blocking. OutsideError where the database, or the disk, is not to be had."""
    file, places = city.file, city.places
    try:
        for folder in (places.journal.parent, places.evidence):
            folder.mkdir(parents=True, exist_ok=True)
        key = places.evidence_key()
        dead = DeadStore(places.dead)
        dead.counts()  # a damaged file is said now, not when the first letter comes
        store = Store(places.tickets_url)
        store.open()
    except (StoreError, Retry, ConfigError) as error:
        raise OutsideError(str(error)) from error
    except OSError as error:
        way_out = f"let user {os.geteuid()} write there, or name another path in {city.path}"
        message = f"{error.filename}: {error.strerror}; {way_out}"
        raise OutsideError(message) from error
    outbox = Outbox(store)
    links = EvidenceLinks(key, file.http.url)
    desk = Desk(
        store,
        city_code=file.city.code,
        timezone=ZoneInfo(file.city.timezone),
        units=city.units,
        registry=city.registry,
        grid=city.grid,
        brake=file.tickets.most_an_hour,
        first_load=file.tickets.most_at_first,
        evidence_url=links,
        callback_url=places.callback_url,
        outbox=outbox,
    )
    desk.put_in_force(city.rules, now=clock.now())
    return Case(
        store=store,
        outbox=outbox,
        desk=desk,
        tickets=Tickets(store),
        scribe=Scribe(city.units, links, clock),
        evidence=EvidenceStore(places.evidence),
        evidence_key=key,
        dead=dead,
    )


class CityMapOnce:
    """Draws the city when the first page asks for it, and keeps it. Safe from any thread."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._lock = threading.Lock()
        self._drawn: CityMap | None = None

    def __call__(self) -> CityMap:
        with self._lock:
            if self._drawn is None:
                self._drawn = city_map(self._city)
            return self._drawn


def city_map(city: City) -> CityMap:
    """The city as it is drawn on the page. Blocking, up to a second for a large registry."""
    shapes = [
        Shape(cell.level, [polygon[0] for polygon in cell.polygons], cell.name)
        for cell in city.grid.cells
    ]
    lat, lon = _coordinates(city.registry)
    return draw(shapes, lat=lat, lon=lon)


def _coordinates(registry: Registry) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of every source; NaN where one has no place."""
    rows = {source: row for row, source in enumerate(registry.ids())}
    found = []
    for column in ("lat", "lon"):
        degrees = np.full(len(rows), np.nan)
        pairs = list(registry.values(column))
        degrees[[rows[source] for source, _ in pairs]] = [float(text) for _, text in pairs]
        found.append(degrees)
    return found[0], found[1]


def guard_of(city: City) -> Guard:
    http = city.file.http
    return Guard.of(listen_host=http.host, public_url=http.url, token=http.token)
