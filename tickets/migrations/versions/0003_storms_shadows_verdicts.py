"""Tickets know when they began and whether they are storms, shadows or unconfirmed; who judged."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OPEN = sa.text("state NOT IN ('closed', 'cancelled')")
GUEST = sa.text("guest")


def upgrade() -> None:
    for name in ("first_at", "last_at"):
        zero = sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.text("0"))
        op.add_column("tickets", zero)
    op.execute(
        "UPDATE tickets SET"
        " first_at = COALESCE((SELECT MIN(i.fired_at) FROM incidents i WHERE i.ticket = tickets.id)"
        ", opened_at),"
        " last_at = COALESCE((SELECT MAX(i.fired_at) FROM incidents i WHERE i.ticket = tickets.id)"
        ", opened_at)"
    )
    for name in ("shadow", "storm", "unconfirmed"):
        no = sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())
        op.add_column("tickets", no)
    op.add_column("tickets", sa.Column("verdict_at", sa.BigInteger))
    op.add_column("tickets", sa.Column("verdict_by", sa.String))
    op.create_index("ix_tickets_rule_first_at", "tickets", ["rule", "first_at"])
    op.create_index(
        "ix_tickets_open_place",
        "tickets",
        ["category", "lat"],
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    guest = sa.Column("guest", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("incidents", guest)
    op.add_column("incidents", sa.Column("after", sa.String))
    op.create_index(
        "ix_incidents_guest_key", "incidents", ["key"], sqlite_where=GUEST, postgresql_where=GUEST
    )


def downgrade() -> None:
    op.drop_index("ix_incidents_guest_key", "incidents")
    for name in ("after", "guest"):
        op.drop_column("incidents", name)
    op.drop_index("ix_tickets_open_place", "tickets")
    op.drop_index("ix_tickets_rule_first_at", "tickets")
    for name in (
        "verdict_by",
        "verdict_at",
        "unconfirmed",
        "storm",
        "shadow",
        "last_at",
        "first_at",
    ):
        op.drop_column("tickets", name)
