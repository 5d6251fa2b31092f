"""The command ``consentry``: one root, one way to fail."""

from __future__ import annotations

import json
import os
import sys
from typing import Final, NoReturn

import typer
from rich.console import Console
from typer.exceptions import TyperException

from consentry import errors
from consentry.cli import (
    access,
    audit,
    besu,
    chain,
    consent,
    demo,
    evidence,
    history,
    institution,
    keys,
    record,
    service,
    subject,
)
from consentry.cli.output import plain

EXIT_FAILED_CHECK: Final = 1
EXIT_USAGE: Final = 2
EXIT_CONFIGURATION: Final = 3
EXIT_NETWORK: Final = 4
EXIT_VERIFICATION: Final = 5
_EXIT: Final[dict[type[errors.ConsentryError], int]] = {
    errors.InvalidInputError: EXIT_USAGE,
    errors.ConfigurationError: EXIT_CONFIGURATION,
    errors.LedgerError: EXIT_NETWORK,
    # A contract that says no has been reached: trying again changes nothing.
    errors.LedgerRejectedError: EXIT_FAILED_CHECK,
    errors.VaultUnavailableError: EXIT_NETWORK,
    errors.GatewayUnavailableError: EXIT_NETWORK,
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
app.add_typer(keys.app, name="key")
app.add_typer(subject.app, name="subject")
app.add_typer(record.app, name="record")
app.add_typer(consent.app, name="consent")
app.add_typer(access.app, name="access")
app.command("history")(history.history)


def exit_code(error: errors.ConsentryError) -> int:
    """Gives the exit code of an error: that of its nearest class in the table."""
    return next((_EXIT[kind] for kind in type(error).__mro__ if kind in _EXIT), EXIT_FAILED_CHECK)


def main() -> None:
    """Runs a command; whatever goes wrong is one line on the error stream and an exit code."""
    try:
        status = app(standalone_mode=False)
    except errors.VerificationError as error:
        step = "" if error.step is None else f"step {error.step}: "
        _fail(error.code, step + error.message, exit_code(error))
    except errors.ConsentryError as error:
        _fail(error.code, error.message, exit_code(error))
    except TyperException as error:
        _refuse(error)
    except typer.Abort:
        _fail("aborted", "nothing was done: there was no answer", EXIT_FAILED_CHECK)
    except OSError as error:
        what = os.strerror(error.errno or 0).lower()
        _fail("configuration", f"{error.filename or 'input or output'}: {what}", EXIT_CONFIGURATION)
    sys.exit(status if isinstance(status, int) else 0)


def _refuse(error: TyperException) -> NoReturn:
    """Ends with a usage error; a group without a command has shown its help instead."""
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(error.format_message() + "\n")
        sys.exit(error.exit_code)
    _fail(errors.InvalidInputError.code, f"{error.format_message()} (see --help)", error.exit_code)


def _fail(code: str, message: str, status: int) -> NoReturn:
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps({"error": code, "detail": message}) + "\n")
    shown = Console(stderr=True, soft_wrap=True, no_color="NO_COLOR" in os.environ, highlight=False)
    shown.print(f"consentry: {plain(message)}", markup=False)
    sys.exit(status)


__all__ = ["app", "main"]
