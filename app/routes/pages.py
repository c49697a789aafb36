"""``/``, ``/tickets/{id}`` with its buttons, what these ask for while open, ``/docs`` and
``/source.zip``."""

import zlib
from functools import lru_cache
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.door import Door
from app.pages.desk import Renderer
from app.pages.view import CONFIRM, FALSE_ALARM, TRUE_CASE
from app.problems import Problem
from app.routes.body import read_body
from app.routes.caller import caller
from app.source import source_zip
from tickets.errors import StepForbidden
from tickets.states import DESK

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

    @router.post("/tickets/{ticket_id}/{action}")
    async def acted(request: Request, ticket_id: str, action: str) -> Response:
        """A button of the page: the guard has seen that it was ours."""
        form = parse_qs((await read_body(request)).decode("utf-8", "replace"))
        note = form.get("note", [""])[0].strip()
        try:
            who = caller(request, said=None)
            await run_in_threadpool(_act, door, ticket_id, action, note or None, who)
        except StepForbidden as error:
            refusal = str(error)
            page = await run_in_threadpool(renderer.ticket, ticket_id, refusal=refusal, note=note)
            return HTMLResponse(page, 409)
        return RedirectResponse(f"/tickets/{quote(ticket_id, safe='')}", 303)

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


def _act(door: Door, ticket_id: str, action: str, note: str | None, who: str) -> None:
    now = door.clock.now()
    if action == CONFIRM:
        door.desk.confirm(ticket_id, note=note, who=who, now=now)
        return
    if action in (TRUE_CASE, FALSE_ALARM):
        real = action == TRUE_CASE
        door.desk.verdict(ticket_id, real=real, note=note, who=who, now=now)
        return
    step = next((known for known in DESK if known == action), None)
    if step is None:
        raise Problem(404, f"this page has no button '{action}'")
    door.desk.act(ticket_id, step, note=note, who=who, now=now)


def _part(request: Request, door: Door, html: str) -> Response:
    """304 where the page has this already; the server's time in any case, for its clocks."""
    tag = f'"{zlib.crc32(html.encode()):08x}"'
    headers = {"ETag": tag, "X-Now": str(door.clock.now())}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(html, headers=headers)
