"""Tickets know since when a rule is in force: one that begins with too many is held back."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rules_known",
        sa.Column("rule", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("opened", sa.Integer, nullable=False),
        sa.Column("held_at", sa.BigInteger),
        sa.Column("released_at", sa.BigInteger),
        sa.Column("released_by", sa.String),
        sa.PrimaryKeyConstraint("rule", name="pk_rules_known"),
    )


def downgrade() -> None:
    op.drop_table("rules_known")
