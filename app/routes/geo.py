"""``/geo/tickets.geojson`` and ``/geo/grid.geojson``: for maps of others (RFC 7946)."""

from collections.abc import Iterator
from typing import Any, Final

import orjson
from fastapi import APIRouter
from starlette.responses import FileResponse, Response

from app.door import Door
from tickets.reading import MOST
from tickets.states import OPEN_STATES
from tickets.ticket import Ticket

MEDIA_TYPE: Final = "application/geo+json"


def geo(door: Door) -> APIRouter:
    router = APIRouter(prefix="/geo", tags=["geo"])

    @router.get("/tickets.geojson", summary="Every open ticket that has a place, as a point")
    def tickets() -> Response:
        features = [
            _feature(door, ticket) for ticket in _open_tickets(door) if ticket.lat is not None
        ]
        return _collection(features)

    @router.get("/grid.geojson", summary="The grid's cells, as the city's file has them")
    def grid() -> Response:
        if door.grid is None:
            return _collection([])
        return FileResponse(door.grid, media_type=MEDIA_TYPE)

    return router


def _open_tickets(door: Door) -> Iterator[Ticket]:
    cursor: str | None = None
    while True:
        page = door.tickets.list(state=OPEN_STATES, limit=MOST, cursor=cursor)
        yield from page.tickets
        cursor = page.cursor
        if cursor is None:
            return


def _feature(door: Door, ticket: Ticket) -> dict[str, Any]:
    """Flat properties, as maps like them: the ticket of the API without its lists."""
    told = door.scribe.ticket(ticket, pictures=())
    place, unit = told.pop("place"), told.pop("unit")
    del told["witnesses"], told["evidence"]
    return {
        "type": "Feature",
        "id": ticket.id,
        "geometry": {"type": "Point", "coordinates": [place["lon"], place["lat"]]},
        "properties": {
            **told,
            "site": place["site"],
            "grid": place["grid"],
            "unit": unit and unit["id"],
            "unit_name": unit and unit["name"],
        },
    }


def _collection(features: list[dict[str, Any]]) -> Response:
    body = orjson.dumps({"type": "FeatureCollection", "features": features})
    return Response(body, media_type=MEDIA_TYPE)
