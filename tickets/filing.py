"""Files the incidents of one call, in one transaction: loads, folds, writes."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection, bindparam, func, insert, select, update

from citypatrol.clock import Ts
from rules.incidents import Incident, Severity
from tickets.folding import Case, Change, Seen
from tickets.ledger import RULES, Ledger
from tickets.opening import Opener, retitled
from tickets.rows import chunks, seen_of, seen_values, ticket_of
from tickets.schema import OPEN, incidents, sequences, tickets
from tickets.ticket import Ticket, ticket_key


class Filing:
    """One call of ``Desk.apply`` or ``Desk.open_held``."""

    def __init__(self, connection: Connection, *, ledger: Ledger, opener: Opener, now: Ts) -> None:
        self._connection = connection
        self._ledger = ledger
        self._opener = opener
        self._now = now
        self._day = opener.day(now)
        self._last: int | None = None
        self._known: dict[str, Seen] = {}
        self._cases: dict[str, Case] = {}
        self._severities: dict[str, Severity] = {}

    def apply(self, events: Sequence[Incident]) -> None:
        self._load_known({incident.id for incident in events})
        keys: dict[str, str] = {}
        for incident in events:
            # A registry that changed meanwhile must not move a known incident to another key.
            known = self._known.get(incident.id)
            keys.setdefault(incident.id, ticket_key(incident if known is None else known.incident))
        self._load_cases(keys.values())
        for incident in events:
            known = self._known.get(incident.id)
            self._cases[keys[incident.id]].fold(incident, known=known)
        self._save()

    def open_held(self, *, event_time: Ts) -> None:
        """File what fired in a cool-down that is over at ``event_time``, and still fires."""
        due = (
            select(incidents.c.key)
            .where(incidents.c.held_until <= event_time)
            .order_by(incidents.c.held_until, incidents.c.fired_at, incidents.c.id)
        )
        self._load_cases(self._connection.execute(due).scalars())
        for case in self._cases.values():
            case.release(now=event_time)
        self._save()

    def _load_known(self, wanted: Iterable[str]) -> None:
        for ids in chunks(wanted):
            found = select(incidents).where(incidents.c.id.in_(ids))
            for row in self._connection.execute(found):
                self._known[row.id] = seen_of(row)

    def _load_cases(self, keys: Iterable[str]) -> None:
        self._cases = {key: Case(self._open) for key in dict.fromkeys(keys)}
        for some in chunks(self._cases):
            is_open = select(tickets).where(tickets.c.key.in_(some), OPEN)
            for row in self._connection.execute(is_open):
                self._cases[row.key].ticket = ticket_of(row)
                self._severities[row.id] = row.severity
            quiet = (
                select(tickets.c.key, func.max(tickets.c.quiet_until).label("until"))
                .where(tickets.c.key.in_(some), tickets.c.quiet_until.is_not(None))
                .group_by(tickets.c.key)
            )
            for row in self._connection.execute(quiet):
                self._cases[row.key].quiet_until = row.until
            held = (
                select(incidents)
                .where(incidents.c.key.in_(some), incidents.c.held_until.is_not(None))
                .order_by(incidents.c.held_until, incidents.c.fired_at, incidents.c.id)
            )
            for row in self._connection.execute(held):
                self._known[row.id] = self._cases[row.key].held[row.id] = seen_of(row)
        self._load_sources()

    def _load_sources(self) -> None:
        cases = {case.ticket.id: case for case in self._cases.values() if case.ticket}
        for ids in chunks(cases):
            sources = (
                select(incidents.c.ticket, incidents.c.source)
                .where(incidents.c.ticket.in_(ids))
                .distinct()
            )
            for row in self._connection.execute(sources):
                cases[row.ticket].sources.add(row.source)

    def _open(self, incident: Incident) -> Ticket:
        if self._last is None:
            last = select(sequences.c.last).where(sequences.c.day == self._day)
            self._last = self._connection.execute(last).scalar_one_or_none()
            if self._last is None:
                self._connection.execute(insert(sequences).values(day=self._day, last=0))
                self._last = 0
        self._last += 1
        number = self._opener.number(self._day, self._last)
        return self._opener.ticket(incident, number=number, now=self._now)

    def _save(self) -> None:
        if self._last is not None:
            self._connection.execute(
                update(sequences).where(sequences.c.day == self._day).values(last=self._last)
            )
        changes = [
            self._finished(change, case)
            for case in self._cases.values()
            for change in case.changes.values()
        ]
        # Updates first, so that a key is free before its next ticket opens.
        self._ledger.update(*(change.ticket for change in changes if not change.is_new))
        self._ledger.insert(*(change.ticket for change in changes if change.is_new))
        self._save_incidents()
        for change in changes:
            if change.caused_at is not None:
                self._tell(change)

    def _finished(self, change: Change, case: Case) -> Change:
        ticket = change.ticket
        if change.caused_at is None:
            return change
        ticket = retitled(ticket, first=lambda id: self._first(id, case))
        if self._can_wait(change) and self._ledger.told_from(ticket) > self._now:
            untold = self._now if ticket.untold is None else ticket.untold
            return Change(replace(ticket, untold=untold), is_new=False)
        return replace(change, ticket=self._ledger.revised(ticket))

    def _can_wait(self, change: Change) -> bool:
        """A further witness, a picture, the last one gone; not a worse severity."""
        ticket = change.ticket
        return (
            not change.is_new
            and not ticket.ended
            and self._severities.get(ticket.id) == ticket.severity
        )

    def _first(self, id: str, case: Case) -> Incident:
        seen = case.touched.get(id)
        if seen is None:
            stored = select(incidents).where(incidents.c.id == id)
            seen = seen_of(self._connection.execute(stored).one())
        return seen.incident

    def _save_incidents(self) -> None:
        touched = [seen for case in self._cases.values() for seen in case.touched.values()]
        new = [seen_values(seen) for seen in touched if seen.incident.id not in self._known]
        known = [seen_values(seen) for seen in touched if seen.incident.id in self._known]
        if new:
            self._connection.execute(insert(incidents), new)
        if known:
            changed = update(incidents).where(incidents.c.id == bindparam("incident"))
            columns = ("ticket", "cleared_at", "held_until", "evidence")
            self._connection.execute(
                changed.values({name: bindparam(f"new_{name}") for name in columns}),
                [
                    {"incident": values["id"]} | {f"new_{name}": values[name] for name in columns}
                    for values in known
                ],
            )

    def _tell(self, change: Change) -> None:
        kind = "opened" if change.is_new else "cancelled" if change.ticket.ended else "updated"
        self._ledger.tell(change.ticket, f"ticket.{kind}", actor=RULES, caused_at=change.caused_at)
