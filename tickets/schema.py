"""The tables. What creates them is ``tickets/migrations``; a test holds the two together."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    text,
)

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Text(TypeDecorator[str]):
    """Text from outside: what PostgreSQL or UTF-8 cannot hold (NUL, lone surrogates) is replaced,
    the same way when it is stored and when it is looked for."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, _: Dialect) -> str | None:
        return None if value is None else storable(value)


def storable(value: str) -> str:
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


_Ts = BigInteger
_Serial = BigInteger().with_variant(Integer, "sqlite")

tickets: Final = Table(
    "tickets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("group", Text),
    Column("unit", Text),
    Column("lat", Double),
    Column("lon", Double),
    Column("site", Text),
    Column("grid", Text),
    Column("district", Text),
    Column("first_incident", Text, nullable=False),
    Column("witnesses", Integer, nullable=False),
    Column("sources", Integer, nullable=False),
    Column("firing", Integer, nullable=False),
    Column("opened_at", _Ts, nullable=False),
    Column("updated_at", _Ts, nullable=False),
    Column("acknowledge_by", _Ts),
    Column("resolve_by", _Ts),
    Column("cooldown", _Ts, nullable=False),
    Column("acknowledged_at", _Ts),
    Column("resolved_at", _Ts),
    Column("closed_at", _Ts),
    Column("cleared_at", _Ts),
    Column("quiet_until", _Ts),
    Column("reopened", Integer, nullable=False),
    Column("verdict", Boolean),
    Column("verdict_note", Text),
    Column("untold", _Ts),
    Column("first_at", _Ts, nullable=False),
    Column("last_at", _Ts, nullable=False),
    Column("shadow", Boolean, nullable=False),
    Column("storm", Boolean, nullable=False),
    Column("unconfirmed", Boolean, nullable=False),
    Column("verdict_at", _Ts),
    Column("verdict_by", Text),
)
OPEN: Final = text("state NOT IN ('closed', 'cancelled')")
Index("uq_tickets_open_key", tickets.c.key, unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
Index("ix_tickets_key", tickets.c.key)
Index("ix_tickets_state", tickets.c.state)
Index("ix_tickets_opened_at_id", tickets.c.opened_at, tickets.c.id)
Index("ix_tickets_rule_first_at", tickets.c.rule, tickets.c.first_at)
Index(
    "ix_tickets_open_place",
    tickets.c.category,
    tickets.c.lat,
    sqlite_where=OPEN,
    postgresql_where=OPEN,
)
UNTOLD: Final = text("untold IS NOT NULL")
Index("ix_tickets_untold", tickets.c.untold, sqlite_where=UNTOLD, postgresql_where=UNTOLD)

incidents: Final = Table(
    "incidents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("ticket", Text, ForeignKey("tickets.id")),
    Column("source", Text, nullable=False),
    Column("fired_at", _Ts, nullable=False),
    Column("cleared_at", _Ts),
    Column("held_until", _Ts),
    Column("evidence", Text),
    Column("body", LargeBinary, nullable=False),
    Column("guest", Boolean, nullable=False),
    Column("after", Text),
)
"""Every incident ever handed in, so that a replay is known; the witnesses of a ticket are those
that name it, ``guest`` those whose own key is another. ``body`` is
``rules.incidents.encode_incident`` of the first event; ``after`` the picture of the cleared place.
"""
SHOWN: Final = incidents.c.evidence.is_not(None) | incidents.c.after.is_not(None)
HELD: Final = text("held_until IS NOT NULL")
Index("ix_incidents_ticket_fired_at", incidents.c.ticket, incidents.c.fired_at)
Index("ix_incidents_fired_at_id", incidents.c.fired_at, incidents.c.id)
GUEST: Final = text("guest")
Index("ix_incidents_guest_key", incidents.c.key, sqlite_where=GUEST, postgresql_where=GUEST)
Index("ix_incidents_held_key", incidents.c.key, sqlite_where=HELD, postgresql_where=HELD)

history: Final = Table(
    "history",
    metadata,
    Column("ticket", Text, ForeignKey("tickets.id"), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("event", Text, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("at", _Ts, nullable=False),
    Column("state", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("unit", Text),
    Column("actor", Text, nullable=False),
    Column("note", Text),
)
Index("ix_history_at", history.c.at)

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("event", Text, nullable=False, unique=True),
    Column("endpoint", Text, nullable=False),
    Column("ticket", Text, ForeignKey("tickets.id")),
    Column("type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_at", _Ts, nullable=False),
    Column("caused_at", _Ts),
    Column("created_at", _Ts, nullable=False),
    Column("settled_at", _Ts),
)
"""The outbox: written in the transaction of the change that it tells of. ``state`` is pending,
accepted or dead; ``tries`` counts the attempts since it was last put in the queue."""
PENDING: Final = text("state = 'pending'")
Index(
    "ix_deliveries_pending",
    deliveries.c.endpoint,
    deliveries.c.due_at,
    sqlite_where=PENDING,
    postgresql_where=PENDING,
)
Index("ix_deliveries_ticket", deliveries.c.ticket)

attempts: Final = Table(
    "attempts",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("delivery", _Serial, ForeignKey("deliveries.id"), nullable=False),
    Column("at", _Ts, nullable=False),
    Column("took_ms", Integer, nullable=False),
    Column("result", Text, nullable=False),
    Column("status", Integer),
    Column("reason", Text, nullable=False),
)
Index("ix_attempts_delivery", attempts.c.delivery)

endpoints: Final = Table(
    "endpoints",
    metadata,
    Column("id", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("disabled_at", _Ts, nullable=False),
    Column("reason", Text, nullable=False),
)
"""Endpoints that said 410 Gone at this URL."""

callbacks: Final = Table(
    "callbacks",
    metadata,
    Column("unit", Text, primary_key=True),
    Column("webhook_id", Text, primary_key=True),
    Column("at", _Ts, nullable=False),
    Column("ticket", Text),
    Column("status", Integer, nullable=False),
    Column("answer", LargeBinary, nullable=False),
)
"""Answers given to callbacks: the same webhook-id again gets the same answer."""

rules_known: Final = Table(
    "rules_known",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("hash", Text, nullable=False),
    Column("since", _Ts, nullable=False),
    Column("opened", Integer, nullable=False),
    Column("held_at", _Ts),
    Column("released_at", _Ts),
    Column("released_by", Text),
)
"""Rules whose tickets are real, and when each came into force as it is. ``opened`` counts the cases
that it began at its first load; ``held_at`` when these were too many; ``released_at`` when it was
let go, also where it never was in question."""

sequences: Final = Table(
    "sequences",
    metadata,
    Column("day", Text, primary_key=True),
    Column("last", Integer, nullable=False),
)
"""The last ticket number of each city day."""
