"""``/api/v1/dead``: what was set aside, with its reason; send it again, or drop it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool

from app.dead_json import dead_json, whole_json
from app.door import Door
from app.problems import Problem
from app.routes.api import Limit, Note
from citypatrol.dead import DeadLetter, Kind
from citypatrol.errors import Reject, Retry


def dead(door: Door) -> APIRouter:
    router = APIRouter(prefix="/api/v1/dead", tags=["dead letters"])

    def find(letter_id: int) -> DeadLetter:
        letter = door.dead.get(letter_id)
        if letter is None:
            raise Problem(404, f"there is no dead letter {letter_id}")
        return letter

    def unsettled(letter_id: int) -> DeadLetter:
        letter = find(letter_id)
        if letter.note:
            raise Problem(409, f"dead letter {letter_id} is dealt with already: {letter.note}")
        return letter

    @router.get("", summary="Dead letters, newest first")
    def listed(
        kind: Kind | None = None,
        limit: Limit = 100,
        cursor: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    ) -> dict[str, Any]:
        letters = door.dead.list(kind=kind, limit=limit, before=cursor)
        following = letters[-1].id if len(letters) == limit else None
        return {"dead": [dead_json(letter) for letter in letters], "cursor": following}

    @router.get("/{letter_id}", summary="One dead letter with its payload")
    def shown(letter_id: int) -> dict[str, Any]:
        return whole_json(find(letter_id))

    @router.post("/{letter_id}/drop", summary="It is dealt with: take it out of the store")
    def dropped(letter_id: int, body: Note | None = None) -> dict[str, Any]:
        letter = unsettled(letter_id)
        door.dead.drop(letter_id, note=(body.note if body else None) or "dropped by the desk")
        return dead_json(letter)

    @router.post("/{letter_id}/replay", summary="Send it on its way again; then it is dropped")
    async def replayed(letter_id: int) -> dict[str, Any]:
        letter = await run_in_threadpool(unsettled, letter_id)
        try:
            await door.replay(letter)
        except Reject as error:
            raise Problem(409, f"dead letter {letter_id} is refused again: {error}") from None
        except Retry as error:
            raise Problem(503, f"dead letter {letter_id} stays: {error}") from None
        await run_in_threadpool(door.dead.drop, letter_id, note="replayed")
        return dead_json(letter)

    return router
