"""Brings the vault's tables to the form this version expects, by the alembic migrations inside the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from consentry.errors import ConfigurationError, VaultUnavailableError
from consentry.vault.database import create_engine

if TYPE_CHECKING:
    from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "vault_version"


async def upgrade(url: str, revision: str = "head") -> None:
    """Run all migrations up to ``revision``; running them again changes nothing.

    Raises:
        ConfigurationError: The database was made by a newer version, or the URL cannot be used.
        VaultUnavailableError: The database does not answer.
    """
    await _run(url, lambda config: command.upgrade(config, revision))


async def downgrade(url: str, revision: str) -> None:
    """Undo migrations down to ``revision``; raises as `upgrade` does."""
    await _run(url, lambda config: command.downgrade(config, revision))


async def check(url: str) -> None:
    """Compare the tables in the database with those of the code.

    Raises:
        ConfigurationError: They differ.
        VaultUnavailableError: The database does not answer.
    """
    await _run(url, command.check)


async def _run(url: str, action: _Action) -> None:
    engine = create_engine(url)

    def run(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        action(config)

    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    except CommandError as error:
        raise ConfigurationError(f"vault tables do not match this version ({error})") from error
    except (SQLAlchemyError, OSError) as error:
        raise VaultUnavailableError(f"database cannot serve ({type(error).__name__})") from error
    finally:
        await engine.dispose()


if TYPE_CHECKING:
    from collections.abc import Callable

    _Action = Callable[[Config], None]
