"""What emergency accesses owe: ``institution debts``, ``access review``, and ``emergencies`` for the patient."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Final

import typer

from consentry.cli import values
from consentry.cli.keys import load_signing_key
from consentry.cli.options import HospitalKey, InstitutionAddress, PatientKey, Reach, reaching
from consentry.cli.output import AsJson, answer, listing, receipt_of
from consentry.client.custody import perform
from consentry.client.hospital import Hospital
from consentry.core.codes import DAY, ReviewerRole, ReviewOutcome
from consentry.core.emergencies import EmergencyReview
from consentry.core.terms import ZERO_ADDRESS, Address, SubjectId
from consentry.crypto.pseudonyms import reason_of
from consentry.errors import InvalidInputError, NotFoundError
from consentry.evidence.notation import Json, bytes_of, hex_of
from consentry.evidence.notice import moment_text
from consentry.ledger.keyfiles import load_key, read_private

REASON_FILE: Final = (
    "file of mode 0600 with the reason in words, or - for standard input; only its keyed hash leaves this machine"
)
"""No option takes the words themselves: everybody on the machine sees arguments, and a shell keeps them."""
COLUMNS = ("debt", "opened", "due", "notice", "review", "overdue")
ReasonKey = Annotated[
    Path | None, typer.Option(help="file of the key that hashes reasons, mode 0600; reasons and key stay here")
]


@reaching
def debts(
    *,
    key: HospitalKey,
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Lists emergency accesses that still lack notice or review, the earliest first."""
    own = reach.institution(load_signing_key(key, reach.origin), institution)
    found = reach.as_hospital(own, lambda hospital: hospital.debts())
    listing(found, COLUMNS, [_row(item) for item in found], as_json=as_json)


@reaching
def emergencies(
    *,
    subject: Annotated[str, typer.Argument(help="subject id, 32 bytes in hexadecimal")],
    key: PatientKey,
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Lists every emergency access to a patient's records, and whether notice and review are there."""
    wanted = SubjectId(values.hexadecimal("subject", subject, values.ID_SIZE))
    found = reach.as_patient(load_signing_key(key, reach.origin), lambda patient: patient.emergencies(wanted))
    listing(found, COLUMNS, [_row(item) for item in found], as_json=as_json)


@reaching
def review(
    *,
    debt: Annotated[str, typer.Argument(help="debt id, as 'institution debts' lists it")],
    reviewer: Annotated[str, typer.Option(help="keyed hash of who reviews, 32 bytes; not of who looked")],
    outcome: Annotated[str, typer.Option(help=f"one of {', '.join(values.names(ReviewOutcome))}")],
    reason_file: Annotated[Path, typer.Option(help=REASON_FILE)],
    key: HospitalKey,
    reason_key: ReasonKey = None,
    role: Annotated[str, typer.Option(help="PRIVACY_OFFICER or MEDICAL_DIRECTOR")] = "PRIVACY_OFFICER",
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Signs and sends the review of an emergency access of one's own institution by a second person."""
    wanted = values.hexadecimal("debt", debt, values.ID_SIZE)
    person = values.hexadecimal("reviewer", reviewer, values.ID_SIZE)
    said = values.code("role", ReviewerRole, role), values.code("outcome", ReviewOutcome, outcome)
    hashed = hashed_reason(reason_file, reason_key)
    own = reach.institution(load_signing_key(key, reach.origin), institution)

    async def act(hospital: Hospital) -> Json:
        owed = next((item for item in await hospital.debts() if bytes_of(item["debtId"]) == wanted), None)
        if owed is None:
            raise NotFoundError("debt is not open")
        subject, looked = SubjectId(bytes_of(owed["subjectId"])), Address(bytes_of(owed["institution"]))
        made = EmergencyReview(wanted, subject, looked, ZERO_ADDRESS, person, *said, hashed, int(time.time()) + DAY)
        return await perform(hospital, made)

    done = reach.as_hospital(own, act)
    shown = {"debtId": hex_of(wanted), "outcome": said[1].name, "actHash": done["actHash"]}
    answer({**shown, **receipt_of(done["anchor"])}, as_json=as_json)


def hashed_reason(file: Path | None, key: Path | None) -> bytes:
    """Hashes the reason in a file, without space at its ends, with the key of another; zero for no file.

    Raises:
        InvalidInputError: the key is missing, or there are no words.
        ConfigurationError: a file is missing, or others may read it.
    """
    if file is None:
        return bytes(values.ID_SIZE)
    if key is None:
        raise InvalidInputError("--reason-key is missing: without a key the text behind a hash could be guessed")
    secret = load_key(key)
    return reason_of(secret, _typed_in() if str(file) == "-" else read_private(file, "reason file"))


def _typed_in() -> str:
    try:
        return typer.get_binary_stream("stdin").read().decode().strip()
    except UnicodeDecodeError:
        raise InvalidInputError("reason on standard input is no text in UTF-8") from None


def _row(item: Json) -> tuple[object, ...]:
    review = "yes" if item["reviewed"] else "referred" if item["referred"] else ""
    late = "yes" if item["overdue"] else ""
    opened, due = moment_text(item["openedAt"]), moment_text(item["dueAt"])
    return item["debtId"], opened, due, "yes" if item["noticed"] else "", review, late
