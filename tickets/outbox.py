"""The outbox: events that wait for their unit, a queue an endpoint (DOORS: webhooks)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from citypatrol.clock import Ts
from citypatrol.crashpoints import CrashPoint, crash_point
from tickets.errors import UnknownDelivery
from tickets.schema import PENDING, attempts, deliveries, endpoints, storable
from tickets.store import Store

DeliveryState = Literal["pending", "accepted", "dead"]
Result = Literal["accepted", "retry", "dead", "gone"]
_LONGEST_REASON: Final = 500


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one endpoint. ``event`` is its webhook-id and ``body`` its body over
    all attempts; ``tries`` counts the attempts made since it was put in the queue; ``caused_at`` is
    the source's time of what caused it."""

    id: int
    event: str
    endpoint: str
    ticket: str | None
    type: str
    body: bytes
    state: DeliveryState
    tries: int
    due_at: Ts
    caused_at: Ts | None
    created_at: Ts
    settled_at: Ts | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that ended. ``status`` is HTTP's, None where no answer came."""

    at: Ts
    took_ms: int
    result: Result
    status: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Disabled:
    """An endpoint that said 410 Gone at ``url``."""

    endpoint: str
    url: str
    at: Ts
    reason: str


@dataclass(frozen=True, slots=True)
class Queue:
    """What one endpoint has before it: ``due`` now, oldest first; when the next one is; how many
    are neither accepted nor dead, those in flight too."""

    due: Sequence[Delivery]
    next_due: Ts | None
    pending: int
    disabled: Disabled | None


class Outbox:
    """Queues of deliveries in the tickets database.

    Promised: a delivery is there when the change that it tells of is; it stays pending until
    ``record`` says otherwise, so an attempt that a crash cut short counts as not made. Not
    promised: that an event is delivered once only (the receiver knows it by its webhook-id).
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._listeners: list[Callable[[Collection[str]], None]] = []

    def listen(self, listener: Callable[[Collection[str]], None]) -> Callable[[], None]:
        """``listener`` is called with the endpoints that have something new, in any thread, after
        the commit; until the function that comes back is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self, changed: Collection[str]) -> None:
        for listener in list(self._listeners):
            listener(changed)

    def look(
        self, endpoint: str, *, now: Ts, limit: int, in_flight: Collection[Delivery] = ()
    ) -> Queue:
        """The queue of one endpoint as it is now. No second delivery of a ticket is due while one
        is in flight, so that a unit hears of a ticket in order while all goes well."""
        waiting = and_(PENDING, deliveries.c.endpoint == endpoint)
        free: ColumnElement[bool] = deliveries.c.id.not_in([one.id for one in in_flight])
        busy = [one.ticket for one in in_flight if one.ticket is not None]
        if busy:
            free = and_(free, or_(deliveries.c.ticket.is_(None), deliveries.c.ticket.not_in(busy)))
        due = (
            select(deliveries)
            .where(waiting, free, deliveries.c.due_at <= now)
            .order_by(deliveries.c.id)
            .limit(limit)
        )
        next_due = select(func.min(deliveries.c.due_at)).where(waiting, free)
        with self._store.read() as connection:
            return Queue(
                due=[_delivery(row) for row in connection.execute(due)],
                next_due=connection.execute(next_due).scalar_one(),
                pending=connection.execute(select(func.count()).where(waiting)).scalar_one(),
                disabled=_disabled(connection, endpoint).get(endpoint),
            )

    def pending(self) -> Mapping[str, int]:
        """How many wait, by endpoint; those of endpoints that are no longer configured too."""
        query = (
            select(deliveries.c.endpoint, func.count())
            .where(PENDING)
            .group_by(deliveries.c.endpoint)
        )
        with self._store.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def record(self, delivery: Delivery, attempt: Attempt, *, due_at: Ts | None) -> None:
        """An attempt has ended; ``due_at`` is when the next one is due, where there is one."""
        settled = attempt.result in ("accepted", "dead")
        with self._store.write() as connection:
            connection.execute(
                insert(attempts).values(
                    delivery=delivery.id,
                    at=attempt.at,
                    took_ms=attempt.took_ms,
                    result=attempt.result,
                    status=attempt.status,
                    reason=_short(attempt.reason),
                )
            )
            connection.execute(
                update(deliveries)
                .where(deliveries.c.id == delivery.id)
                .values(
                    state=attempt.result if settled else "pending",
                    tries=delivery.tries + 1,
                    due_at=delivery.due_at if due_at is None else due_at,
                    settled_at=attempt.at + attempt.took_ms if settled else None,
                )
            )
            crash_point(CrashPoint.DELIVERY_RECORD_BEFORE)
        crash_point(CrashPoint.DELIVERY_RECORD_AFTER)

    def disable(self, endpoint: str, *, url: str, at: Ts, reason: str) -> None:
        """Nothing more is sent to this endpoint at this URL; what waits for it goes on waiting."""
        with self._store.write() as connection:
            connection.execute(delete(endpoints).where(endpoints.c.id == endpoint))
            connection.execute(
                insert(endpoints).values(
                    id=endpoint, url=url, disabled_at=at, reason=_short(reason)
                )
            )

    def enable(self, endpoint: str) -> None:
        """Send again; what waited is due as it was."""
        with self._store.write() as connection:
            connection.execute(delete(endpoints).where(endpoints.c.id == endpoint))
        self.tell([endpoint])

    def disabled(self) -> Mapping[str, Disabled]:
        """By endpoint."""
        with self._store.read() as connection:
            return _disabled(connection)

    def redeliver(self, delivery_id: int, *, now: Ts) -> Delivery:
        """Put one in the queue again, accepted or dead, with its old webhook-id and body and a
        whole schedule before it. Somebody asked for it, so an endpoint that said 410 Gone is tried
        again. Raises UnknownDelivery."""
        with self._store.write() as connection:
            row = connection.execute(
                update(deliveries)
                .where(deliveries.c.id == delivery_id)
                .values(state="pending", tries=0, due_at=now, settled_at=None)
                .returning(deliveries)
            ).first()
            if row is None:
                message = f"there is no delivery {delivery_id}"
                raise UnknownDelivery(message)
            delivery = _delivery(row)
            connection.execute(delete(endpoints).where(endpoints.c.id == delivery.endpoint))
        self.tell([delivery.endpoint])
        return delivery

    def get(self, delivery_id: int) -> Delivery:
        """Raises UnknownDelivery."""
        with self._store.read() as connection:
            query = select(deliveries).where(deliveries.c.id == delivery_id)
            row = connection.execute(query).first()
        if row is None:
            message = f"there is no delivery {delivery_id}"
            raise UnknownDelivery(message)
        return _delivery(row)

    def attempts(self, delivery_id: int) -> list[Attempt]:
        """Every attempt of one delivery, oldest first."""
        query = select(attempts).where(attempts.c.delivery == delivery_id).order_by(attempts.c.id)
        with self._store.read() as connection:
            return [
                Attempt(row.at, row.took_ms, row.result, row.status, row.reason)
                for row in connection.execute(query)
            ]

    def list(
        self,
        *,
        endpoint: str | None = None,
        state: DeliveryState | None = None,
        ticket: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> Sequence[Delivery]:
        """Newest first, from before the number ``before``."""
        query: Select[Any] = select(deliveries).order_by(deliveries.c.id.desc()).limit(limit)
        wanted = {"endpoint": endpoint, "state": state, "ticket": ticket}
        for name, value in wanted.items():
            if value is not None:
                query = query.where(deliveries.c[name] == value)
        if before is not None:
            query = query.where(deliveries.c.id < before)
        with self._store.read() as connection:
            return [_delivery(row) for row in connection.execute(query)]


def _disabled(connection: Connection, *only: str) -> Mapping[str, Disabled]:
    query = select(endpoints)
    if only:
        query = query.where(endpoints.c.id.in_(only))
    return {
        row.id: Disabled(row.id, row.url, row.disabled_at, row.reason)
        for row in connection.execute(query)
    }


def _short(reason: str) -> str:
    return storable(reason)[:_LONGEST_REASON]


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(**row._mapping)
