"""The vault's first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Goes one version up."""
    _create_stored_objects()
    _create_kept_requests()
    _create_idempotency_keys()
    _create_releases()


def downgrade() -> None:
    """Goes one version down."""
    for table in ("releases", "idempotency_keys", "kept_requests", "stored_objects"):
        op.drop_table(table)


def _create_stored_objects() -> None:
    op.create_table(
        "stored_objects",
        sa.Column("object_id", sa.LargeBinary(), nullable=False),
        sa.Column("record_id", sa.LargeBinary(), nullable=True),
        sa.Column("subject_id", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("suite", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.String(length=255), nullable=False),
        sa.Column("plaintext_size", sa.BigInteger(), nullable=False),
        sa.Column("ciphertext_size", sa.BigInteger(), nullable=False),
        sa.Column("ciphertext_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped_keys", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        _check("stored_objects", "object_id", "length(object_id) = 32"),
        _check("stored_objects", "record_id", "record_id IS NULL OR length(record_id) = 32"),
        _check("stored_objects", "subject_id", "length(subject_id) = 32"),
        _check("stored_objects", "header", "length(header) = 56"),
        _check("stored_objects", "ciphertext_sha256", "length(ciphertext_sha256) = 32"),
        _check("stored_objects", "commitment", "length(commitment) = 32"),
        _check("stored_objects", "sizes", "version > 0 AND plaintext_size >= 0 AND ciphertext_size > plaintext_size"),
        _check("stored_objects", "state", "state IN ('sealed', 'anchored', 'erased')"),
        _check("stored_objects", "wrapped_keys", "(state = 'erased') = (length(wrapped_keys) = 0)"),
        sa.PrimaryKeyConstraint("object_id", name=op.f("pk_stored_objects")),
        sa.UniqueConstraint("header", name=op.f("uq_stored_objects_header")),
        sa.UniqueConstraint("record_id", name=op.f("uq_stored_objects_record_id")),
    )
    op.create_index(op.f("ix_stored_objects_state"), "stored_objects", ["state"])
    op.create_index(op.f("ix_stored_objects_subject_id"), "stored_objects", ["subject_id"])


def _create_kept_requests() -> None:
    op.create_table(
        "kept_requests",
        sa.Column("institution", sa.LargeBinary(), nullable=False),
        sa.Column("request_id", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        _check("kept_requests", "institution", "length(institution) = 20"),
        _check("kept_requests", "request_id", "length(request_id) = 32"),
        _check("kept_requests", "state", "state IN ('received', 'decided')"),
        sa.PrimaryKeyConstraint("institution", "request_id", name=op.f("pk_kept_requests")),
    )
    op.create_index(op.f("ix_kept_requests_state"), "kept_requests", ["state"])


def _create_idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", sa.String(length=255), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        _check("idempotency_keys", "request_sha256", "length(request_sha256) = 32"),
        sa.PrimaryKeyConstraint("caller", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"])


def _create_releases() -> None:
    op.create_table(
        "releases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.LargeBinary(), nullable=False),
        sa.Column("institution", sa.LargeBinary(), nullable=False),
        sa.Column("request_id", sa.LargeBinary(), nullable=False),
        sa.Column("decision_id", sa.LargeBinary(), nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=False),
        _check("releases", "record_id", "length(record_id) = 32"),
        _check("releases", "decision_id", "length(decision_id) = 32"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releases")),
    )
    op.create_index(op.f("ix_releases_record_id"), "releases", ["record_id"])
    op.create_index(op.f("ix_releases_decision_id"), "releases", ["decision_id"])


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))
