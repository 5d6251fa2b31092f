"""Nonces of signed HTTP requests."""

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
        "spent_nonces",
        sa.Column("signer", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("signer", "nonce", name=op.f("pk_spent_nonces")),
    )
    op.create_index(op.f("ix_spent_nonces_until"), "spent_nonces", ["until"])


def downgrade() -> None:
    """Goes one version down."""
    op.drop_table("spent_nonces")
