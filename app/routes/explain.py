"""``/api/v1/explain``: why a rule fired on a source, or why it has not yet."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool

from app.door import Door
from app.explaining.filed import Filed
from app.explaining.report import as_dict
from app.problems import Problem
from rules.explain import Unexplained
from rules.explain_alarm import Explanation

_LOOKED_AT: Final = 50


def explain(door: Door) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["rules"])

    @router.get("/explain", summary="Each condition of a rule with its value, threshold and timer")
    async def explained(
        rule: str,
        source: str,
        metric: Annotated[str | None, Query(description="the rule's own, if given")] = None,
    ) -> dict[str, Any]:
        if door.explain is None:
            raise Problem(
                503, "the rules run in workers here; ask `citypatrol explain` with --history"
            )
        try:
            found = await door.explain(rule, source=source)
        except Unexplained as error:
            raise Problem(404, str(error)) from None
        if metric not in (None, found.metric):
            raise Problem(404, f"rule '{rule}' reads {found.metric} and not {metric}")
        return as_dict(found, await run_in_threadpool(_filed, door, found))

    return router


def _filed(door: Door, found: Explanation) -> Filed:
    """What the desk has made of it."""
    rule = next((one for one in door.rules().rules if one.name == found.rule), None)
    recent = door.tickets.incidents(source=found.source, limit=_LOOKED_AT).incidents
    mine = [(one, ticket) for one, ticket in recent if one.rule == found.rule]
    ticket = next((ticket for one, ticket in mine if one.id == found.incident), None)
    last = next((ticket for _, ticket in mine if ticket is not None), None)
    quiet = None if last is None else door.tickets.get(last).ticket.quiet_until
    if quiet is not None and quiet <= found.at:
        quiet = None
    waits = found.incident is not None and ticket is None
    return Filed(
        rule is not None and rule.ticket is not None,
        ticket=ticket,
        held_until=quiet if waits else None,
        quiet_until=quiet,
    )
