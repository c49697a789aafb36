"""Tickets and deliveries as the API, the pages and the terminal see them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from citypatrol.clock import Clock, Ts, rfc3339
from rules.incidents import Incident
from tickets.body import Event, Picture, event_body
from tickets.first_load import HeldRule
from tickets.outbox import Attempt, Delivery
from tickets.reading import Detail, Sent
from tickets.sources import WitnessPage
from tickets.ticket import Ticket
from tickets.units import Units


@dataclass(frozen=True, slots=True)
class Scribe:
    """Writes tickets as the webhooks do, and what the API has beyond that."""

    units: Units
    evidence_url: Callable[[str, Ts], str]
    clock: Clock

    def ticket(
        self,
        ticket: Ticket,
        *,
        pictures: Sequence[Picture],
        witnesses: Sequence[Incident] = (),
    ) -> dict[str, Any]:
        """The ``ticket`` of a webhook. ``witnesses`` oldest first."""
        event = Event(
            type="",
            at=self.clock.now(),
            ticket=ticket,
            unit_name=self.units.name(ticket.unit) if ticket.unit else "",
            witnesses=witnesses,
            pictures=pictures,
        )
        body = event_body(event, evidence_url=self.evidence_url, callback_url=str)
        told: dict[str, Any] = orjson.loads(body)["data"]["ticket"]
        return told

    def listed(
        self,
        ticket: Ticket,
        *,
        pictures: Sequence[Picture],
        witnesses: Sequence[Incident] = (),
    ) -> dict[str, Any]:
        """The ticket of a webhook, and what only we know: its verdict, and what kind it is of."""
        at = ticket.verdict_at
        return self.ticket(ticket, pictures=pictures, witnesses=witnesses) | {
            "rule": ticket.rule,
            "shadow": ticket.shadow,
            "storm": ticket.storm,
            "unconfirmed": ticket.unconfirmed,
            "verdict": ticket.verdict,
            "verdict_note": ticket.verdict_note,
            "verdict_by": ticket.verdict_by,
            "verdict_at": None if at is None else rfc3339(at),
        }

    def detail(self, detail: Detail) -> dict[str, Any]:
        """The ticket with its verdict, its history and what was sent of it."""
        body = self.listed(
            detail.ticket, pictures=detail.pictures, witnesses=detail.witnesses[::-1]
        )
        body["source_count"] = detail.ticket.sources
        body["firing_count"] = detail.ticket.firing
        body["history"] = [
            {
                "revision": change.revision,
                "type": change.type,
                "at": rfc3339(change.at),
                "state": change.state,
                "unit": change.unit,
                "by": change.actor,
                "note": change.note,
                "webhook_id": change.event,
            }
            for change in detail.history
        ]
        body["deliveries"] = [_sent(sent) for sent in detail.deliveries]
        return body


def sources_json(page: WitnessPage) -> dict[str, Any]:
    """A page of ``/api/v1/tickets/{id}/sources``."""
    return {
        "sources": [
            {
                "source": one.source,
                "incidents": one.incidents,
                "firing": one.firing > 0,
                "first_at": rfc3339(one.first_at),
                "last_at": rfc3339(one.last_at),
                "cleared_at": None if one.cleared_at is None else rfc3339(one.cleared_at),
            }
            for one in page.sources
        ],
        "cursor": page.cursor,
    }


def held_json(held: HeldRule) -> dict[str, Any]:
    """``waiting``: incidents that still fire and have no ticket."""
    return {
        "rule": held.rule,
        "since": rfc3339(held.since),
        "held_at": rfc3339(held.held_at),
        "waiting": held.waiting,
    }


def _sent(sent: Sent) -> dict[str, Any]:
    return {
        "id": sent.delivery,
        "webhook_id": sent.event,
        "endpoint": sent.endpoint,
        "type": sent.type,
        "state": sent.state,
        "tries": sent.tries,
        "due_at": rfc3339(sent.due_at),
        "settled_at": None if sent.settled_at is None else rfc3339(sent.settled_at),
    }


def delivery_json(delivery: Delivery, *, attempts: Sequence[Attempt] = ()) -> dict[str, Any]:
    """One delivery; its body is the event, which the unit has or will have."""
    settled = delivery.settled_at
    return {
        "id": delivery.id,
        "webhook_id": delivery.event,
        "endpoint": delivery.endpoint,
        "ticket": delivery.ticket,
        "type": delivery.type,
        "state": delivery.state,
        "tries": delivery.tries,
        "created_at": rfc3339(delivery.created_at),
        "due_at": rfc3339(delivery.due_at),
        "settled_at": None if settled is None else rfc3339(settled),
        "attempts": [
            {
                "at": rfc3339(attempt.at),
                "took_ms": attempt.took_ms,
                "result": attempt.result,
                "status": attempt.status,
                "reason": attempt.reason,
            }
            for attempt in attempts
        ],
    }
