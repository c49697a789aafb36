"""``/api/v1/dead``: what was set aside, with its reason; send it again, or drop it."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from app.dead_json import dead_json, deed_json, group_json, whole_json
from app.door import Door
from app.problems import Problem
from app.resend import Resender
from app.routes.api import Limit
from app.routes.caller import Who, caller
from citypatrol.dead import DeadLetter, Kind
from citypatrol.dead_desk import By, Which
from tickets.body import LONGEST_NOTE

Words = Annotated[str, Field(min_length=1, max_length=1_000)]


class Act(BaseModel):
    """Who does something with a letter, and why."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[str | None, Field(max_length=LONGEST_NOTE)] = None
    who: Who | None = None


class Chosen(Act):
    """Letters by id, or all with this kind, words of the reason and origin (``*`` is anything);
    every letter only with ``all``."""

    ids: Annotated[list[int], Field(max_length=1_000)] | None = None
    kind: Kind | None = None
    reason: Words | None = None
    origin: Words | None = None
    all: bool = False

    def which(self) -> Which:
        which = Which(self.kind, self.reason, self.origin)
        if which.is_everything and not self.all:
            raise Problem(422, "choose letters: by ids, kind, reason, origin, or with all: true")
        return which


class ToReplay(Chosen):
    """``cursor`` of the answer before: letters are sent again in pages, oldest first."""

    cursor: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=500)] = 200


def dead(door: Door) -> APIRouter:
    router = APIRouter(prefix="/api/v1/dead", tags=["dead letters"])
    desk = door.dead_desk
    resend = Resender(desk, door.replay, door.clock)

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

    def chosen(body: ToReplay) -> Sequence[DeadLetter]:
        if body.ids is not None:
            return [unsettled(one) for one in body.ids]
        return desk.oldest(body.which(), after=body.cursor, limit=body.limit)

    @router.get("", summary="Dead letters, newest first")
    def listed(
        kind: Kind | None = None,
        reason: Annotated[str | None, Query(description="words that the reason holds")] = None,
        origin: Annotated[str | None, Query(description="`*` stands for anything")] = None,
        settled: Annotated[bool, Query(description="those dealt with, instead")] = False,
        limit: Limit = 100,
        cursor: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    ) -> dict[str, Any]:
        which = Which(kind, reason, origin)
        letters = desk.newest(which, limit=limit, before=cursor, settled=settled)
        following = letters[-1].id if len(letters) == limit else None
        return {"dead": [dead_json(letter) for letter in letters], "cursor": following}

    @router.get("/groups", summary="Dead letters counted by reason, kind or origin")
    def grouped(
        by: By = "reason",
        kind: Kind | None = None,
        reason: str | None = None,
        origin: str | None = None,
        limit: Limit = 100,
    ) -> dict[str, Any]:
        groups = desk.groups(by, Which(kind, reason, origin))
        return {
            "groups": [group_json(one) for one in groups[:limit]],
            "count": sum(one.count for one in groups),
        }

    @router.get("/deeds", summary="What was done with letters: by whom, when and why; newest first")
    def deeds(letter: int | None = None, limit: Limit = 100) -> dict[str, Any]:
        return {"deeds": [deed_json(one) for one in desk.deeds(letter, limit=limit)]}

    @router.post("/replay", summary="Send many on their way again; what fails stays, and says why")
    async def replayed_many(request: Request, body: ToReplay) -> dict[str, Any]:
        letters = await run_in_threadpool(chosen, body)
        sent = await resend(letters, who=_who(request, body))
        more = body.ids is None and len(letters) == body.limit
        return {
            "results": [
                {"id": one.id, "result": one.result, "reason": one.reason or None} for one in sent
            ],
            "cursor": letters[-1].id if more else None,
        }

    @router.post("/drop", summary="Many are dealt with: take them out of the store, with a note")
    def dropped_many(request: Request, body: Chosen) -> dict[str, Any]:
        if not body.note:
            raise Problem(422, "note: say why; it is kept with your name")
        who, now = _who(request, body), door.clock.now()
        if body.ids is None:
            which = body.which()
            return {"dropped": desk.drop_all(which, who=who, note=body.note, at=now)}
        done = desk.settle(body.ids, deed="dropped", who=who, note=body.note, at=now)
        return {"dropped": len(done)}

    @router.get("/{letter_id}", summary="One dead letter with its payload, and what was done")
    def shown(letter_id: int) -> dict[str, Any]:
        letter = find(letter_id)
        return whole_json(letter) | {"deeds": [deed_json(one) for one in desk.deeds(letter_id)]}

    @router.post("/{letter_id}/drop", summary="It is dealt with: take it out of the store")
    def dropped(request: Request, letter_id: int, body: Act | None = None) -> dict[str, Any]:
        letter = unsettled(letter_id)
        note = (body.note if body else None) or "dropped by the desk"
        who = _who(request, body)
        desk.settle([letter_id], deed="dropped", who=who, note=note, at=door.clock.now())
        return dead_json(letter)

    @router.post("/{letter_id}/replay", summary="Send it on its way again; then it is dropped")
    async def replayed(request: Request, letter_id: int, body: Act | None = None) -> dict[str, Any]:
        letter = await run_in_threadpool(unsettled, letter_id)
        [sent] = await resend([letter], who=_who(request, body))
        if sent.result == "refused":
            raise Problem(409, f"dead letter {letter_id} is refused again: {sent.reason}")
        if sent.result == "stays":
            raise Problem(503, f"dead letter {letter_id} stays: {sent.reason}")
        return dead_json(letter)

    return router


def _who(request: Request, body: Act | None) -> str:
    return caller(request, said=None if body is None else body.who)
