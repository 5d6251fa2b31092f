"""Root of the vault's tables. Its database is opened by ``consentry.database``."""

from __future__ import annotations

from sqlmodel import SQLModel

from consentry.database.engine import Database, create_engine, own_metadata

__all__ = ["Base", "Database", "create_engine"]


class Base(SQLModel):
    """Root of the vault's tables."""

    metadata = own_metadata()
