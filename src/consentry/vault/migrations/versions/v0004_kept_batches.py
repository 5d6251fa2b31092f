"""Batches of access requests under one signature."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Goes one version up."""
    op.create_table(
        "kept_batches",
        sa.Column("institution", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(institution) = 20", name=op.f("ck_kept_batches_institution")),
        sa.CheckConstraint("length(root) = 32", name=op.f("ck_kept_batches_root")),
        sa.CheckConstraint("size > 0", name=op.f("ck_kept_batches_size")),
        sa.PrimaryKeyConstraint("institution", "root", name=op.f("pk_kept_batches")),
    )


def downgrade() -> None:
    """Goes one version down."""
    op.drop_table("kept_batches")
