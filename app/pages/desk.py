"""Renders the desk: whole pages, and the parts that the page asks for every two seconds."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import jinja2

from app.door import Door
from app.pages import view
from app.pages.spots import spot, spread
from citypatrol.clock import Ts, rfc3339
from tickets.body import LONGEST_NOTE
from tickets.states import ENDED, OPEN_STATES
from tickets.ticket import Ticket

FOLDER: Final = Path(__file__).resolve().parent
MOST_OPEN: Final = 200
MOST_ENDED: Final = 20
MOST_ROWS: Final = 15
MOST_WITNESSES: Final = 50
_FRESH_S: Final = 1.0


class Renderer:
    """Blocking; safe from any thread. What everybody sees is worked out once a second at most."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._zone = ZoneInfo(door.timezone)
        self._lock = threading.Lock()
        self._kept: tuple[float, str] | None = None
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["rfc3339"] = rfc3339
        self._environment.filters["local"] = self._local
        self._environment.filters["number"] = view.number
        self._environment.globals |= {
            "city": {"name": door.city, "timezone": door.timezone},
            "version": version("citypatrol"),
        }

    def page(self) -> str:
        """``/``."""
        return self._render("desk.html", map=self._door.city_map(), **self._desk())

    def live(self) -> str:
        """``/live/desk``: the parts of the page that change."""
        with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > _FRESH_S:
                self._kept = time.monotonic(), self._render("_live.html", **self._desk())
            return self._kept[1]

    def ticket(self, ticket_id: str, *, refusal: str = "", note: str = "") -> str:
        """``/tickets/{id}``; ``refusal``: why the step that was asked for with ``note`` was not
        taken. Raises UnknownTicket."""
        return self._render("ticket.html", refusal=refusal, note=note, **self._case(ticket_id))

    def live_ticket(self, ticket_id: str) -> str:
        return self._render("_live_case.html", **self._case(ticket_id))

    def docs(self, openapi: dict[str, Any]) -> str:
        """``/docs``: the API in words, from its own description."""
        return self._render("docs.html", api=openapi)

    def _render(self, template: str, **values: Any) -> str:
        now = self._door.clock.now()
        return self._environment.get_template(template).render(now=now, **values)

    def _local(self, ts: Ts) -> str:
        at = datetime.fromtimestamp(ts / 1000, self._zone)
        today = datetime.fromtimestamp(self._door.clock.now() / 1000, self._zone).date()
        return at.strftime("%H:%M:%S" if at.date() == today else "%Y-%m-%d %H:%M")

    def _desk(self) -> dict[str, Any]:
        door = self._door
        now = door.clock.now()
        states = door.tickets.counts()
        tickets = sorted(
            door.tickets.list(state=OPEN_STATES, limit=MOST_OPEN).tickets, key=view.urgency
        )
        ended = door.tickets.list(state=ENDED, limit=MOST_ENDED).tickets
        trial = door.tickets.list(state=OPEN_STATES, shadow=True, limit=MOST_ENDED).tickets
        counts = view.counts(states, tickets, now=now)
        projection = door.city_map().projection
        found = [spot(ticket, projection) for ticket in tickets]
        known = (spot for spot in found if spot is not None)
        spots = spread(known, height=projection.height)
        received = door.inbox.received() if door.inbox is not None else ()
        return {
            "tickets": self._cards(tickets),
            "ended": self._cards(ended),
            "trial": self._cards(trial),
            "held": door.tickets.held_rules(),
            "refused": door.rules_refused(),
            "counts": counts,
            "more": max(0, counts.open - len(tickets)),
            "spots": spots[::-1],
            "deliveries": [
                view.row(one, units=door.units) for one in door.outbox.list(limit=MOST_ROWS)
            ],
            "sources": door.roll.latest if door.roll is not None else None,
            "inbox": door.inbox is not None,
            "received": [
                view.heard(one, units=door.units) for one in reversed(received[-MOST_ROWS:])
            ],
        }

    def _cards(self, tickets: Sequence[Ticket]) -> list[view.Card]:
        pictures = self._door.tickets.pictures([ticket.id for ticket in tickets])
        return [
            view.card(ticket, pictures=pictures.get(ticket.id, ()), units=self._door.units)
            for ticket in tickets
        ]

    def _case(self, ticket_id: str) -> dict[str, Any]:
        door = self._door
        detail = door.tickets.get(ticket_id)
        witnesses = detail.witnesses[:MOST_WITNESSES]
        return {
            "ticket": view.card(detail.ticket, pictures=detail.pictures, units=door.units),
            "buttons": view.buttons(detail.ticket),
            "longest_note": LONGEST_NOTE,
            "pictures": [
                {
                    "href": view.picture_href(one.sha256),
                    "at": one.at,
                    "sha": one.sha256,
                    "shows": one.shows,
                }
                for one in detail.pictures[:5]
            ],
            "witnesses": witnesses,
            "sources": detail.ticket.sources,
            "firing": detail.ticket.firing,
            "witnesses_left_out": detail.ticket.witnesses - len(witnesses),
            "history": [self._change(asdict(change)) for change in reversed(detail.history)],
            "deliveries": [
                view.row(one, units=door.units)
                for one in door.outbox.list(ticket=ticket_id, limit=MOST_ROWS)
            ],
        }

    def _change(self, change: dict[str, Any]) -> dict[str, Any]:
        words: dict[str, Callable[[], str]] = {
            "rules": lambda: "the rules",
            "desk": lambda: "the desk",
        }
        actor = change["actor"]
        by = words[actor]() if actor in words else self._door.units.name(actor)
        return {**change, "by": by, "type": view.event_text(change["type"])}
