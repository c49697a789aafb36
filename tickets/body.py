"""The body of one event, as DOORS has it: `{type, timestamp, data}`, under 20 kB."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from citypatrol.clock import Ts, rfc3339
from rules.incidents import Incident
from tickets.ticket import Ticket

LARGEST: Final = 20_000
"""Bytes; the advice of the Standard Webhooks specification."""
MOST_WITNESSES: Final = 20
MOST_PICTURES: Final = 5
LONGEST_NOTE: Final = 2_000
_LONGEST_TEXT: Final = 300


@dataclass(frozen=True, slots=True)
class Picture:
    """``shows``: what was seen, or the same view once that had cleared."""

    sha256: str
    at: Ts
    shows: Literal["before", "after"] = "before"


@dataclass(frozen=True, slots=True)
class Event:
    """One change of a ticket, ready to be told. ``witnesses`` are the newest, oldest first."""

    type: str
    at: Ts
    ticket: Ticket
    unit_name: str
    witnesses: Sequence[Incident]
    pictures: Sequence[Picture]
    note: str | None = None


def event_body(
    event: Event, *, evidence_url: Callable[[str, Ts], str], callback_url: Callable[[str], str]
) -> bytes:
    """JSON. Where all witnesses would not fit, the newest stand in it and ``witness_count`` says
    how many there are."""
    witnesses = list(event.witnesses)[-MOST_WITNESSES:]
    data: dict[str, Any] = {"ticket": _ticket(event, evidence_url)}
    if event.ticket.unit is not None:
        data["callback"] = {"url": callback_url(event.ticket.unit)}
    if event.note is not None:
        data["note"] = event.note
    while True:
        data["ticket"]["witnesses"] = [_witness(witness) for witness in witnesses]
        body = orjson.dumps({"type": event.type, "timestamp": rfc3339(event.at), "data": data})
        if len(body) < LARGEST or not witnesses:
            return body
        witnesses = witnesses[(len(witnesses) + 1) // 2 :]


def _ticket(event: Event, evidence_url: Callable[[str, Ts], str]) -> dict[str, Any]:
    ticket = event.ticket
    unit = None
    if ticket.unit is not None:
        unit = {"id": ticket.unit, "name": event.unit_name}
    return {
        "id": ticket.id,
        "revision": ticket.revision,
        "state": ticket.state,
        "category": short(ticket.category),
        "severity": ticket.severity,
        "title": ticket.title,
        "opened_at": rfc3339(ticket.opened_at),
        "acknowledge_by": _time(ticket.acknowledge_by),
        "resolve_by": _time(ticket.resolve_by),
        "cleared_at": _time(ticket.cleared_at),
        "place": {
            "lat": ticket.lat,
            "lon": ticket.lon,
            "site": short(ticket.site) if ticket.site is not None else None,
            "grid": ticket.grid,
        },
        "unit": unit,
        "witness_count": ticket.witnesses,
        "witnesses": [],
        "evidence": [
            {
                "url": evidence_url(picture.sha256, event.at),
                "at": rfc3339(picture.at),
                "sha256": picture.sha256,
                **({"shows": "after"} if picture.shows == "after" else {}),
            }
            for picture in event.pictures[:MOST_PICTURES]
        ],
    }


def _witness(incident: Incident) -> dict[str, Any]:
    return {
        "incident": incident.id,
        "rule": short(incident.rule),
        "source": short(incident.source),
        "since": rfc3339(incident.since),
        "value": incident.value,
    }


def _time(ts: Ts | None) -> str | None:
    return None if ts is None else rfc3339(ts)


def short(text: str) -> str:
    """Names are short; a publisher's topic of 60 kB is not, and must not burst the body."""
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
