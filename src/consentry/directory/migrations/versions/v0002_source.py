"""Which chain and deployment the rows are of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Goes one version up."""
    op.create_table(
        "ledger_source",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("chain_id", sa.String(length=78), nullable=False),
        sa.Column("genesis_hash", sa.LargeBinary(), nullable=False),
        sa.Column("contracts", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_ledger_source_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_source")),
    )


def downgrade() -> None:
    """Goes one version down."""
    op.drop_table("ledger_source")
