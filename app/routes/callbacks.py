"""``/api/v1/callbacks/{unit}``: what a unit answers, signed with the unit's own secret."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app.door import Door
from app.problems import Problem
from app.routes.body import read_body
from citypatrol.signing import SignatureError, verify


def callbacks(door: Door) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["callbacks"])

    @router.post(
        "/callbacks/{unit}",
        summary="A unit's answer: acknowledged, in_progress, resolved or rejected",
        description="Signed after the Standard Webhooks specification with the unit's secret. 200 "
        "only after the commit; the same webhook-id again gets the same answer.",
    )
    async def answered(request: Request, unit: str) -> Response:
        body = await read_body(request)
        known = door.units.get(unit)
        now = door.clock.now()
        if known is None or known.webhook is None:
            # The same words as for a wrong signature: names of units are not for guessing.
            raise Problem(401, "no signature of this unit: signed by nobody we know")
        try:
            verify(known.webhook.secret, headers=request.headers, body=body, now_s=now // 1000)
        except SignatureError as error:
            raise Problem(401, f"no signature of this unit: {error}") from None
        answer = await run_in_threadpool(
            door.desk.callback, unit, webhook_id=request.headers["webhook-id"], body=body, now=now
        )
        return Response(answer.body, media_type="application/json")

    return router
