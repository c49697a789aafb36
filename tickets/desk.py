"""The desk: the one place where tickets are opened and changed."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

import orjson
import structlog
from sqlalchemy import Connection, select

from citypatrol.clock import Ts
from citypatrol.crashpoints import CrashPoint, crash_point
from citypatrol.geo import Grid
from citypatrol.registry import Registry
from rules.incidents import Incident
from rules.ruleset import RuleSet
from tickets.body import LONGEST_NOTE
from tickets.callbacks import (
    Answered,
    answer_before,
    check_webhook_id,
    parse_callback,
    remember_answer,
)
from tickets.errors import StepForbidden, UnknownRule, UnknownTicket
from tickets.filing import Filing, warn
from tickets.first_load import put_in_force, release
from tickets.ledger import RULES, Ledger
from tickets.opening import Opener
from tickets.outbox import Outbox
from tickets.promotion import end_shadows
from tickets.rows import chunks
from tickets.schema import UNTOLD, incidents, tickets
from tickets.states import DESK, Step
from tickets.steps import Steps, after
from tickets.store import Store
from tickets.ticket import Ticket
from tickets.units import Units

log = structlog.get_logger(__name__)

DESK_ACTOR: Final = "desk"
SOMEBODY: Final = "the desk"
"""Who, where nobody says."""


def _event_id() -> str:
    return f"evt_{uuid.uuid4().hex}"


class Desk:
    """Changes tickets, each change with its event in the same transaction.

    Promised: every method is one transaction, durable when it returns; ``apply`` and ``callback``
    may be repeated with the same input, whole or in part, and change nothing the second time. Not
    promised: an order between calls of different threads. Blocking; call it from a thread.
    ``Retry`` comes out of every method where the database is away.

    ``evidence_url`` makes a signed URL from a SHA-256 and the time of the event, ``callback_url``
    the address where the unit of this id answers. ``brake``: how many tickets of one rule one unit
    gets in an hour before the rest is one ticket; ``first_load``: how many cases a young rule may
    begin before it is held back; None: without bound.
    """

    def __init__(
        self,
        store: Store,
        *,
        city_code: str,
        timezone: ZoneInfo,
        units: Units,
        registry: Registry,
        grid: Grid,
        evidence_url: Callable[[str, Ts], str],
        callback_url: Callable[[str], str],
        brake: int | None = None,
        first_load: int | None = None,
        outbox: Outbox | None = None,
        new_id: Callable[[], str] = _event_id,
    ) -> None:
        self._store = store
        self._units = units
        self._first_load = first_load
        self._opener = Opener(city_code, timezone, units, registry, grid, brake)
        self._evidence_url = evidence_url
        self._callback_url = callback_url
        self._outbox = outbox
        self._new_id = new_id

    def apply(self, events: Sequence[Incident], *, now: Ts) -> None:
        """File the incidents, in order: at most one revision and one event a ticket. ``now`` is
        when they are filed; deadlines count from it."""
        if not events:
            return
        with self._ledger(now) as (connection, ledger):
            filing = self._filing(connection, ledger, now)
            filing.apply(events)
        warn(filing)

    def open_held(self, *, event_time: Ts, now: Ts) -> None:
        """Open the tickets of incidents that fired in a cool-down which is over at ``event_time``
        (how far the rules have judged) and that have not cleared. Call it every few seconds."""
        with self._store.read() as connection:
            due = select(incidents.c.id).where(incidents.c.held_until <= event_time).limit(1)
            if connection.execute(due).first() is None:
                return
        with self._ledger(now) as (connection, ledger):
            filing = self._filing(connection, ledger, now)
            filing.open_held(event_time=event_time)
        warn(filing)

    def put_in_force(self, rules: RuleSet, *, now: Ts) -> None:
        """Tickets are from now on of these rules: shadows of promoted rules end and what still
        fires is filed, and a rule that is new here is watched. Call it at the start and before
        other rules judge; again with the same rules it changes nothing."""
        with self._ledger(now) as (connection, ledger):
            put_in_force(connection, rules.rules, now=now)
            by_name = {rule.name: rule for rule in rules.rules}
            again = end_shadows(connection, by_name, ledger=ledger, now=now)
            filing = self._filing(connection, ledger, now)
            filing.apply(again)
        warn(filing)

    def release(self, rule: str, *, who: str = SOMEBODY, now: Ts) -> None:
        """Let go a rule that is held back; what of it still fires is filed. Raises UnknownRule."""
        with self._ledger(now) as (connection, ledger):
            if not release(connection, rule, who=who, now=now):
                message = f"rule '{rule}' is not held back"
                raise UnknownRule(message)
            filing = self._filing(connection, ledger, now)
            filing.open_released(rule)
        log.info("a rule is let go", rule=rule, who=who)
        warn(filing)

    def _filing(self, connection: Connection, ledger: Ledger, now: Ts) -> Filing:
        opener, most = self._opener, self._first_load
        return Filing(connection, ledger=ledger, opener=opener, first_load=most, now=now)

    def tell_waiting(self, *, now: Ts) -> None:
        """Tell what had to wait because the rules had told so much (``tickets.pace``). Call it
        every few seconds."""
        untold = select(tickets.c.id).where(UNTOLD).order_by(tickets.c.untold)
        with self._store.read() as connection:
            waiting = connection.execute(untold).scalars().all()
        for some in chunks(waiting):
            with self._ledger(now) as (_, ledger):
                for ticket_id in some:
                    ticket = ledger.ticket(ticket_id)
                    if ticket.untold is not None and ledger.told_from(ticket) <= now:
                        ledger.change(ticket, "ticket.updated", actor=RULES)

    def dispatch_waiting(self, *, now: Ts) -> int:
        """Send tickets that no unit had to one that now handles their category; how many. Call it
        at the start, when units.yaml may have changed."""
        waiting = (
            select(tickets.c.id, tickets.c.category)
            .where(
                tickets.c.state.in_(("open", "rejected")),
                tickets.c.shadow.is_(False),
                tickets.c.unconfirmed.is_(False),
            )
            .order_by(tickets.c.opened_at, tickets.c.id)
        )
        with self._store.read() as connection:
            rows = connection.execute(waiting).all()
        ids = [row.id for row in rows if self._units.handling(row.category) is not None]
        count = 0
        for ticket_id in ids:
            with self._ledger(now) as (connection, ledger):
                ticket = ledger.ticket(ticket_id)
                if ticket.state in ("open", "rejected") and not ticket.secret:
                    steps = self._steps(connection, ledger, now)
                    count += steps.dispatch(ticket, actor=DESK_ACTOR) is not ticket
        return count

    def callback(self, unit: str, *, webhook_id: str, body: bytes, now: Ts) -> Answered:
        """A unit's signed answer (the signature is checked by now).

        The same ``webhook_id`` again gets the same answer. Raises CallbackInvalid, UnknownTicket
        (also for another unit's ticket), StepForbidden.
        """
        check_webhook_id(webhook_id)
        outcome: Answered | UnknownTicket | StepForbidden
        with self._ledger(now) as (connection, ledger):
            before = answer_before(connection, unit, webhook_id)
            if before is not None:
                return before
            call = parse_callback(body)
            try:
                ticket = ledger.ticket(call.ticket)
                if ticket.unit != unit or ticket.secret:
                    message = f"there is no ticket {ticket.id} at unit {unit}"
                    raise UnknownTicket(message)
                steps = self._steps(connection, ledger, now)
                ticket = steps.take(ticket, call.step, actor=unit, note=call.note)
                answer = {"ticket": ticket.id, "state": ticket.state, "revision": ticket.revision}
                outcome = Answered(orjson.dumps(answer))
            except (UnknownTicket, StepForbidden) as error:
                outcome = error
            remember_answer(
                connection, unit, webhook_id, ticket=call.ticket, outcome=outcome, now=now
            )
        if isinstance(outcome, Answered):
            return outcome
        raise outcome

    def act(
        self,
        ticket_id: str,
        action: Step,
        *,
        note: str | None = None,
        who: str = SOMEBODY,
        now: Ts,
    ) -> Ticket:
        """A person's step at the desk, one of ``states.DESK``; the ticket after it. To reject one
        that waits for a look is to say that it is a false alarm.

        Raises UnknownTicket, StepForbidden.
        """
        if action not in DESK:
            message = f"'{action}' is nothing the desk does; there are {', '.join(DESK)}"
            raise StepForbidden(message)
        with self._ledger(now) as (connection, ledger):
            ticket = ledger.ticket(ticket_id)
            if ticket.unconfirmed and not ticket.ended:
                if action != "reject":
                    message = f"ticket {ticket_id} waits for a look: confirm it, or reject it"
                    raise StepForbidden(message)
                return self._judge(ledger, ticket, real=False, note=note, who=who, now=now)
            if ticket.secret and action != "close":
                message = f"nobody was sent for ticket {ticket_id}; all it takes is a verdict"
                raise StepForbidden(message)
            steps = self._steps(connection, ledger, now)
            return steps.take(ticket, action, actor=DESK_ACTOR, note=note)

    def confirm(
        self, ticket_id: str, *, note: str | None = None, who: str = SOMEBODY, now: Ts
    ) -> Ticket:
        """A person has looked and it is so: the unit is sent, and hears of it for the first time.
        Raises UnknownTicket, StepForbidden where it does not wait for that."""
        with self._ledger(now) as (_, ledger):
            ticket = ledger.ticket(ticket_id)
            if not ticket.unconfirmed or ticket.ended:
                message = f"ticket {ticket_id} does not wait for a look; it is {ticket.state}"
                raise StepForbidden(message)
            return self._judge(ledger, ticket, real=True, note=note, who=who, now=now)

    def verdict(
        self, ticket_id: str, *, real: bool, note: str | None = None, who: str = SOMEBODY, now: Ts
    ) -> Ticket:
        """A person's verdict, which may change: a real incident, or a false alarm. A ticket that
        turns out false while it is open is cancelled, so that its unit stops; one that waits for a
        look has been looked at now. Raises UnknownTicket."""
        with self._ledger(now) as (_, ledger):
            ticket = ledger.ticket(ticket_id)
            return self._judge(ledger, ticket, real=real, note=note, who=who, now=now)

    def _judge(
        self, ledger: Ledger, ticket: Ticket, *, real: bool, note: str | None, who: str, now: Ts
    ) -> Ticket:
        kind = "ticket.updated"
        if real and ticket.unconfirmed and not ticket.ended:
            ticket, kind = self._opener.confirmed(ticket, now=now), "ticket.opened"
        elif not real and not ticket.ended:
            ticket, kind = after(ticket, "cancel", now=now), "ticket.cancelled"
        ticket = replace(
            ticket,
            verdict=real,
            verdict_note=None if note is None else note[:LONGEST_NOTE],
            verdict_at=now,
            verdict_by=who,
        )
        return ledger.change(ticket, kind, actor=DESK_ACTOR, note=note)

    def _steps(self, connection: Connection, ledger: Ledger, now: Ts) -> Steps:
        return Steps(connection, ledger=ledger, units=self._units, now=now)

    @contextmanager
    def _ledger(self, now: Ts) -> Iterator[tuple[Connection, Ledger]]:
        """One transaction; after its commit the deliverer is told."""
        with self._store.write() as connection:
            ledger = Ledger(
                connection,
                units=self._units,
                evidence_url=self._evidence_url,
                callback_url=self._callback_url,
                new_id=self._new_id,
                now=now,
            )
            yield connection, ledger
            ledger.flush()
            crash_point(CrashPoint.TICKETS_BEFORE)
        crash_point(CrashPoint.TICKETS_AFTER)
        if self._outbox is not None and ledger.endpoints:
            self._outbox.tell(ledger.endpoints)
