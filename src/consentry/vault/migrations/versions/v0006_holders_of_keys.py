"""Which gateway works on a call under an idempotency key: two may share one database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Goes one version up."""
    with op.batch_alter_table("idempotency_keys") as table:
        table.add_column(sa.Column("holder", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Goes one version down."""
    with op.batch_alter_table("idempotency_keys") as table:
        table.drop_column("holder")
