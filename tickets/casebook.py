"""The tickets of incidents without a database: for rule tests and backtests.

The fold is the desk's own (``tickets.folding``, ``tickets.opening``, ``tickets.steps``), and a test
holds the two together. Nobody acknowledges or resolves here: a ticket ends as the rules end it, or
a while after its last incident has cleared, where that is asked for.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from citypatrol.clock import Ts
from rules.incidents import Incident
from tickets.folding import Case, Seen
from tickets.opening import Opener, retitled
from tickets.steps import after
from tickets.ticket import Ticket, ticket_key


@dataclass(slots=True)
class Casebook:
    """Files each event at its own instant. Events come in order of their instants, each once.

    ``close_after``: a ticket counts as closed this long (ms) after its last incident cleared; None:
    nobody ever closes one. What is remembered grows with the sources that rules fire on and not
    with time, if ``take`` is called now and then.
    """

    opener: Opener
    close_after: int | None = None
    _now: Ts = 0
    _cases: dict[str, Case] = field(default_factory=dict)
    _known: dict[str, Seen] = field(default_factory=dict)
    _first: dict[str, Incident] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _due: list[tuple[Ts, str]] = field(default_factory=list)
    _seen: dict[str, Seen] = field(default_factory=dict)
    _ended: list[Ticket] = field(default_factory=list)

    def file(self, incident: Incident) -> None:
        """Take one event: it fired, or it has cleared."""
        at = incident.fired_at if incident.cleared_at is None else incident.cleared_at
        self.advance(at - 1)
        self._now = at
        known = self._known.get(incident.id)
        key = ticket_key(incident if known is None else known.incident)
        case = self._cases.setdefault(key, Case(self._open))
        case.fold(incident, known=known)
        self._settle(key, case)

    def advance(self, until: Ts) -> None:
        """Let cool-downs end and tickets be closed that are due by then."""
        while self._due and self._due[0][0] <= until:
            self._now, key = heapq.heappop(self._due)
            case = self._cases[key]
            case.release(now=self._now)
            self._settle(key, case)
            if case.ticket is not None and self._close_at(case.ticket) == self._now:
                ticket = after(case.ticket, "close", now=self._now)
                case.ticket, case.quiet_until = None, ticket.quiet_until
                self._end(ticket)

    def take(self) -> tuple[list[Seen], list[Ticket]]:
        """Incidents that were filed or have cleared, and tickets that ended, since the last call.

        An incident may come again, with more to say.
        """
        seen, ended = list(self._seen.values()), self._ended
        self._seen, self._ended = {}, []
        return seen, ended

    def open(self) -> Sequence[Ticket]:
        """The tickets that have not ended."""
        return [case.ticket for case in self._cases.values() if case.ticket is not None]

    def _open(self, incident: Incident) -> Ticket:
        day = self.opener.day(self._now)
        if day not in self._numbers:
            self._numbers = {day: 0}
        self._numbers[day] += 1
        number = self.opener.number(day, self._numbers[day])
        ticket = self.opener.ticket(incident, number=number, now=self._now)
        self._first[incident.id] = incident
        return ticket

    def _settle(self, key: str, case: Case) -> None:
        """Take over what the case has made of one event."""
        for seen in case.touched.values():
            self._seen[seen.incident.id] = seen
            if seen.incident.cleared_at is None or seen.held_until is not None:
                self._known[seen.incident.id] = seen
            else:
                self._known.pop(seen.incident.id, None)
            if seen.held_until is not None:
                heapq.heappush(self._due, (seen.held_until, key))
        for change in case.changes.values():
            ticket = replace(change.ticket, updated_at=self._now)
            ticket = retitled(ticket, first=self._first.__getitem__)
            if ticket.ended:
                self._end(ticket)
                continue
            case.ticket = ticket
            close_at = self._close_at(ticket)
            if close_at is not None:
                heapq.heappush(self._due, (close_at, key))
        case.touched, case.changes = {}, {}

    def _close_at(self, ticket: Ticket) -> Ts | None:
        if self.close_after is None or ticket.cleared_at is None:
            return None
        return ticket.cleared_at + self.close_after

    def _end(self, ticket: Ticket) -> None:
        self._first.pop(ticket.first_incident)
        self._ended.append(ticket)
