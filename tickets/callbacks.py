"""What a unit answers: reading it, and remembering the answer it got (DOORS: callbacks)."""

from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Connection, insert, select

from citypatrol.clock import Ts
from tickets.body import LONGEST_NOTE
from tickets.errors import CallbackInvalid, StepForbidden, UnknownTicket
from tickets.schema import callbacks, storable
from tickets.states import CALLBACKS, Step

_LARGEST: Final = 64_000
_LONGEST_ID: Final = 255


@dataclass(frozen=True, slots=True)
class Answered:
    """The body of the 200: ``{"ticket", "state", "revision"}``."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Callback:
    step: Step
    ticket: str
    note: str | None


def parse_callback(body: bytes) -> Callback:
    """Raises CallbackInvalid. Further keys are none of our business."""
    if len(body) > _LARGEST:
        message = f"a body of {len(body)} bytes; at most {_LARGEST} are read"
        raise CallbackInvalid(message)
    try:
        event: Any = orjson.loads(body)
    except ValueError as error:
        message = f"the body is no JSON: {error}"
        raise CallbackInvalid(message) from None
    data = event.get("data") if isinstance(event, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("ticket"), str):
        message = 'the body must be {"type", "timestamp", "data": {"ticket", "note"}}'
        raise CallbackInvalid(message)
    kind, note = event.get("type"), data.get("note")
    if not isinstance(kind, str) or kind not in CALLBACKS:
        message = f"type must be one of {', '.join(CALLBACKS)}"
        raise CallbackInvalid(message)
    if note is not None and not isinstance(note, str):
        message = "note must be text"
        raise CallbackInvalid(message)
    return Callback(CALLBACKS[kind], data["ticket"], note[:LONGEST_NOTE] if note else None)


def check_webhook_id(webhook_id: str) -> None:
    """Raises CallbackInvalid for one that cannot be kept."""
    if not 0 < len(webhook_id) <= _LONGEST_ID:
        message = f"webhook-id must have 1 to {_LONGEST_ID} characters"
        raise CallbackInvalid(message)


def answer_before(connection: Connection, unit: str, webhook_id: str) -> Answered | None:
    """The answer that this id got before, given or raised again; None where it is new."""
    row = connection.execute(
        select(callbacks).where(callbacks.c.unit == unit, callbacks.c.webhook_id == webhook_id)
    ).first()
    if row is None:
        return None
    if row.status == _STATUS[UnknownTicket]:
        raise UnknownTicket(row.answer.decode())
    if row.status == _STATUS[StepForbidden]:
        raise StepForbidden(row.answer.decode())
    return Answered(row.answer)


_STATUS: Final = {UnknownTicket: 404, StepForbidden: 409}


def remember_answer(
    connection: Connection,
    unit: str,
    webhook_id: str,
    *,
    ticket: str,
    outcome: Answered | UnknownTicket | StepForbidden,
    now: Ts,
) -> None:
    if isinstance(outcome, Answered):
        status, answer = 200, outcome.body
    else:
        status, answer = _STATUS[type(outcome)], str(outcome).encode()
    connection.execute(
        insert(callbacks).values(
            unit=unit,
            webhook_id=webhook_id,
            at=now,
            ticket=storable(ticket),
            status=status,
            answer=answer,
        )
    )
