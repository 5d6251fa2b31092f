"""Brings the tables of a room to the form this version expects, by the alembic migrations inside the package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from consentry.database.engine import as_writer, create_engine, keep_private
from consentry.errors import ConfigurationError, VaultUnavailableError

_Action = Callable[[Config], None]


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of one room: whose they are, and where their migrations lie."""

    room: str
    migrations: Path

    async def upgrade(self, url: str, revision: str = "head") -> None:
        """Runs all migrations up to ``revision``; running them again changes nothing.

        A database that is a file belongs to this account alone from here on, whatever the umask.

        Raises:
            ConfigurationError: the database was made by a newer version, or the URL cannot be used.
            VaultUnavailableError: the database does not answer.
        """
        try:
            keep_private(url)
        except OSError as error:
            raise VaultUnavailableError(f"database cannot serve ({type(error).__name__})") from error
        await self._run(url, lambda config: command.upgrade(config, revision))

    async def downgrade(self, url: str, revision: str) -> None:
        """Undoes migrations down to ``revision``; raises as `upgrade` does."""
        await self._run(url, lambda config: command.downgrade(config, revision))

    async def check(self, url: str) -> None:
        """Compares the tables in the database with those of the code.

        Raises:
            ConfigurationError: they differ.
            VaultUnavailableError: the database does not answer.
        """
        await self._run(url, command.check)

    async def _run(self, url: str, action: _Action) -> None:
        engine = create_engine(url)

        def run(connection: Connection) -> None:
            config = Config()
            config.set_main_option("script_location", str(self.migrations))
            config.attributes["connection"] = connection
            action(config)

        try:
            async with as_writer(engine).begin() as connection:
                await connection.run_sync(run)
        except CommandError as error:
            raise ConfigurationError(f"{self.room} tables do not match this version ({error})") from error
        except (SQLAlchemyError, OSError) as error:
            raise VaultUnavailableError(f"database cannot serve ({type(error).__name__})") from error
        finally:
            await engine.dispose()
