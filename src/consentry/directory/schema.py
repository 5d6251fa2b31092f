"""The directory's tables and the migrations that make them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from consentry.database.schema import Schema

VERSION_TABLE: Final = "directory_version"
SCHEMA: Final = Schema("directory", Path(__file__).parent / "migrations")
