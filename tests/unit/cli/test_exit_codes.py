"""Every error ends a command with the exit code the reference gives its family."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from consentry import errors
from consentry.cli.app import exit_code

FAMILIES: Final[dict[type[errors.ConsentryError], int]] = {
    errors.ConsentryError: 1,
    errors.InvalidInputError: 2,
    errors.ConfigurationError: 3,
    errors.LedgerError: 4,
    errors.LedgerRejectedError: 1,
    errors.VaultUnavailableError: 4,
    errors.GatewayUnavailableError: 4,
    errors.TilesUnavailableError: 4,
    errors.VerificationError: 5,
}
"""What ``docs/commands.md`` says; an error without a line of its own ends as its parent does."""


def every(kind: type[errors.ConsentryError]) -> Iterator[type[errors.ConsentryError]]:
    """Gives an error and all below it."""
    yield kind
    for below in kind.__subclasses__():
        yield from every(below)


def test_refusal_of_a_contract_is_a_failed_check_and_its_outage_is_none() -> None:
    refused = errors.InvalidInputError("contract refused", solidity="ErasuresOfficersAlike")
    away = errors.LedgerUnavailableError("contract refused", solidity="AccessLedgerGasMissing")

    assert (exit_code(refused), exit_code(away)) == (1, 4)


@pytest.mark.parametrize("kind", [k for k in every(errors.ConsentryError) if k.__module__ == errors.__name__])
def test_every_error_has_the_exit_code_of_its_family(kind: type[errors.ConsentryError]) -> None:
    assert exit_code(kind("x")) == next(FAMILIES[family] for family in kind.__mro__ if family in FAMILIES)
