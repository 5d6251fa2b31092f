"""The directory's first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_INDEXED = ("kind", "subject_id", "participant", "record_id", "consent_id", "signer")


def upgrade() -> None:
    """Goes one version up."""
    op.create_table(
        "ledger_events",
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("transaction_hash", sa.LargeBinary(), nullable=False),
        sa.Column("subject_id", sa.LargeBinary(), nullable=True),
        sa.Column("participant", sa.LargeBinary(), nullable=True),
        sa.Column("record_id", sa.LargeBinary(), nullable=True),
        sa.Column("consent_id", sa.LargeBinary(), nullable=True),
        sa.Column("signer", sa.LargeBinary(), nullable=True),
        sa.Column("permitted", sa.Boolean(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("block_number", "log_index", name=op.f("pk_ledger_events")),
    )
    for column in _INDEXED:
        op.create_index(op.f(f"ix_ledger_events_{column}"), "ledger_events", [column])
    op.create_table(
        "ledger_blocks",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ledger_blocks")),
    )
    op.create_table(
        "ledger_position",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_ledger_position_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_position")),
    )


def downgrade() -> None:
    """Goes one version down."""
    for table in ("ledger_position", "ledger_blocks", "ledger_events"):
        op.drop_table(table)
