"""The first tables: tickets, incidents, history, outbox, callbacks, numbers."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "tickets",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("rule", sa.String, nullable=False),
        sa.Column("category", sa.String, nullable=False),
        sa.Column("severity", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("template", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("group", sa.String),
        sa.Column("unit", sa.String),
        sa.Column("lat", sa.Double),
        sa.Column("lon", sa.Double),
        sa.Column("site", sa.String),
        sa.Column("grid", sa.String),
        sa.Column("district", sa.String),
        sa.Column("first_incident", sa.String, nullable=False),
        sa.Column("witnesses", sa.Integer, nullable=False),
        sa.Column("sources", sa.Integer, nullable=False),
        sa.Column("firing", sa.Integer, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("acknowledge_by", sa.BigInteger),
        sa.Column("resolve_by", sa.BigInteger),
        sa.Column("cooldown", sa.BigInteger, nullable=False),
        sa.Column("acknowledged_at", sa.BigInteger),
        sa.Column("resolved_at", sa.BigInteger),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("cleared_at", sa.BigInteger),
        sa.Column("quiet_until", sa.BigInteger),
        sa.Column("reopened", sa.Integer, nullable=False),
        sa.Column("verdict", sa.Boolean),
        sa.Column("verdict_note", sa.String),
        sa.PrimaryKeyConstraint("id", name="pk_tickets"),
    )
    is_open = sa.text("state NOT IN ('closed', 'cancelled')")
    op.create_index(
        "uq_tickets_open_key",
        "tickets",
        ["key"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_index("ix_tickets_key", "tickets", ["key"])
    op.create_index("ix_tickets_state", "tickets", ["state"])
    op.create_index("ix_tickets_opened_at_id", "tickets", ["opened_at", "id"])

    op.create_table(
        "incidents",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("ticket", sa.String),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("fired_at", sa.BigInteger, nullable=False),
        sa.Column("cleared_at", sa.BigInteger),
        sa.Column("held_until", sa.BigInteger),
        sa.Column("evidence", sa.String),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
        sa.ForeignKeyConstraint(["ticket"], ["tickets.id"], name="fk_incidents_ticket"),
    )
    op.create_index("ix_incidents_ticket_fired_at", "incidents", ["ticket", "fired_at"])
    op.create_index("ix_incidents_fired_at_id", "incidents", ["fired_at", "id"])
    held = sa.text("held_until IS NOT NULL")
    op.create_index(
        "ix_incidents_held_key", "incidents", ["key"], sqlite_where=held, postgresql_where=held
    )

    op.create_table(
        "history",
        sa.Column("ticket", sa.String, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("severity", sa.String, nullable=False),
        sa.Column("unit", sa.String),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("note", sa.String),
        sa.PrimaryKeyConstraint("ticket", "revision", name="pk_history"),
        sa.ForeignKeyConstraint(["ticket"], ["tickets.id"], name="fk_history_ticket"),
        sa.UniqueConstraint("event", name="uq_history_event"),
    )
    op.create_index("ix_history_at", "history", ["at"])

    op.create_table(
        "deliveries",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("endpoint", sa.String, nullable=False),
        sa.Column("ticket", sa.String),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("caused_at", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("settled_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(["ticket"], ["tickets.id"], name="fk_deliveries_ticket"),
        sa.UniqueConstraint("event", name="uq_deliveries_event"),
    )
    pending = sa.text("state = 'pending'")
    op.create_index(
        "ix_deliveries_pending",
        "deliveries",
        ["endpoint", "due_at"],
        sqlite_where=pending,
        postgresql_where=pending,
    )
    op.create_index("ix_deliveries_ticket", "deliveries", ["ticket"])

    op.create_table(
        "attempts",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("delivery", SERIAL, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("took_ms", sa.Integer, nullable=False),
        sa.Column("result", sa.String, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("reason", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sa.ForeignKeyConstraint(["delivery"], ["deliveries.id"], name="fk_attempts_delivery"),
    )
    op.create_index("ix_attempts_delivery", "attempts", ["delivery"])

    op.create_table(
        "endpoints",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("url", sa.String, nullable=False),
        sa.Column("disabled_at", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_endpoints"),
    )

    op.create_table(
        "callbacks",
        sa.Column("unit", sa.String, nullable=False),
        sa.Column("webhook_id", sa.String, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("ticket", sa.String),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("unit", "webhook_id", name="pk_callbacks"),
    )

    op.create_table(
        "sequences",
        sa.Column("day", sa.String, nullable=False),
        sa.Column("last", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_sequences"),
    )


def downgrade() -> None:
    for table in (
        "sequences",
        "callbacks",
        "endpoints",
        "attempts",
        "deliveries",
        "history",
        "incidents",
        "tickets",
    ):
        op.drop_table(table)
