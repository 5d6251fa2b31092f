"""``consentry subject``: a patient's pseudonym at a hospital, introduced by the signatures of both."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Final

import typer

from consentry.cli import values
from consentry.cli.debts import emergencies
from consentry.cli.keys import load_signing_key
from consentry.cli.options import HospitalKey, InstitutionAddress, PatientKey, Reach, reaching
from consentry.cli.output import AsJson, answer, listing, receipt_of
from consentry.client.patient import ENROLMENT_SECONDS
from consentry.core.calendar import end_of_minority
from consentry.core.terms import Enrolment, SubjectId
from consentry.errors import InvalidInputError
from consentry.evidence.notation import bytes_of, hex_of, read, write
from consentry.evidence.notice import moment_text

app = typer.Typer(
    help="Subjects: sign, list, emergencies (patient), enrol, minor-until (hospital).", no_args_is_help=True
)
app.command("emergencies")(emergencies)
_MOST_AGE: Final = 18
NewSubject = Annotated[str, typer.Option("--subject", help="subject id to enrol; drawn at random if not given")]


@app.command()
@reaching
def sign(
    *,
    key: PatientKey,
    out: Annotated[Path, typer.Option(help="where the patient's half goes")] = Path("enrolment.json"),
    subject: NewSubject = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Signs the patient's half of an enrolment into a file, for the hospital to submit within ten minutes."""
    wanted = _subject(subject)
    values.check_target(out)
    enrolment, signature = _signed_by_patient(reach, key, wanted)
    values.write_document(out, {"enrolment": write(enrolment), "subjectSignature": hex_of(signature)})
    shown = {"file": str(out), "subjectId": hex_of(wanted), "custodian": hex_of(enrolment.custodian)}
    answer({**shown, "secondsToSubmit": ENROLMENT_SECONDS}, as_json=as_json)


@app.command()
@reaching
def enrol(
    *,
    key: HospitalKey,
    signed: Annotated[Path | None, typer.Option(help="the patient's half, from 'subject sign'")] = None,
    patient_key: Annotated[
        Path | None, typer.Option(help="key file of the patient, where both are at one desk")
    ] = None,
    subject: NewSubject = "",
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Adds the hospital's signature to an enrolment and submits it."""
    own = reach.institution(load_signing_key(key, reach.origin), institution)
    if (signed is None) == (patient_key is None) or (signed is not None and subject):
        raise InvalidInputError("enrolment does not match (expected either --signed, or --patient-key)")
    if signed is not None:
        enrolment, signature = _from_file(signed)
    else:
        enrolment, signature = _signed_by_patient(reach, patient_key or Path(), _subject(subject))
    if enrolment.custodian != own.address:
        raise InvalidInputError(
            f"custodian of the enrolment does not match (got {hex_of(enrolment.custodian)}, "
            f"expected {hex_of(own.address)})"
        )
    done = reach.as_hospital(own, lambda hospital: hospital.enrol(enrolment, signature))
    shown = {"subjectId": hex_of(enrolment.subject_id), "signer": hex_of(enrolment.signer)}
    answer({**shown, "custodian": hex_of(enrolment.custodian), **receipt_of(done["anchor"])}, as_json=as_json)


@app.command("minor-until")
def minor_until(
    born: Annotated[str, typer.Option(help="day of birth, YYYY-MM-DD; it leaves this machine in no form")],
    age: Annotated[int, typer.Option(min=1, max=_MOST_AGE, help="years at which the minority ends")] = 14,
    as_json: AsJson = False,
) -> None:
    """Shows the first day of the quarter in which a minority ends, as 'act circumstances' takes it."""
    values.day("day of birth", born)
    year, month, day = (int(part) for part in born.split("-"))
    end = end_of_minority(year, month, day, age)
    answer({"minorUntil": end, "day": moment_text(end)[: len(born)]}, as_json=as_json)


@app.command("list")
@reaching
def list_(
    *,
    key: PatientKey,
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Lists the subjects a key signs for, and those it is a guardian of."""
    found = reach.as_patient(load_signing_key(key, reach.origin), lambda patient: patient.subjects())
    rows = [(item["subjectId"], item["custodian"], item["actingAs"]) for item in found]
    listing(found, ("subject", "custodian", "acting as"), rows, as_json=as_json)


def _subject(text: str) -> SubjectId:
    return SubjectId(
        values.hexadecimal("subject", text, values.ID_SIZE) if text else secrets.token_bytes(values.ID_SIZE)
    )


def _signed_by_patient(reach: Reach, key: Path, subject: SubjectId) -> tuple[Enrolment, bytes]:
    signing = load_signing_key(key, reach.origin)
    return reach.as_patient(signing, lambda patient: patient.sign_enrolment(subject), signed_in=False)


def _from_file(path: Path) -> tuple[Enrolment, bytes]:
    content = values.read_document(path)
    return read(Enrolment, content.get("enrolment")), bytes_of(content.get("subjectSignature"))
