"""``/``, ``/tickets/{id}``, what these ask for while open, ``/docs`` and ``/source.zip``."""

import zlib
from functools import lru_cache

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.door import Door
from app.pages.desk import Renderer
from app.source import source_zip

source = lru_cache(maxsize=1)(source_zip)


def pages(door: Door) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    renderer = Renderer(door)

    @router.get("/")
    async def desk() -> Response:
        return HTMLResponse(await run_in_threadpool(renderer.page))

    @router.get("/live/desk")
    async def live(request: Request) -> Response:
        return _part(request, door, await run_in_threadpool(renderer.live))

    @router.get("/tickets/{ticket_id}")
    async def ticket(ticket_id: str) -> Response:
        return HTMLResponse(await run_in_threadpool(renderer.ticket, ticket_id))

    @router.get("/live/tickets/{ticket_id}")
    async def live_ticket(request: Request, ticket_id: str) -> Response:
        return _part(request, door, await run_in_threadpool(renderer.live_ticket, ticket_id))

    @router.get("/docs")
    async def docs(request: Request) -> Response:
        return HTMLResponse(await run_in_threadpool(renderer.docs, request.app.openapi()))

    @router.get("/favicon.ico")
    async def icon() -> Response:
        return RedirectResponse("/static/icon.svg", 308)

    @router.get("/source.zip")
    async def own_source() -> Response:
        name = 'attachment; filename="citypatrol-source.zip"'
        data = await run_in_threadpool(source)
        return Response(data, media_type="application/zip", headers={"Content-Disposition": name})

    return router


def _part(request: Request, door: Door, html: str) -> Response:
    """304 where the page has this already; the server's time in any case, for its clocks."""
    tag = f'"{zlib.crc32(html.encode()):08x}"'
    headers = {"ETag": tag, "X-Now": str(door.clock.now())}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(html, headers=headers)
