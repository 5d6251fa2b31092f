"""Runs the directory's migrations on the connection that `consentry.directory.schema` hands in."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from alembic import context

from consentry.directory import person_tables
from consentry.directory.schema import VERSION_TABLE

METADATA = person_tables.LinkRow.metadata


def is_ours(name: str | None, kind: str, _parents: MutableMapping[Any, str | None]) -> bool:
    """Leaves the tables of other rooms in the same database alone."""
    return kind != "table" or name in METADATA.tables


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    include_name=is_ours,
    # SQLite cannot alter constraints in place: alembic copies the table.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
