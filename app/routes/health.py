"""``/healthz``, ``/readyz``, ``/metrics``."""

from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from app.door import Door
from app.problems import problem_response
from citypatrol.metrics import CONTENT_TYPE, exposition


def health(door: Door) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="The process lives")
    async def healthz() -> dict[str, Any]:
        return {"status": "alive", "restarts": dict(door.stages())}

    @router.get("/readyz", summary="200 once everything needed is there; 503 names what is not")
    async def readyz() -> Response:
        missing = door.waiting_for()
        if missing:
            return problem_response(503, "; ".join(missing))
        return JSONResponse({"status": "ready"})

    @router.get("/metrics", summary="Prometheus metrics")
    async def metrics() -> Response:
        text = await run_in_threadpool(exposition)
        return Response(text, media_type=CONTENT_TYPE)

    return router
