"""Tickets remember what their unit has not been told yet."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tickets", sa.Column("untold", sa.BigInteger))
    is_untold = sa.text("untold IS NOT NULL")
    op.create_index(
        "ix_tickets_untold",
        "tickets",
        ["untold"],
        sqlite_where=is_untold,
        postgresql_where=is_untold,
    )


def downgrade() -> None:
    op.drop_index("ix_tickets_untold", "tickets")
    op.drop_column("tickets", "untold")
