"""The tickets of incidents without a database: for rule tests and backtests.

The fold is the desk's own (``tickets.docket``, ``tickets.opening``, ``tickets.steps``), and a test
holds the two together. Nobody acknowledges or resolves here: a ticket ends as the rules end it, or
a while after its last incident has cleared, where that is asked for.
"""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from citypatrol.clock import Ts
from rules.incidents import Incident
from tickets.brake import Lane
from tickets.docket import Docket
from tickets.folding import Case, Seen
from tickets.nearby import Box, Kind
from tickets.opening import Opener, retitled
from tickets.steps import after
from tickets.ticket import Ticket, ticket_key

_Due = tuple[Ts, bool, Ts, str, str]
"""When; whether a ticket closes, or an incident has waited; when that fired; which; its key."""


@dataclass(slots=True)
class Casebook:
    """Files each event at its own instant. Events come in order of their instants, each once.

    ``close_after``: a ticket counts as closed this long (ms) after its last incident cleared; None:
    nobody ever closes one. What is remembered grows with the sources that rules fire on and not
    with time, if ``take`` is called now and then.
    """

    opener: Opener
    close_after: int | None = None
    now: Ts = 0
    _docket: Docket = field(init=False)
    _known: dict[str, Seen] = field(default_factory=dict)
    _first: dict[str, Incident] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _due: list[_Due] = field(default_factory=list)
    _seen: dict[str, Seen] = field(default_factory=dict)
    _ended: list[Ticket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._docket = Docket(self.opener, self)

    def file(self, incident: Incident) -> None:
        """Take one event: it fired, or it has cleared."""
        at = incident.fired_at if incident.cleared_at is None else incident.cleared_at
        self.advance(at - 1)
        self.now = max(self.now, at)  # one that has grown graver is as old as it began
        self._docket.file(incident, known=self._known.get(incident.id))
        self._settle()

    def advance(self, until: Ts) -> None:
        """Let cool-downs end and tickets be closed that are due by then."""
        while self._due and self._due[0][0] <= until:
            self.now, closes, _, which, key = heapq.heappop(self._due)
            case = self._docket.cases[key]
            if closes:
                if case.ticket is not None and case.ticket.id == which:
                    self._close(case, case.ticket)
            elif which in case.held:
                self._docket.release([case.held[which]], now=self.now)
                self._settle()

    def _close(self, case: Case, ticket: Ticket) -> None:
        if self._close_at(ticket) == self.now:
            ticket = after(ticket, "close", now=self.now)
            self._docket.end(case, ticket)
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
        cases = self._docket.cases.values()
        return [case.ticket for case in cases if case.ticket is not None]

    def number(self) -> str:
        """As ``tickets.docket.Shelf`` has it, and so the next four."""
        day = self.opener.day(self.now)
        if day not in self._numbers:
            self._numbers = {day: 0}
        self._numbers[day] += 1
        return self.opener.number(day, self._numbers[day])

    def bring(self, key: str) -> Case:
        return Case(key)

    def within(self, place: Box, kind: Kind) -> Iterable[str]:  # noqa: ARG002 - all are at hand
        return ()

    def may_begin(self, rule: str) -> bool:  # noqa: ARG002 - nobody is disturbed by the past
        return True

    def opened(self, lane: Lane, *, at: Ts) -> int:  # noqa: ARG002 - the docket knows all
        self._docket.openings.forget(at)
        return 0

    def _settle(self) -> None:
        """Take over what the docket has made of one event."""
        docket = self._docket
        touched, docket.touched = docket.touched, {}
        changes, docket.changes = docket.changes, {}
        for id, seen in touched.items():
            self._seen[id] = seen
            if seen.incident.cleared_at is None or seen.held_until is not None:
                self._known[id] = seen
            else:
                self._known.pop(id, None)
            if seen.held_until is not None:
                due = (seen.held_until, False, seen.incident.fired_at, id)
                heapq.heappush(self._due, (*due, ticket_key(seen.incident)))
        for change in changes.values():
            ticket = change.ticket
            if change.is_new:
                self._first[ticket.first_incident] = touched[ticket.first_incident].incident
            ticket = replace(ticket, updated_at=self.now)
            ticket = retitled(ticket, first=self._first.__getitem__)
            if ticket.ended:
                self._end(ticket)
                continue
            docket.cases[ticket.key].ticket = ticket
            close_at = self._close_at(ticket)
            if close_at is not None:
                heapq.heappush(self._due, (close_at, True, 0, ticket.id, ticket.key))

    def _close_at(self, ticket: Ticket) -> Ts | None:
        if self.close_after is None or ticket.cleared_at is None:
            return None
        return ticket.cleared_at + self.close_after

    def _end(self, ticket: Ticket) -> None:
        self._first.pop(ticket.first_incident)
        self._ended.append(ticket)
