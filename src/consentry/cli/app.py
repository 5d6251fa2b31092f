"""The command ``consentry``: one root, one way to fail."""

from __future__ import annotations

import json
import os
import sys
from typing import Final

import typer
from rich.console import Console

from consentry import errors
from consentry.cli import audit, besu, chain, demo, evidence, institution, service

EXIT_FAILED_CHECK: Final = 1
EXIT_CONFIGURATION: Final = 3
EXIT_NETWORK: Final = 4
EXIT_VERIFICATION: Final = 5
_EXIT: Final[dict[type[errors.ConsentryError], int]] = {
    errors.ConfigurationError: EXIT_CONFIGURATION,
    errors.LedgerError: EXIT_NETWORK,
    errors.VaultUnavailableError: EXIT_NETWORK,
    errors.VerificationError: EXIT_VERIFICATION,
}

app = typer.Typer(
    help="Record-access consent on a permissioned ledger. Exit codes: 0 ok, 1 failed check, 2 usage, "
    "3 configuration, 4 network or chain, 5 verification failed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(chain.app, name="chain")
chain.app.add_typer(besu.app, name="besu")
app.add_typer(institution.app, name="institution")
app.command("serve")(service.serve)
app.command("doctor")(service.doctor)
app.command("deploy")(service.deploy)
app.command("rebuild")(service.rebuild)
app.command("demo")(demo.demo)
app.command("chaos", hidden=True)(demo.chaos)
app.command("audit")(audit.audit)
app.command("verify")(evidence.verify)
app.add_typer(evidence.access_app, name="access")


def exit_code(error: errors.ConsentryError) -> int:
    """Gives the exit code of an error: that of its nearest class in the table."""
    return next((_EXIT[kind] for kind in type(error).__mro__ if kind in _EXIT), EXIT_FAILED_CHECK)


def main() -> None:
    """Runs a command; any of our errors is one line on the error stream and an exit code."""
    try:
        app()
    except errors.ConsentryError as error:
        if "--json" in sys.argv:
            sys.stdout.write(json.dumps({"error": error.code, "detail": error.message}) + "\n")
        Console(stderr=True, soft_wrap=True, no_color="NO_COLOR" in os.environ, highlight=False).print(
            f"consentry: {error.message}", markup=False
        )
        sys.exit(exit_code(error))


__all__ = ["app", "main"]
