"""Keys of anchored records are bound to the record id.

Only the key service can bind them, so what was anchored before is marked as sealed with a record id; the gateway binds
it at its next start, before it serves anything.
"""

from __future__ import annotations

from alembic import op
from alembic.util import CommandError
from sqlalchemy import text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Goes one version up."""
    op.execute(text("UPDATE stored_objects SET state = 'sealed' WHERE state = 'anchored'"))


def downgrade() -> None:
    """Goes one version down.

    Raises:
        CommandError: keys were bound; the version before could not open them.
    """
    bound = op.get_bind().execute(text("SELECT count(*) FROM stored_objects WHERE state = 'anchored'")).scalar_one()
    if bound:
        raise CommandError(f"keys of {bound} records are bound and cannot be unbound")
    op.execute(text("UPDATE stored_objects SET state = 'anchored' WHERE state = 'sealed' AND record_id IS NOT NULL"))
