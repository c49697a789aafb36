"""The states of a ticket and the steps between them, as one table (DESIGN 2, DOORS)."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from tickets.errors import StepForbidden

State = Literal[
    "open",
    "dispatched",
    "acknowledged",
    "in_progress",
    "resolved",
    "closed",
    "rejected",
    "reopened",
    "cancelled",
]
STATES: Final[tuple[State, ...]] = get_args(State)
ENDED: Final[tuple[State, ...]] = ("closed", "cancelled")
"""A ticket in any other state is open: a key has at most one such ticket."""
OPEN_STATES: Final[tuple[State, ...]] = tuple(state for state in STATES if state not in ENDED)

Step = Literal["dispatch", "acknowledge", "start", "resolve", "reject", "close", "reopen", "cancel"]
STEPS: Final[tuple[Step, ...]] = get_args(Step)

_WAITING: Final[tuple[State, ...]] = ("open", "dispatched", "reopened", "rejected")
_AT_WORK: Final[tuple[State, ...]] = (*_WAITING, "acknowledged", "in_progress")

FROM: Final[Mapping[Step, tuple[State, ...]]] = {
    "dispatch": ("open", "rejected"),
    "acknowledge": _WAITING,
    "start": (*_WAITING, "acknowledged"),
    "resolve": _AT_WORK,
    "reject": ("dispatched", "reopened", "acknowledged", "in_progress"),
    "close": (*_AT_WORK, "resolved"),
    "reopen": ("resolved", "closed"),
    "cancel": (*_AT_WORK, "resolved"),
}
"""``open`` and ``rejected`` can be acknowledged: the desk may take a case that no unit has."""

TO: Final[Mapping[Step, State]] = {
    "dispatch": "dispatched",
    "acknowledge": "acknowledged",
    "start": "in_progress",
    "resolve": "resolved",
    "reject": "rejected",
    "close": "closed",
    "reopen": "reopened",
    "cancel": "cancelled",
}
"""The event of a step is ``ticket.`` and the state it leads to."""

CALLBACKS: Final[Mapping[str, Step]] = {
    "ticket.acknowledged": "acknowledge",
    "ticket.in_progress": "start",
    "ticket.resolved": "resolve",
    "ticket.rejected": "reject",
}
"""What a unit may answer (DOORS)."""

DESK: Final[tuple[Step, ...]] = ("acknowledge", "start", "resolve", "reject", "close", "reopen")
"""What a person at the desk may do."""


def step(state: State, step: Step) -> State:
    """The state after the step; StepForbidden where the table has none."""
    if state not in FROM[step]:
        allowed = ", ".join(FROM[step])
        message = f"a ticket that is {state} cannot be {TO[step]}; possible from {allowed}"
        raise StepForbidden(message)
    return TO[step]
