"""The command ``consentry``: one root, one way to fail."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import ClassVar, Final, NoReturn

import typer
from rich.console import Console
from typer.exceptions import TyperException

from consentry import errors
from consentry.cli.lazy import Entry, LazyGroup
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
    errors.TilesUnavailableError: EXIT_NETWORK,
    errors.VerificationError: EXIT_VERIFICATION,
}


class _Commands(LazyGroup):
    """Every command; what it says of them here, they say of themselves."""

    entries: ClassVar[Mapping[str, Entry]] = {
        "serve": Entry(
            "service:serve",
            "Serves one gateway in the foreground; requests are logged to the error stream as JSON lines.",
        ),
        "doctor": Entry("service:doctor", "Shows the settings without secrets, and checks node and deployment."),
        "deploy": Entry(
            "service:deploy",
            "Deploys the contracts on the configured node; keys of the national authority are made beside the relay's.",
        ),
        "rebuild": Entry(
            "service:rebuild",
            "Makes the projection anew from the chain and compares it row for row. Exit code 1: it differed.",
        ),
        "demo": Entry(
            "demo:demo",
            "Runs the whole story on real medical data; a second start goes on with what is there.",
        ),
        "chaos": Entry("chaos:chaos", "", hidden=True),
        "audit": Entry(
            "audit:app",
            "Decides every access again from the chain alone: run, sql; and what people read of it: report, "
            "disclosures, institution, incident, fhir.",
        ),
        "verify": Entry(
            "verify:verify",
            "Verifies evidence bundles, those in papers, or completeness statements; needs no network.",
        ),
        "evidence": Entry("evidence:app", "Evidence on paper: paper (PDF of a bundle), extract (the bundle in a PDF)."),
        "statement": Entry("statement:app", "Statements that no access is missing: subject, institution."),
        "history": Entry(
            "history:history",
            "Shows who asked for a patient's records; a gap in the numbers, or with --node a missing end, is refused.",
        ),
        "witness": Entry("witness:app", "Witnesses of the ledger log: key, run, checkpoint."),
        "trust-root": Entry("trust_root:app", "Whom to believe: new, log-root, next, sign, key."),
        "national": Entry(
            "national:app",
            "The national ledger: deploy, admit, witnesses, resolve, close (officers), cosign (witness), anchor, "
            "conflict, show, prove, trust.",
        ),
        "chain": Entry("chain:app", "The embedded chain: up, down, status, reset, backup, restore."),
        "authority": Entry(
            "authority:app",
            "Authorities and their officers. Most acts take two officers: the first call waits, the same call by "
            "another officer does it.",
        ),
        "institution": Entry(
            "institution:app",
            "Institutions and relays. Most acts take two officers: the first call waits, the same call by another "
            "officer does it.",
        ),
        "key": Entry("keys:app", "Keys of people and institutions: new, show, council, practitioner."),
        "subject": Entry("subject:app", "Subjects: sign, list, emergencies (patient), enrol, minor-until (hospital)."),
        "record": Entry(
            "record:app",
            "Records: add, restrict, erase, attest, mark, recognise (hospital), list (patient or hospital).",
        ),
        "study": Entry("study:app", "Imaging studies: register (hospital), compare (hospital)."),
        "consent": Entry(
            "consent:app", "Consents of a patient: prepare, grant, revoke, undo, asks, answer, deny, list."
        ),
        "act": Entry("acts:app", "Signed acts of the life cycles: sign, send, list, and one command an act."),
        "person": Entry(
            "person:app",
            "Persons: identify, end, resolve (codes, at the custodian), link, unlink, links (subjects of one person).",
        ),
        "access": Entry("access:app", "Accesses of an institution: request, request-many, review, list, prove."),
    }


app = typer.Typer(
    cls=_Commands,
    help="Record-access consent on a permissioned ledger. Exit codes: 0 ok, 1 failed check, 2 usage, "
    "3 configuration, 4 network or chain, 5 verification failed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def root() -> None:
    """Takes no option of its own."""


def exit_code(error: errors.ConsentryError) -> int:
    """Gives the exit code of an error: that of its nearest class in the table.

    What a contract refused is a failed check, whatever was wrong with it: everybody has seen it by then.
    """
    usual = next((_EXIT[kind] for kind in type(error).__mro__ if kind in _EXIT), EXIT_FAILED_CHECK)
    return EXIT_FAILED_CHECK if usual == EXIT_USAGE and error.details.get("solidity") else usual


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
