"""Codes of persons by keyed hash, and openings of links."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _act(*more: sa.Column[Any], table: str) -> None:
    """Makes a table of prepared acts."""
    op.create_table(
        table,
        sa.Column("act_hash", sa.LargeBinary(), nullable=False),
        sa.Column("authority", sa.LargeBinary(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("sign_before", sa.BigInteger(), nullable=False),
        sa.Column("blinding", sa.LargeBinary(), nullable=False),
        *more,
        sa.PrimaryKeyConstraint("act_hash", name=op.f(f"pk_{table}")),
    )


def upgrade() -> None:
    """Goes one version up."""
    op.create_table(
        "person_identifiers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("subject_id", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_identifiers")),
    )
    for column in ("code_hash", "subject_id"):
        op.create_index(op.f(f"ix_person_identifiers_{column}"), "person_identifiers", [column])
    standing = sa.text("until IS NULL")
    op.create_index(
        "uq_person_identifiers_standing",
        "person_identifiers",
        ["code_hash", "subject_id"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )
    _act(table="person_links")
    op.create_table(
        "person_link_subjects",
        sa.Column("act_hash", sa.LargeBinary(), nullable=False),
        sa.Column("subject_id", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("act_hash", "subject_id", name=op.f("pk_person_link_subjects")),
    )
    op.create_index(op.f("ix_person_link_subjects_subject_id"), "person_link_subjects", ["subject_id"])
    link, reason = sa.Column("link", sa.LargeBinary(), nullable=False), sa.Column("reason", sa.Text(), nullable=False)
    _act(link, reason, table="person_unlinks")
    op.create_index(op.f("ix_person_unlinks_link"), "person_unlinks", ["link"])
    op.create_table(
        "person_key_check",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_person_key_check_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_key_check")),
    )


def downgrade() -> None:
    """Goes one version down. Codes and openings are lost for good: the chain does not have them."""
    tables = ("person_key_check", "person_unlinks", "person_link_subjects", "person_links", "person_identifiers")
    for table in tables:
        op.drop_table(table)
