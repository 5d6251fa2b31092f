"""``consentry history``: every look at a patient's records, and every refused one."""

from __future__ import annotations

from typing import Annotated

import typer

from consentry.cli import values
from consentry.cli.keys import load_signing_key
from consentry.cli.options import PatientKey, Reach, reaching
from consentry.cli.output import AsJson, listing
from consentry.core.codes import Action, LegalBasis, Purpose
from consentry.core.terms import SubjectId
from consentry.evidence.notation import Json
from consentry.evidence.notice import moment_text


@reaching
def history(
    *,
    subject: Annotated[str, typer.Argument(help="subject id, 32 bytes in hexadecimal")],
    key: PatientKey,
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Shows who asked for a patient's records; a gap in the numbers, or with --node a missing end, is refused."""
    wanted = SubjectId(values.hexadecimal("subject", subject, values.ID_SIZE))
    found = reach.as_patient(load_signing_key(key, reach.origin), lambda patient: patient.history(wanted))
    columns = ("no", "decided", "outcome", "basis", "purpose", "action", "institution", "record")
    listing(found, columns, [_row(line) for line in found], as_json=as_json)


def outcome(line: Json) -> str:
    """Tells in one word how an access was decided."""
    return "PERMITTED" if line["permitted"] else str(line["reason"])


def _row(line: Json) -> tuple[object, ...]:
    asked = line["request"]
    return (
        *(line["subjectSequence"], moment_text(line["decidedAt"]), outcome(line)),
        *(values.name_of(LegalBasis, asked["legalBasis"]), values.name_of(Purpose, asked["purpose"])),
        values.name_of(Action, asked["action"]),
        *(asked["institution"], asked["recordId"]),
    )
