"""The name of a signed act: its struct hash."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Goes one version up."""
    with op.batch_alter_table("ledger_events") as table:
        table.add_column(sa.Column("act_hash", sa.LargeBinary(), nullable=True))
        table.create_index(op.f("ix_ledger_events_act_hash"), ["act_hash"], unique=False)


def downgrade() -> None:
    """Goes one version down."""
    with op.batch_alter_table("ledger_events") as table:
        table.drop_index(op.f("ix_ledger_events_act_hash"))
        table.drop_column("act_hash")
