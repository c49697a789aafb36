"""``/api/v1/tickets`` and ``/api/v1/deliveries``."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from app.door import Door
from app.problems import Problem
from app.routes.caller import Who, caller
from app.ticket_json import delivery_json, held_json, sources_json
from tickets.body import LONGEST_NOTE
from tickets.outbox import DeliveryState
from tickets.states import DESK, State

Limit = Annotated[int, Query(ge=1, le=1000, description="rows of one page")]
Cursor = Annotated[str | None, Query(description="the `cursor` of the page before")]


class Note(BaseModel):
    """What a person says about a step."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[str | None, Field(max_length=LONGEST_NOTE)] = None
    who: Who | None = None


class Verdict(Note):
    """Whether there was an incident, or a false alarm."""

    real: bool


class Released(BaseModel):
    """Which rule, and who says so."""

    model_config = ConfigDict(extra="forbid")

    rule: str
    who: Who | None = None


def tickets(door: Door) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["tickets"])

    @router.get("/tickets", summary="Tickets, newest first")
    def listed(
        state: Annotated[list[State] | None, Query(description="may be given again")] = None,
        category: str | None = None,
        unit: str | None = None,
        shadow: Annotated[bool, Query(description="those of rules on trial instead")] = False,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        page = door.tickets.list(
            state=state, category=category, unit=unit, shadow=shadow, limit=limit, cursor=cursor
        )
        pictures = door.tickets.pictures([ticket.id for ticket in page.tickets])
        return {
            "tickets": [
                door.scribe.listed(ticket, pictures=pictures.get(ticket.id, ()))
                for ticket in page.tickets
            ],
            "cursor": page.cursor,
        }

    @router.get("/tickets/{ticket_id}", summary="One ticket with its history and deliveries")
    def shown(ticket_id: str) -> dict[str, Any]:
        return door.scribe.detail(door.tickets.get(ticket_id))

    @router.get("/tickets/{ticket_id}/sources", summary="The sources that a ticket is about")
    def witnessed(ticket_id: str, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
        return sources_json(door.tickets.sources(ticket_id, limit=limit, cursor=cursor))

    @router.post("/tickets/{ticket_id}/verdict", summary="Was it a real incident?")
    def judged(request: Request, ticket_id: str, verdict: Verdict) -> dict[str, Any]:
        who, now = caller(request, said=verdict.who), door.clock.now()
        door.desk.verdict(ticket_id, real=verdict.real, note=verdict.note, who=who, now=now)
        return door.scribe.detail(door.tickets.get(ticket_id))

    @router.post("/tickets/{ticket_id}/confirm", summary="Somebody has looked: send the unit")
    def confirmed(request: Request, ticket_id: str, body: Note | None = None) -> dict[str, Any]:
        body = body or Note()
        who, now = caller(request, said=body.who), door.clock.now()
        door.desk.confirm(ticket_id, note=body.note, who=who, now=now)
        return door.scribe.detail(door.tickets.get(ticket_id))

    @router.post("/tickets/{ticket_id}/{action}", summary=f"A step at the desk: {', '.join(DESK)}")
    def acted(
        request: Request, ticket_id: str, action: str, body: Note | None = None
    ) -> dict[str, Any]:
        step = next((known for known in DESK if known == action), None)
        if step is None:
            known = ", ".join((*DESK, "confirm", "verdict"))
            raise Problem(404, f"the desk has no step '{action}'; there are {known}")
        body = body or Note()
        who, now = caller(request, said=body.who), door.clock.now()
        door.desk.act(ticket_id, step, note=body.note, who=who, now=now)
        return door.scribe.detail(door.tickets.get(ticket_id))

    @router.get("/rules/held", summary="Rules that are held back until somebody lets them go")
    def held() -> dict[str, Any]:
        return {"rules": [held_json(one) for one in door.tickets.held_rules()]}

    @router.post("/rules/release", summary="Let a rule go; what of it still fires is filed")
    def released(request: Request, body: Released) -> dict[str, Any]:
        who = caller(request, said=body.who)
        door.desk.release(body.rule, who=who, now=door.clock.now())
        return held()

    return router


def deliveries(door: Door) -> APIRouter:
    router = APIRouter(prefix="/api/v1/deliveries", tags=["deliveries"])

    @router.get("", summary="Webhook deliveries, newest first")
    def listed(
        endpoint: str | None = None,
        state: DeliveryState | None = None,
        ticket: str | None = None,
        limit: Limit = 100,
        cursor: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    ) -> dict[str, Any]:
        rows = door.outbox.list(
            endpoint=endpoint, state=state, ticket=ticket, before=cursor, limit=limit
        )
        following = rows[-1].id if len(rows) == limit else None
        return {"deliveries": [delivery_json(row) for row in rows], "cursor": following}

    @router.get("/{delivery_id}", summary="One delivery with its attempts")
    def shown(delivery_id: int) -> dict[str, Any]:
        return delivery_json(
            door.outbox.get(delivery_id), attempts=door.outbox.attempts(delivery_id)
        )

    @router.post("/{delivery_id}/redeliver", summary="Send it again, with its old id and body")
    async def redelivered(delivery_id: int) -> dict[str, Any]:
        delivery = await run_in_threadpool(door.outbox.redeliver, delivery_id, now=door.clock.now())
        return delivery_json(delivery)

    return router
