"""``/api/v1/sources`` and ``/api/v1/incidents``: who is heard, and what rules say of it."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from app.door import Door
from app.problems import Problem
from app.rollcall import RollCall, Wanted
from app.routes.api import Cursor, Limit
from app.source_json import counts_json, incident_json, line_json, source_json
from app.watching import watching
from citypatrol.units import duration_ms

_LETTERS: Final = 5


def sources(door: Door) -> APIRouter:
    router = APIRouter(prefix="/api/v1/sources", tags=["sources"])

    @router.get("", summary="Sources in the order in which they were first heard, with counts")
    def listed(
        kind: str | None = None,
        district: str | None = None,
        silent_for: Annotated[str | None, Query(description="a duration, like 10m")] = None,
        unregistered: Annotated[bool, Query(description="only those no registry has")] = False,
        never: Annotated[bool, Query(description="registered and never heard, instead")] = False,
        limit: Limit = 100,
        cursor: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    ) -> dict[str, Any]:
        now = door.clock.now()
        roll = _roll(door)
        wanted = Wanted(kind, district, _duration(silent_for), unregistered, never)
        page = roll.list(wanted, now=now, after=-1 if cursor is None else cursor, limit=limit)
        return {
            "sources": [line_json(line, now=now) for line in page.lines],
            "counts": counts_json(roll.counts(now=now)),
            "cursor": page.cursor,
        }

    @router.get("/{source_id:path}", summary="One source with everything that is known of it")
    def shown(source_id: str) -> dict[str, Any]:
        roll = _roll(door)
        known = roll.source(source_id)
        dead = door.dead_desk.about(source_id)
        if known is None and dead:
            known = roll.stranger(source_id)
        if known is None:
            near = roll.nearest(source_id)
            instead = f"; the nearest are {', '.join(near)}" if near else ""
            raise Problem(404, f"there is no source {source_id}{instead}")
        metrics = {one.metric for one in known.series}
        newest = [door.dead.get(one.id) for one in dead[:_LETTERS]]
        return source_json(
            known,
            rules=watching(door.rules(), labels=known.labels, metrics=metrics),
            incidents=door.tickets.incidents(source=source_id, firing=True).incidents,
            dead=dead,
            letters=[one for one in newest if one is not None],
            now=door.clock.now(),
        )

    return router


def incidents(door: Door) -> APIRouter:
    router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"])

    @router.get("", summary="Incidents, newest first, with the ticket that each one is of")
    def listed(
        source: str | None = None,
        firing: Annotated[bool, Query(description="only those not cleared yet")] = False,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        page = door.tickets.incidents(source=source, firing=firing, limit=limit, cursor=cursor)
        return {
            "incidents": [incident_json(one, ticket=ticket) for one, ticket in page.incidents],
            "cursor": page.cursor,
        }

    return router


def _roll(door: Door) -> RollCall:
    if door.roll is None:
        raise Problem(503, "the city is starting: nobody was asked yet")
    return door.roll


def _duration(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return duration_ms(text)
    except ValueError as error:
        raise Problem(422, f"silent_for: {error}") from None
