"""What incidents do to the tickets of one key: the rules of DOORS, without a database.

Pure: the shell (``tickets.filing``) loads a ``Case`` a key, folds the incidents of one call in
their order, and writes what has changed. Any cut of one sequence of incidents into calls, and any
repetition of a part that was folded before, ends in the same tickets.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from citypatrol.clock import Ts
from rules.incidents import Incident
from tickets.ticket import Ticket, higher


@dataclass(frozen=True, slots=True)
class Seen:
    """One incident as far as it is known; ``incident.cleared_at`` is set once it has cleared.

    ``ticket`` is the one that it witnesses. ``held_until``: it fired in a cool-down, and becomes a
    ticket when it still fires at that event time.
    """

    incident: Incident
    ticket: str | None = None
    held_until: Ts | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What one call did to one ticket. ``caused_at`` is the earliest event time among the causes,
    None where nothing happened that must be told."""

    ticket: Ticket
    is_new: bool
    caused_at: Ts | None = None


OpenTicket = Callable[[Incident], Ticket]
"""A new ticket for its first incident, with no witnesses yet."""


@dataclass(slots=True)
class Case:
    """One key in one call: what was loaded, and what the fold makes of it.

    ``ticket`` is the open ticket, ``sources`` those of its witnesses, ``quiet_until`` the end of
    the last cool-down, ``held`` the incidents that wait for it. ``touched`` and ``changes`` are
    what must be written.
    """

    open_ticket: OpenTicket
    ticket: Ticket | None = None
    quiet_until: Ts | None = None
    sources: set[str] = field(default_factory=set)
    held: dict[str, Seen] = field(default_factory=dict)
    touched: dict[str, Seen] = field(default_factory=dict)
    changes: dict[str, Change] = field(default_factory=dict)

    def fold(self, incident: Incident, *, known: Seen | None) -> None:
        """Take one event. ``known`` is what was stored of this incident before the call."""
        known = self.touched.get(incident.id, known)
        if known is None:
            if incident.ticket is None:
                self._remember(Seen(incident))
            else:
                self._file(incident)
        elif known.incident.cleared_at is None:
            self._follow(known, incident)

    def release(self, *, now: Ts) -> None:
        """File the incidents whose cool-down is over, now that time has come so far."""
        for seen in list(self.held.values()):
            if seen.held_until is None or seen.held_until > now:
                continue
            if seen.incident.id not in self.held:  # joined with one before it
                continue
            if self.ticket is None and self.quiet_until is not None and self.quiet_until > now:
                self._remember(replace(seen, held_until=self.quiet_until))
            else:
                self._witness(seen.incident, at=seen.held_until)

    def _file(self, incident: Incident) -> None:
        quiet = self.quiet_until
        if self.ticket is not None or quiet is None or incident.fired_at >= quiet:
            self._witness(incident, at=incident.fired_at)
        elif incident.cleared_at is None:
            self._remember(Seen(incident, held_until=quiet))
        elif incident.cleared_at <= quiet:
            self._remember(Seen(incident))
        else:
            self._witness(incident, at=quiet)

    def _follow(self, known: Seen, incident: Incident) -> None:
        """A further event of a firing incident: it has cleared, a picture came, or a refresh."""
        now = known.incident
        if now.evidence is None and incident.evidence is not None:
            now = replace(now, evidence=incident.evidence)
            self._remember(replace(known, incident=now))
            if self.ticket is not None and self.ticket.id == known.ticket:
                self._change(self.ticket, caused_at=now.fired_at)
        if incident.cleared_at is None:
            return
        now = replace(now, cleared_at=incident.cleared_at)
        if known.held_until is None:
            self._remember(replace(known, incident=now))
            if self.ticket is not None and self.ticket.id == known.ticket:
                self._clear(self.ticket, at=incident.cleared_at)
        elif incident.cleared_at <= known.held_until:
            self._remember(Seen(now))
        else:
            self._witness(now, at=known.held_until)

    def _witness(self, incident: Incident, *, at: Ts) -> None:
        """The incident joins the open ticket, or opens one; ``at`` is the event time of this."""
        ticket = self.ticket
        is_new = ticket is None
        if ticket is None:
            ticket = self.open_ticket(incident)
            self.sources = set()
        self.sources.add(incident.source)
        self.ticket = ticket = replace(
            ticket,
            witnesses=ticket.witnesses + 1,
            sources=len(self.sources),
            firing=ticket.firing + 1,
            severity=higher(ticket.severity, incident.severity),
            cleared_at=None,
        )
        self._remember(Seen(incident, ticket=ticket.id))
        self._change(ticket, caused_at=at, is_new=is_new)
        if is_new:
            for waiting in list(self.held.values()):
                if waiting.held_until is not None and waiting.held_until <= at:
                    self._witness(waiting.incident, at=waiting.held_until)
        if incident.cleared_at is not None:
            self._clear(self.ticket, at=incident.cleared_at)

    def _clear(self, ticket: Ticket, *, at: Ts) -> None:
        ticket = replace(ticket, firing=ticket.firing - 1)
        if ticket.firing > 0:
            self.ticket = ticket
            self._change(ticket, caused_at=None)
            return
        ticket = replace(ticket, cleared_at=at)
        if ticket.state == "open":  # nobody was ever sent
            self.quiet_until = at + ticket.cooldown
            ticket = replace(ticket, state="cancelled", closed_at=at, quiet_until=self.quiet_until)
            self.ticket = None
        else:
            self.ticket = ticket
        self._change(ticket, caused_at=at)

    def _remember(self, seen: Seen) -> None:
        self.touched[seen.incident.id] = seen
        if seen.held_until is None:
            self.held.pop(seen.incident.id, None)
        else:
            self.held[seen.incident.id] = seen

    def _change(self, ticket: Ticket, *, caused_at: Ts | None, is_new: bool = False) -> None:
        before = self.changes.get(ticket.id)
        causes = [caused_at, before.caused_at if before else None]
        self.changes[ticket.id] = Change(
            ticket,
            is_new=is_new or (before is not None and before.is_new),
            caused_at=min((cause for cause in causes if cause is not None), default=None),
        )
