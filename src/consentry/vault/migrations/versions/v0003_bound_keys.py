"""Keys of anchored records are bound to the record id.

Nothing may bind them later but the anchoring itself: a row that asks for it could have been written by anybody who
reaches the database. So a database with records whose keys are bound to their objects alone is refused.
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
    """Goes one version up.

    Raises:
        CommandError: records were anchored before; their keys are not bound to them.
    """
    if tied := _count("record_id IS NOT NULL AND state <> 'erased'"):
        raise CommandError(f"keys of {tied} records are not bound to them: seal and anchor these in a new database")


def downgrade() -> None:
    """Goes one version down.

    Raises:
        CommandError: keys were bound; the version before could not open them.
    """
    if bound := _count("state = 'anchored'"):
        raise CommandError(f"keys of {bound} records are bound and cannot be unbound")


def _count(condition: str) -> int:
    return int(op.get_bind().execute(text(f"SELECT count(*) FROM stored_objects WHERE {condition}")).scalar_one())  # noqa: S608 - from above
