"""The vault's tables and the migrations that make them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from consentry.database.schema import Schema

VERSION_TABLE: Final = "vault_version"
MIGRATIONS: Final = Path(__file__).parent / "migrations"
SCHEMA: Final = Schema("vault", MIGRATIONS)

upgrade = SCHEMA.upgrade
downgrade = SCHEMA.downgrade
check = SCHEMA.check
