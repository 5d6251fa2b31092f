"""Indexes that give what is asked for in the order it is asked for: no look-up reads more rows when there are more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_PLACE = ("block_number", "log_index")
_OF_EVERY_ROW = {
    "kind": _PLACE,
    "subject_id": ("kind", *_PLACE),
    "participant": ("kind", *_PLACE),
    "record_id": ("kind", *_PLACE),
    "consent_id": ("kind", *_PLACE, "permitted"),
}
_OF_SOME = {"signer": ("kind", *_PLACE), "act_hash": ()}


def _name(column: str) -> str:
    return op.f(f"ix_ledger_events_{column}")


def _drop() -> None:
    for column in (*_OF_EVERY_ROW, *_OF_SOME):
        op.drop_index(_name(column), "ledger_events")


def upgrade() -> None:
    """Goes one version up."""
    _drop()
    for column, more in _OF_EVERY_ROW.items():
        op.create_index(_name(column), "ledger_events", [column, *more])
    for column, more in _OF_SOME.items():
        present = sa.text(f"{column} IS NOT NULL")
        op.create_index(_name(column), "ledger_events", [column, *more], sqlite_where=present, postgresql_where=present)


def downgrade() -> None:
    """Goes one version down."""
    _drop()
    for column in (*_OF_EVERY_ROW, *_OF_SOME):
        op.create_index(_name(column), "ledger_events", [column])
