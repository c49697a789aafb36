"""What incidents do to tickets: the rules of DOORS, without a database.

Pure: the shell (``tickets.filing``, or ``tickets.casebook`` without a database) brings the cases
that incidents belong to, files the incidents in their order, and keeps what has changed. Any cut of
one sequence of incidents into calls, and any repetition of a part that was filed before, ends in
the same tickets.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from citypatrol.clock import Ts
from rules.incidents import Incident
from tickets.brake import Lane, Openings
from tickets.folding import HELD_BACK, Case, Change, Seen
from tickets.nearby import Box, Kind, Nearby, box, metres
from tickets.opening import Opener
from tickets.ticket import Ticket, higher, storm_key, ticket_key


class Shelf(Protocol):
    """What lies beyond the cases at hand."""

    @property
    def now(self) -> Ts:
        """When the incidents are filed."""
        ...

    def number(self) -> str:
        """The next ticket's."""
        ...

    def bring(self, key: str) -> Case: ...

    def within(self, place: Box, kind: Kind) -> Iterable[str]:
        """Keys of open tickets in this box; those of cases at hand may be left out."""
        ...

    def may_begin(self, rule: str) -> bool:
        """Whether the rule may begin one more case; False where it is held back."""
        ...

    def opened(self, lane: Lane, *, at: Ts) -> int:
        """How many tickets were opened in the hour until ``at``, besides those of this docket."""
        ...


@dataclass(slots=True)
class Docket:
    """``touched`` and ``changes`` are what must be kept."""

    opener: Opener
    shelf: Shelf
    cases: dict[str, Case] = field(default_factory=dict)
    touched: dict[str, Seen] = field(default_factory=dict)
    changes: dict[str, Change] = field(default_factory=dict)
    openings: Openings = field(default_factory=Openings)
    _guests: dict[str, set[str]] = field(default_factory=dict)
    _nearby: Nearby = field(default_factory=Nearby)

    def put(self, case: Case) -> None:
        """Have a case at hand."""
        self.cases[case.key] = case
        if case.ticket is not None:
            self._nearby.put(case.ticket)
        for ticket in case.hosts:
            self._guests.setdefault(ticket, set()).add(case.key)

    def file(self, incident: Incident, *, known: Seen | None) -> None:
        """Take one event. ``known`` is what was kept of this incident before."""
        known = self.touched.get(incident.id, known)
        if known is None:
            if incident.ticket is None:
                self._remember(Seen(incident))
            else:
                self._file(incident)
        elif known.incident.cleared_at is None:
            self._follow(known, incident)

    def release(self, due: Iterable[Seen], *, now: Ts) -> None:
        """File incidents whose cool-down is over, now that time has come so far."""
        for seen in due:
            case = self._case(ticket_key(seen.incident))
            if seen.incident.id not in case.held or seen.held_until is None:
                continue  # joined with one before it
            quiet = case.quiet_until
            if self._host(case) is None and quiet is not None and quiet > now:
                self._remember(replace(seen, held_until=quiet))
            elif seen.held_until == HELD_BACK:
                self._witness(case, seen.incident, at=seen.incident.fired_at)
            else:
                self._witness(case, seen.incident, at=seen.held_until)

    def end(self, case: Case, ticket: Ticket) -> None:
        """The case's ticket has ended; its cool-down is that of all who were guests in it."""
        self._nearby.remove(ticket)
        case.ticket, case.quiet_until = None, ticket.quiet_until
        for key in self._guests.pop(ticket.id, ()):
            guest = self.cases[key]
            del guest.hosts[ticket.id]
            ends = [at for at in (guest.quiet_until, ticket.quiet_until) if at is not None]
            guest.quiet_until = max(ends, default=None)

    def _case(self, key: str) -> Case:
        if key not in self.cases:
            self.put(self.shelf.bring(key))
        return self.cases[key]

    def _file(self, incident: Incident) -> None:
        case = self._case(ticket_key(incident))
        at, quiet = incident.fired_at, case.quiet_until
        if quiet is None or at >= quiet or self._home(case, incident, at=at) is not None:
            self._witness(case, incident, at=at)
        elif incident.cleared_at is None:
            self._remember(Seen(incident, held_until=quiet))
        elif incident.cleared_at <= quiet:
            self._remember(Seen(incident))
        else:
            self._witness(case, incident, at=quiet)

    def _follow(self, known: Seen, incident: Incident) -> None:
        """A further event of a firing incident: it has cleared, a picture came, it has become
        graver, or a refresh."""
        now = known.incident
        severity = higher(now.severity, incident.severity)
        evidence = now.evidence or incident.evidence
        home = self._witnessed(known)
        if (severity, evidence) != (now.severity, now.evidence):
            now = replace(now, severity=severity, evidence=evidence)
            known = replace(known, incident=now)
            self._remember(known)
            if home is not None and home.ticket is not None:
                severity = higher(home.ticket.severity, severity)
                home.ticket = replace(home.ticket, severity=severity)
                self._change(home.ticket, caused_at=now.fired_at)
        if incident.cleared_at is None:
            return
        now = replace(now, cleared_at=incident.cleared_at, after=incident.after)
        if known.held_until is None:
            self._remember(replace(known, incident=now))
            if home is not None:
                self._clear(home, at=incident.cleared_at)
        elif incident.cleared_at <= known.held_until:
            self._remember(Seen(now))
        else:
            self._witness(self._case(ticket_key(now)), now, at=known.held_until)

    def _witnessed(self, known: Seen) -> Case | None:
        """The case whose open ticket this incident witnesses."""
        if known.ticket is None:
            return None
        case = self._case(ticket_key(known.incident))
        if known.ticket in case.hosts:
            case = self._case(case.hosts[known.ticket])
        return case if case.ticket is not None and case.ticket.id == known.ticket else None

    def _host(self, case: Case) -> Case | None:
        """The case that has the open ticket of this key: itself, or where it is a guest."""
        if case.ticket is not None:
            return case
        for ticket, key in case.hosts.items():
            host = self._case(key)
            if host.ticket is not None and host.ticket.id == ticket:
                return host
        return None

    def _home(self, case: Case, incident: Incident, *, at: Ts) -> Case | None:
        """The case whose open ticket the incident joins."""
        return self._host(case) or self._near(incident, at=at)

    def _near(self, incident: Incident, *, at: Ts) -> Case | None:
        """The oldest open ticket of its category that is near in place and time."""
        spec = incident.ticket
        merge = None if spec is None else spec.merge
        spot = self.opener.spot(incident)
        if spec is None or merge is None or spot.lat is None or spot.lon is None:
            return None
        kind = Kind(spec.category, spec.shadow)
        place = box(spot.lat, spot.lon, merge.radius_m)
        for key in self.shelf.within(place, kind):
            self._case(key)
        found = []
        for key in self._nearby.within(place, kind):
            ticket = self.cases[key].ticket
            if ticket is None or ticket.lat is None or ticket.lon is None:
                continue
            if not ticket.first_at - merge.within < at < ticket.last_at + merge.within:
                continue
            if metres(spot.lat, spot.lon, ticket.lat, ticket.lon) <= merge.radius_m:
                found.append((ticket.first_at, len(ticket.id), ticket.id, key))
        return self.cases[min(found)[-1]] if found else None

    def _opened(self, case: Case, incident: Incident, *, at: Ts) -> Case:
        """A case with a new ticket for this incident, or the one of the storm that it is in."""
        spec = incident.ticket
        assert spec is not None  # noqa: S101 - without one it is not filed
        lane = Lane(incident.rule, self.opener.unit(spec.category), spec.shadow)
        if self._too_many(lane, at=at):
            case = self._case(storm_key(lane.rule, lane.unit, shadow=lane.shadow))
            if case.ticket is not None:
                return case
            new = self.opener.storm
        else:
            self.openings.add(lane, at)
            new = self.opener.ticket
        case.ticket = new(incident, number=self.shelf.number(), now=self.shelf.now, at=at)
        case.sources = set()
        self._nearby.put(case.ticket)
        self._change(case.ticket, caused_at=at, is_new=True)
        return case

    def _too_many(self, lane: Lane, *, at: Ts) -> bool:
        brake = self.opener.brake
        if brake is None:
            return False
        count = self.openings.count(lane, at=at)
        return count >= brake or count + self.shelf.opened(lane, at=at) >= brake

    def _witness(self, case: Case, incident: Incident, *, at: Ts) -> None:
        """The incident joins an open ticket, or opens one; ``at`` is the event time of this."""
        assert incident.ticket is not None  # noqa: S101 - without one it is not filed
        is_first = self._host(case) is None
        home = self._home(case, incident, at=at)
        if home is None:
            if not incident.ticket.shadow and not self.shelf.may_begin(incident.rule):
                self._hold_back(incident)
                return
            home = self._opened(case, incident, at=at)
        ticket = home.ticket
        assert ticket is not None  # noqa: S101 - it is open
        home.sources.add(case.key if ticket.storm else incident.source)
        ticket = replace(
            ticket,
            witnesses=ticket.witnesses + 1,
            sources=len(home.sources),
            firing=ticket.firing + 1,
            severity=higher(ticket.severity, incident.severity),
            cleared_at=None,
            last_at=max(ticket.last_at, at),
        )
        if ticket.unconfirmed and not incident.ticket.confirm:
            ticket = self.opener.confirmed(ticket, now=self.shelf.now)
        home.ticket = ticket
        if home is not case:
            case.hosts[ticket.id] = home.key
            self._guests.setdefault(ticket.id, set()).add(case.key)
        self._remember(Seen(incident, ticket=ticket.id, guest=home is not case))
        self._change(ticket, caused_at=at)
        if is_first:
            for waiting in list(case.held.values()):
                if waiting.held_until is not None and waiting.held_until <= at:
                    self._witness(case, waiting.incident, at=waiting.held_until)
        if incident.cleared_at is not None:
            self._clear(home, at=incident.cleared_at)

    def _hold_back(self, incident: Incident) -> None:
        """It waits for a person; once it has cleared nobody needs to be told."""
        held_until = HELD_BACK if incident.cleared_at is None else None
        self._remember(Seen(incident, held_until=held_until))

    def _clear(self, case: Case, *, at: Ts) -> None:
        ticket = case.ticket
        assert ticket is not None  # noqa: S101 - the caller has seen it
        case.ticket = ticket = replace(ticket, firing=ticket.firing - 1)
        if ticket.firing > 0:
            self._change(ticket, caused_at=None)
            return
        case.ticket = ticket = replace(ticket, cleared_at=at)
        if ticket.state == "open":  # nobody was ever sent
            quiet = at + ticket.cooldown
            ticket = replace(ticket, state="cancelled", closed_at=at, quiet_until=quiet)
            self.end(case, ticket)
        self._change(ticket, caused_at=at)

    def _remember(self, seen: Seen) -> None:
        self.touched[seen.incident.id] = seen
        case = self.cases.get(ticket_key(seen.incident))
        if case is None:
            return
        if seen.held_until is None:
            case.held.pop(seen.incident.id, None)
        else:
            case.held[seen.incident.id] = seen

    def _change(self, ticket: Ticket, *, caused_at: Ts | None, is_new: bool = False) -> None:
        before = self.changes.get(ticket.id)
        causes = [caused_at, before.caused_at if before else None]
        self.changes[ticket.id] = Change(
            ticket,
            is_new=is_new or (before is not None and before.is_new),
            caused_at=min((cause for cause in causes if cause is not None), default=None),
        )
