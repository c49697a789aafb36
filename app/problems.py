"""Errors over HTTP as RFC 9457 problem documents."""

from typing import Any, Final

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from citypatrol.errors import Retry
from tickets.errors import (
    BadCursor,
    CallbackInvalid,
    StepForbidden,
    TicketError,
    UnknownDelivery,
    UnknownRule,
    UnknownTicket,
)

MEDIA_TYPE: Final = "application/problem+json"
_TITLES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    421: "Misdirected Request",
    422: "Unprocessable Content",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_STATUS: Final[dict[type[TicketError], int]] = {
    UnknownTicket: 404,
    UnknownDelivery: 404,
    UnknownRule: 404,
    BadCursor: 400,
    StepForbidden: 409,
    CallbackInvalid: 400,
}


class Problem(Exception):
    """Ends a request with this status and this sentence."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        self.detail = detail
        super().__init__(detail)


def problem_response(
    status: int, detail: str, *, headers: dict[str, str] | None = None
) -> Response:
    """``detail`` says what was asked, what is wrong with it, and the way out."""
    title = _TITLES.get(status, "Error")
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return Response(orjson.dumps(body), status, headers=headers, media_type=MEDIA_TYPE)


def install(application: FastAPI) -> None:
    """Every error of the application becomes a problem document."""

    @application.exception_handler(Problem)
    async def _(_request: Request, error: Problem) -> Response:
        return problem_response(error.status, error.detail)

    @application.exception_handler(TicketError)
    async def _(_request: Request, error: TicketError) -> Response:
        return problem_response(_STATUS.get(type(error), 503), str(error))

    @application.exception_handler(Retry)
    async def _(_request: Request, _error: Retry) -> Response:
        detail = "the tickets database does not answer; try again"
        return problem_response(503, detail, headers={"Retry-After": "5"})

    @application.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers) if error.headers else None
        nowhere = f"there is nothing at {request.url.path}; /docs says what there is"
        detail = nowhere if error.status_code == 404 else str(error.detail)
        return problem_response(error.status_code, detail, headers=headers)

    @application.exception_handler(RequestValidationError)
    async def _(_request: Request, error: RequestValidationError) -> Response:
        return problem_response(422, "; ".join(_sentence(one) for one in error.errors()))

    @application.exception_handler(Exception)
    async def _(_request: Request, _error: Exception) -> Response:
        return problem_response(500, "a fault of ours: the log of the process has it")


def _sentence(error: dict[str, Any]) -> str:
    return f"{'.'.join(map(str, error['loc'][1:])) or error['loc'][0]}: {error['msg']}"
