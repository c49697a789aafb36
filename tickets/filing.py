"""Files the incidents of one call, in one transaction: loads, folds, writes."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import structlog
from sqlalchemy import Connection, bindparam, insert, select, update

from citypatrol.clock import Ts
from rules.incidents import Incident
from tickets.docket import Docket
from tickets.first_load import FirstLoad
from tickets.folding import HELD_BACK, Change, Seen
from tickets.ledger import RULES, Ledger
from tickets.opening import Opener, retitled
from tickets.rows import chunks, seen_of, seen_values
from tickets.schema import incidents
from tickets.shelf import StoredCases
from tickets.ticket import Ticket, ticket_key

log = structlog.get_logger(__name__)


class Filing:
    """One call that files incidents. ``first_load``: cases that a young rule may begin."""

    def __init__(
        self,
        connection: Connection,
        *,
        ledger: Ledger,
        opener: Opener,
        first_load: int | None,
        now: Ts,
    ) -> None:
        self._connection = connection
        self._ledger = ledger
        self._now = now
        self._known: dict[str, Seen] = {}
        self._first_load = FirstLoad(connection, most=first_load, now=now)
        self._cases = StoredCases(connection, opener=opener, first_load=self._first_load, now=now)
        self._docket = Docket(opener, self._cases)

    def apply(self, events: Sequence[Incident]) -> None:
        self._load_known({incident.id for incident in events})
        keys: dict[str, str] = {}
        for incident in events:
            # A registry that changed meanwhile must not move a known incident to another key.
            known = self._known.get(incident.id)
            keys.setdefault(incident.id, ticket_key(incident if known is None else known.incident))
        self._load_cases(keys.values())
        for incident in events:
            self._docket.file(incident, known=self._known.get(incident.id))
        self._save()

    def open_held(self, *, event_time: Ts) -> None:
        """File what fired in a cool-down that is over at ``event_time``, and still fires."""
        due = (
            select(incidents)
            .where(incidents.c.held_until <= event_time)
            .order_by(incidents.c.held_until, incidents.c.fired_at, incidents.c.id)
        )
        waiting = [seen_of(row) for row in self._connection.execute(due)]
        self._load_cases(ticket_key(seen.incident) for seen in waiting)
        self._docket.release(waiting, now=event_time)
        self._save()

    def open_released(self, rule: str) -> None:
        """File what a rule was held back from, and still fires."""
        query = (
            select(incidents)
            .where(incidents.c.held_until == HELD_BACK)
            .order_by(incidents.c.fired_at, incidents.c.id)
        )
        every = [seen_of(row) for row in self._connection.execute(query)]
        waiting = [seen for seen in every if seen.incident.rule == rule]
        self._load_cases(ticket_key(seen.incident) for seen in waiting)
        self._docket.release(waiting, now=self._now)
        self._save()

    @property
    def held(self) -> list[str]:
        """The rules that were held back in this call."""
        return self._first_load.held

    @property
    def storms(self) -> list[Ticket]:
        """Those that have begun in this call."""
        changes = self._docket.changes.values()
        return [one.ticket for one in changes if one.is_new and one.ticket.storm]

    def _load_known(self, wanted: Iterable[str]) -> None:
        for ids in chunks(wanted):
            found = select(incidents).where(incidents.c.id.in_(ids))
            for row in self._connection.execute(found):
                self._known[row.id] = seen_of(row)

    def _load_cases(self, keys: Iterable[str]) -> None:
        for case in self._cases.bring_all(dict.fromkeys(keys)):
            self._docket.put(case)

    def _save(self) -> None:
        self._cases.close()
        changes = [self._finished(change) for change in self._docket.changes.values()]
        # Updates first, so that a key is free before its next ticket opens.
        self._ledger.update(*(change.ticket for change in changes if not change.is_new))
        self._ledger.insert(*(change.ticket for change in changes if change.is_new))
        self._save_incidents()
        for change in changes:
            if change.caused_at is not None and not change.ticket.secret:
                self._tell(change)

    def _finished(self, change: Change) -> Change:
        ticket = change.ticket
        if change.caused_at is None:
            return change
        ticket = retitled(ticket, first=self._first)
        if ticket.secret:
            return replace(change, ticket=replace(ticket, updated_at=self._now))
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
            and self._cases.severities.get(ticket.id) == ticket.severity
        )

    def _first(self, id: str) -> Incident:
        seen = self._docket.touched.get(id)
        if seen is None:
            stored = select(incidents).where(incidents.c.id == id)
            seen = seen_of(self._connection.execute(stored).one())
        return seen.incident

    def _save_incidents(self) -> None:
        stored = self._known.keys() | self._cases.held
        new: list[dict[str, Any]] = []
        known: list[dict[str, Any]] = []
        for id, seen in self._docket.touched.items():
            (known if id in stored else new).append(seen_values(seen))
        if new:
            self._connection.execute(insert(incidents), new)
        if known:
            changed = update(incidents).where(incidents.c.id == bindparam("incident"))
            columns = ("ticket", "guest", "cleared_at", "held_until", "evidence", "after", "body")
            self._connection.execute(
                changed.values({name: bindparam(f"new_{name}") for name in columns}),
                [
                    {"incident": values["id"]} | {f"new_{name}": values[name] for name in columns}
                    for values in known
                ],
            )

    def _tell(self, change: Change) -> None:
        ticket = change.ticket
        is_first = change.is_new or ticket.revision == 1  # one that had waited for a person
        kind = "opened" if is_first else "cancelled" if ticket.ended else "updated"
        self._ledger.tell(ticket, f"ticket.{kind}", actor=RULES, caused_at=change.caused_at)


def warn(filing: Filing) -> None:
    """Tell the author, once all is committed."""
    for ticket in filing.storms:
        what = "storm brake: the rest of this hour is one ticket"
        log.warning(what, rule=ticket.rule, ticket=ticket.id)
    for rule in filing.held:
        what = "a rule begins with too many tickets and is held back; `citypatrol rules` lets it go"
        log.error(what, rule=rule)
