"""A start waits for what is away, and for nothing else."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from consentry.cli.patience import AGAIN_SECONDS, patiently
from consentry.errors import (
    ConfigurationError,
    ConsentryError,
    ForeignChainError,
    LedgerUnavailableError,
    TilesUnavailableError,
    VaultUnavailableError,
)


def _caused(error: ConsentryError, cause: Exception) -> ConsentryError:
    error.__cause__ = cause
    return error


NO_NODE = LedgerUnavailableError("node does not answer")
NO_DATABASE = _caused(
    VaultUnavailableError("database cannot serve"), OperationalError("SELECT 1", None, Exception("refused"))
)
NO_KEY_SERVICE = _caused(VaultUnavailableError("key service does not answer"), httpx.ConnectError("refused"))


class Start:
    """Fails with one error after the other, then succeeds; time passes only while it is waited for."""

    def __init__(self, *errors: ConsentryError) -> None:
        self.errors = list(errors)
        self.said: list[str] = []
        self.attempts = 0
        self.now = 0.0

    async def attempt(self) -> str:
        """One try."""
        self.attempts += 1
        if self.errors:
            raise self.errors.pop(0)
        return "open"

    async def pause(self, seconds: float) -> None:
        """Lets time pass."""
        self.now += seconds

    async def run(self, seconds: float) -> str:
        """Starts patiently."""
        return await patiently(
            self.attempt, seconds, lambda what, _why: self.said.append(what), lambda: self.now, self.pause
        )


async def test_start_waits_for_the_tiles_of_its_log() -> None:
    start = Start(TilesUnavailableError("tiles cannot be had", refused=False))
    assert await start.run(60) == "open"
    assert start.said == ["waiting for the store of the ledger log"]


async def test_start_waits_for_chain_database_and_key_service_and_says_each_once() -> None:
    start = Start(NO_DATABASE, NO_DATABASE, NO_NODE, NO_NODE, NO_KEY_SERVICE)
    assert await start.run(60) == "open"
    assert start.said == ["waiting for the database or the key service", "waiting for the chain"]


@pytest.mark.parametrize(("seconds", "attempts"), [(0, 1), (3 * AGAIN_SECONDS, 4)])
async def test_start_ends_with_the_error_itself_once_its_time_is_over(seconds: float, attempts: int) -> None:
    start = Start(*[NO_NODE] * 10)
    with pytest.raises(LedgerUnavailableError, match="node does not answer"):
        await start.run(seconds)
    assert start.attempts == attempts


@pytest.mark.parametrize(
    "error",
    [
        ForeignChainError("chain id does not match"),
        ConfigurationError("setting is wrong"),
        LedgerUnavailableError("node refuses", rpc_code=-32601),
        VaultUnavailableError("key service cannot serve (answers 403)"),
        TilesUnavailableError("tiles cannot be had", refused=True),
        _caused(VaultUnavailableError("keyring cannot be read"), PermissionError("not yours")),
    ],
    ids=["foreign", "configuration", "refusal", "forbidden", "tiles", "file"],
)
async def test_start_does_not_wait_for_what_waiting_does_not_mend(error: ConsentryError) -> None:
    start = Start(error)
    with pytest.raises(type(error)):
        await start.run(60)
    assert start.attempts == 1
    assert start.said == []
