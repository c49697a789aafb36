"""``/api/v1/mode``: the profile in which the rules judge, and who switched it."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from app.door import Door
from app.mode_stage import ModeStage
from app.modes import Switch, UnknownMode
from app.problems import Problem
from app.routes.caller import Who, caller
from citypatrol.clock import rfc3339
from tickets.body import LONGEST_NOTE

_SHOWN: Final = 50


class Wanted(BaseModel):
    """The mode to judge by from now on."""

    model_config = ConfigDict(extra="forbid")

    mode: Annotated[str, Field(min_length=1, max_length=100)]
    note: Annotated[str | None, Field(max_length=LONGEST_NOTE)] = None
    by: Who | None = None


def mode(door: Door) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["rules"])

    @router.get("/mode", summary="The mode in force, those there are, and the newest switches")
    def shown() -> dict[str, Any]:
        return as_dict(_stage(door))

    @router.post("/mode", summary="Switch the mode, at once")
    async def switched(wanted: Wanted, request: Request) -> dict[str, Any]:
        stage = _stage(door)
        by = caller(request, said=wanted.by)
        try:
            _, is_told = await stage.switch(wanted.mode, by=by, note=wanted.note)
        except UnknownMode as error:
            raise Problem(422, str(error)) from None
        except OSError as error:
            message = f"the switch cannot be written down: {error.strerror}"
            raise Problem(503, message) from None
        if not is_told:
            message = "the journal is full: the switch is written down, and comes when it has room"
            raise Problem(503, message)
        return as_dict(stage)

    return router


def as_dict(stage: ModeStage) -> dict[str, Any]:
    modes = stage.modes
    return {
        "mode": modes.mode,
        "modes": modes.known,
        "switches": [_line(one) for one in reversed(modes.switches[-_SHOWN:])],
    }


def _line(one: Switch) -> dict[str, Any]:
    return {"at": rfc3339(one.at), "mode": one.mode, "by": one.by, "note": one.note}


def _stage(door: Door) -> ModeStage:
    if door.mode is None:
        raise Problem(503, "this process switches no modes")
    return door.mode
