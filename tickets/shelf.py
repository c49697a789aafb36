"""What a docket asks of the tickets database: cases, neighbours, counts and numbers."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, func, insert, select, text, update

from citypatrol.clock import Ts
from rules.incidents import Severity
from tickets.brake import HOUR_MS, Lane
from tickets.first_load import FirstLoad
from tickets.folding import Case
from tickets.nearby import Box, Kind
from tickets.opening import Opener
from tickets.rows import chunks, seen_of, ticket_of
from tickets.schema import GUEST, OPEN, incidents, sequences, tickets


class StoredCases:
    """The ``Shelf`` of one transaction. ``severities``: of the tickets that it brought, ``held``:
    the ids of incidents that came with their cases."""

    def __init__(
        self, connection: Connection, *, opener: Opener, first_load: FirstLoad, now: Ts
    ) -> None:
        self.now = now
        self._first_load = first_load
        self.severities: dict[str, Severity] = {}
        self.held: set[str] = set()
        self._connection = connection
        self._opener = opener
        self._day = opener.day(now)
        self._last: int | None = None

    def bring(self, key: str) -> Case:
        return self.bring_all([key])[0]

    def bring_all(self, keys: Iterable[str]) -> Sequence[Case]:
        cases = {key: Case(key) for key in keys}
        for some in chunks(cases):
            is_open = select(tickets).where(tickets.c.key.in_(some), OPEN)
            for row in self._connection.execute(is_open):
                cases[row.key].ticket = ticket_of(row)
                self.severities[row.id] = row.severity
            quiet = (
                select(tickets.c.key, func.max(tickets.c.quiet_until).label("until"))
                .where(tickets.c.key.in_(some), tickets.c.quiet_until.is_not(None))
                .group_by(tickets.c.key)
            )
            for row in self._connection.execute(quiet):
                cases[row.key].quiet_until = row.until
            self._as_guests(cases, some)
            held = (
                select(incidents)
                .where(incidents.c.key.in_(some), incidents.c.held_until.is_not(None))
                .order_by(incidents.c.held_until, incidents.c.fired_at, incidents.c.id)
            )
            for row in self._connection.execute(held):
                cases[row.key].held[row.id] = seen_of(row)
                self.held.add(row.id)
        self._load_sources(cases)
        return list(cases.values())

    def _as_guests(self, cases: dict[str, Case], some: Sequence[str]) -> None:
        """The tickets of other keys that these keys' incidents witness, or have witnessed."""
        visits = (
            select(
                incidents.c.key.label("guest"),
                tickets.c.id,
                tickets.c.key,
                tickets.c.quiet_until,
                tickets.c.first_at,
                func.length(tickets.c.id).label("length"),
                tickets.c.state.in_(("closed", "cancelled")).label("ended"),
            )
            .join_from(incidents, tickets, incidents.c.ticket == tickets.c.id)
            .where(incidents.c.key.in_(some), GUEST)
            .distinct()
            .order_by(tickets.c.first_at, text("length"), tickets.c.id)
        )
        for row in self._connection.execute(visits):
            case = cases[row.guest]
            if not row.ended:
                case.hosts[row.id] = row.key
            elif row.quiet_until is not None:
                case.quiet_until = max(case.quiet_until or 0, row.quiet_until)

    def _load_sources(self, cases: dict[str, Case]) -> None:
        of_ticket = {case.ticket.id: case for case in cases.values() if case.ticket}
        for ids in chunks(of_ticket):
            found = (
                select(incidents.c.ticket, incidents.c.source, incidents.c.key)
                .where(incidents.c.ticket.in_(ids))
                .distinct()
            )
            for row in self._connection.execute(found):
                case = of_ticket[row.ticket]
                is_storm = case.ticket is not None and case.ticket.storm
                case.sources.add(row.key if is_storm else row.source)

    def within(self, place: Box, kind: Kind) -> Iterable[str]:
        query = select(tickets.c.key).where(
            tickets.c.category == kind.category,
            tickets.c.lat.between(place.south, place.north),
            tickets.c.shadow.is_(kind.shadow),
            tickets.c.storm.is_(False),
            OPEN,
        )
        if place.west <= place.east:
            query = query.where(tickets.c.lon.between(place.west, place.east))
        else:
            query = query.where((tickets.c.lon >= place.west) | (tickets.c.lon <= place.east))
        return self._connection.execute(query).scalars().all()

    def may_begin(self, rule: str) -> bool:
        return self._first_load.may_begin(rule)

    def opened(self, lane: Lane, *, at: Ts) -> int:
        query = (
            select(func.count())
            .select_from(tickets)
            .where(
                tickets.c.rule == lane.rule,
                tickets.c.first_at > at - HOUR_MS,
                tickets.c.first_at <= at,
                tickets.c.unit.is_not_distinct_from(lane.unit),
                tickets.c.shadow.is_(lane.shadow),
                tickets.c.storm.is_(False),
            )
        )
        return self._connection.execute(query).scalar_one()

    def number(self) -> str:
        if self._last is None:
            last = select(sequences.c.last).where(sequences.c.day == self._day)
            self._last = self._connection.execute(last).scalar_one_or_none()
            if self._last is None:
                self._connection.execute(insert(sequences).values(day=self._day, last=0))
                self._last = 0
        self._last += 1
        return self._opener.number(self._day, self._last)

    def close(self) -> None:
        """Keep the last number, and how many cases young rules have begun."""
        self._first_load.close()
        if self._last is not None:
            self._connection.execute(
                update(sequences).where(sequences.c.day == self._day).values(last=self._last)
            )
