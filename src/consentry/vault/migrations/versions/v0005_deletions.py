"""When the object of an erased record was deleted: the last step of an erasure."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_CHECK = "deleted_at IS NULL OR state = 'erased'"


def upgrade() -> None:
    """Goes one version up."""
    with op.batch_alter_table("stored_objects") as table:
        table.add_column(sa.Column("deleted_at", sa.BigInteger(), nullable=True))
        table.create_check_constraint("deleted_at", _CHECK)


def downgrade() -> None:
    """Goes one version down."""
    with op.batch_alter_table("stored_objects") as table:
        table.drop_constraint("deleted_at", type_="check")
        table.drop_column("deleted_at")
