"""The HTTP side of a city: desk, API, callbacks, pictures, health (DOORS: HTTP)."""

from typing import Final

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.door import Door
from app.guard import Guard
from app.pages.desk import FOLDER
from app.problems import install, problem_response
from app.routes.api import deliveries, tickets
from app.routes.callbacks import callbacks
from app.routes.cameras import cameras
from app.routes.dead import dead
from app.routes.evidence import evidence
from app.routes.explain import explain
from app.routes.geo import geo
from app.routes.health import health
from app.routes.mode import mode
from app.routes.pages import pages
from app.routes.sources import incidents, sources
from app.routes.tail import tail

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def build_application(door: Door) -> ASGIApp:
    """The ASGI application; nothing connects or listens here."""
    application = FastAPI(
        title="citypatrol",
        summary=f"Tickets of {door.city}",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    install(application)
    for router in (
        health,
        tickets,
        deliveries,
        sources,
        cameras,
        incidents,
        tail,
        dead,
        callbacks,
        evidence,
        explain,
        geo,
        mode,
        pages,
    ):
        application.include_router(router(door))
    application.mount("/static", StaticFiles(directory=FOLDER / "static"))
    return _Gate(application, guard=door.guard)


class _Gate:
    """Asks the guard before anything else, and puts the security headers on every answer."""

    def __init__(self, application: ASGIApp, *, guard: Guard) -> None:
        self._application = application
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("utf-8", "replace")
            for name, value in scope["headers"]
        }

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    answer.setdefault(name, value)
                if scope["path"].startswith("/static/"):
                    answer.setdefault("Cache-Control", "no-cache")
                else:
                    answer.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._guard.refuse(method=scope["method"], path=scope["path"], headers=headers)
        if refusal is None:
            await self._application(scope, receive, sending)
            return
        await _refused(refusal.status, refusal.detail)(scope, receive, sending)


def _refused(status: int, detail: str) -> Response:
    response = problem_response(status, detail)
    if status == 401:
        response.headers.append("WWW-Authenticate", 'Basic realm="citypatrol", charset="UTF-8"')
        response.headers.append("WWW-Authenticate", 'Bearer realm="citypatrol"')
    return response
