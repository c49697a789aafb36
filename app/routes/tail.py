"""``/api/v1/tail``: what comes in, live, and what the city makes of it."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from app.door import Door
from app.problems import Problem
from ingest.tap import compiled


def tail(door: Door) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["sources"])

    @router.get(
        "/tail",
        summary="Messages as they come in, as server-sent events, until you leave",
        description="Each event is a message with its samples (late or not), or why it went to the "
        "dead-letter store; `{dropped: N}` where the reader is too slow.",
        response_class=StreamingResponse,
    )
    async def tailed(
        topic: Annotated[str, Query(description="an MQTT topic filter", max_length=1_000)] = "#",
    ) -> StreamingResponse:
        if door.tailing is None:
            raise Problem(503, "the city is starting: there is nothing to see yet")
        try:
            compiled(topic)
        except ValueError as error:
            raise Problem(422, f"topic: {error}") from None
        if door.tailing.tap.is_crowded:
            raise Problem(503, "as many as may look on at once do so already; end one of them")
        return StreamingResponse(door.tailing.events(topic), media_type="text/event-stream")

    return router
