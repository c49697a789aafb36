"""What the page shows, worked out from tickets and deliveries (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from app.inbox import Received
from citypatrol.clock import Ts
from tickets.body import Picture
from tickets.outbox import Delivery
from tickets.states import DESK, ENDED, FROM, State, Step
from tickets.ticket import Ticket
from tickets.units import Units

STATE_TEXT: Final[Mapping[State, str]] = {
    "open": "open, nobody sent",
    "dispatched": "dispatched",
    "acknowledged": "acknowledged",
    "in_progress": "in progress",
    "resolved": "resolved",
    "closed": "closed",
    "rejected": "rejected, wrong unit",
    "reopened": "reopened",
    "cancelled": "cancelled",
}
STEP_TEXT: Final[Mapping[Step, str]] = {
    "acknowledge": "Acknowledge",
    "start": "In progress",
    "resolve": "Resolved",
    "reject": "Wrong unit",
    "close": "Close",
    "reopen": "Reopen",
}
CONFIRM: Final = "confirm"
TRUE_CASE: Final = "true-case"
FALSE_ALARM: Final = "false-alarm"
_UNSEEN: Final[tuple[State, ...]] = ("open", "dispatched", "rejected", "reopened")
_AT_WORK: Final[tuple[State, ...]] = (*_UNSEEN, "acknowledged", "in_progress")


@dataclass(frozen=True, slots=True)
class Counts:
    open: int
    waiting: int
    overdue: int
    ended: int


@dataclass(frozen=True, slots=True)
class Card:
    """One ticket in a list. ``deadline``: the next one that is not met yet, in ms."""

    id: str
    title: str
    severity: str
    category: str
    state_text: str
    ended: bool
    cleared: bool
    unit: str | None
    place: str
    coordinates: str
    picture: str | None
    witnesses: int
    opened_at: Ts
    deadline: Ts | None
    deadline_step: str
    acknowledge_by: Ts | None
    resolve_by: Ts | None
    verdict: bool | None
    verdict_note: str | None
    verdict_by: str | None
    verdict_at: Ts | None

    @property
    def href(self) -> str:
        return f"/tickets/{quote(self.id, safe='')}"


@dataclass(frozen=True, slots=True)
class Button:
    """Something that the desk may do with a ticket. ``name``: the end of its address."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One delivery."""

    id: int
    at: Ts
    type: str
    ticket: str
    endpoint: str
    state: str
    detail: str
    tone: str


@dataclass(frozen=True, slots=True)
class Heard:
    """One event as the responsible unit got it."""

    key: str
    at: Ts
    unit: str
    type: str
    ticket: str
    verified: bool
    answer: str | None


def deadline(ticket: Ticket) -> tuple[Ts | None, str]:
    """The next deadline that counts in this state, and what is due."""
    if ticket.state in _UNSEEN and ticket.acknowledge_by is not None:
        return ticket.acknowledge_by, "acknowledge"
    if ticket.state in _AT_WORK and ticket.resolve_by is not None:
        return ticket.resolve_by, "resolve"
    return None, ""


def card(ticket: Ticket, *, pictures: Sequence[Picture], units: Units) -> Card:
    due, step = deadline(ticket)
    return Card(
        id=ticket.id,
        title=ticket.title,
        severity=ticket.severity,
        category=ticket.category,
        state_text=state_text(ticket),
        ended=ticket.ended,
        cleared=ticket.cleared_at is not None and not ticket.ended,
        unit=None if ticket.unit is None else units.name(ticket.unit),
        place=place_text(ticket),
        coordinates=coordinates(ticket),
        picture=picture_href(pictures[0].sha256) if pictures else None,
        witnesses=ticket.witnesses,
        opened_at=ticket.opened_at,
        deadline=due,
        deadline_step=step,
        acknowledge_by=ticket.acknowledge_by,
        resolve_by=ticket.resolve_by,
        verdict=ticket.verdict,
        verdict_note=ticket.verdict_note,
        verdict_by=ticket.verdict_by or "the desk",
        verdict_at=ticket.verdict_at or ticket.updated_at,
    )


def buttons(ticket: Ticket) -> list[Button]:
    """What the desk may do now, in the order of a ticket's life, and what it may say of it; an open
    false alarm is cancelled."""
    verdicts = []
    if ticket.verdict is not True:
        verdicts.append(Button(TRUE_CASE, "True case"))
    if ticket.verdict is not False:
        verdicts.append(Button(FALSE_ALARM, "False alarm"))
    if ticket.unconfirmed and not ticket.ended:
        return [Button(CONFIRM, "Confirm"), Button(FALSE_ALARM, "False alarm")]
    possible = ("close",) if ticket.secret else DESK
    return [
        Button(step, STEP_TEXT[step]) for step in possible if ticket.state in FROM[step]
    ] + verdicts


def state_text(ticket: Ticket) -> str:
    if ticket.unconfirmed and not ticket.ended:
        return "to be looked at"
    return "on trial" if ticket.shadow and not ticket.ended else STATE_TEXT[ticket.state]


def picture_href(sha: str) -> str:
    return f"/evidence/{sha}.jpg"


def place_text(ticket: Ticket) -> str:
    """The site and the grid cell; the coordinates where neither is known."""
    known = [part for part in (ticket.site, ticket.grid) if part]
    return " · ".join(known) or coordinates(ticket) or "no known place"


def coordinates(ticket: Ticket) -> str:
    if ticket.lat is None or ticket.lon is None:
        return ""
    return f"{ticket.lat:.5f}, {ticket.lon:.5f}"


def event_text(kind: str) -> str:
    """``ticket.in_progress`` as people say it."""
    return kind.removeprefix("ticket.").replace("_", " ")


def number(value: float) -> str:
    """As a person writes it: no ``31.0``, no seventeen digits."""
    return f"{value:.4g}"


def urgency(ticket: Ticket) -> tuple[int, Ts]:
    """Sort key of the list: by severity, then by the next deadline."""
    order = {"critical": 0, "major": 1, "minor": 2, "info": 3}
    due, _ = deadline(ticket)
    return order[ticket.severity], due if due is not None else ticket.opened_at + 10**12


def counts(states: Mapping[State, int], open_tickets: Iterable[Ticket], *, now: Ts) -> Counts:
    due = [deadline(ticket)[0] for ticket in open_tickets]
    return Counts(
        open=sum(count for state, count in states.items() if state not in ENDED),
        waiting=sum(states.get(state, 0) for state in _UNSEEN),
        overdue=sum(1 for at in due if at is not None and at < now),
        ended=sum(states.get(state, 0) for state in ENDED),
    )


def row(delivery: Delivery, *, units: Units) -> Row:
    state, detail, tone = delivery.state, "", ""
    if state == "accepted":
        tone = "good"
        if delivery.caused_at is not None and delivery.settled_at is not None:
            detail = f"after {(delivery.settled_at - delivery.caused_at) / 1000:.1f} s"
    elif state == "dead":
        tone = "bad"
        detail = "set aside"
    elif delivery.tries:
        tone = "bad"
        detail = f"{delivery.tries} attempts failed"
    return Row(
        id=delivery.id,
        at=delivery.created_at,
        type=event_text(delivery.type),
        ticket=delivery.ticket or "",
        endpoint=units.name(delivery.endpoint),
        state=state,
        detail=detail,
        tone=tone,
    )


def heard(received: Received, *, units: Units) -> Heard:
    return Heard(
        key=f"{received.unit}-{received.webhook_id}",
        at=received.at,
        unit=units.name(received.unit),
        type=event_text(received.type),
        ticket=received.ticket,
        verified=received.verified,
        answer=received.answer,
    )
