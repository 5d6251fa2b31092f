"""``consentry record``: taken in by a hospital, listed by whoever may know of them."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Annotated, Final

import typer

from consentry.cli import custody, values
from consentry.cli.keys import load_signing_key
from consentry.cli.options import HospitalKey, InstitutionAddress, Reach, SubjectText, reaching
from consentry.cli.output import AsJson, answer, listing, receipt_of
from consentry.client.hospital import Hospital, NewRecord
from consentry.core.codes import HIGHEST_SENSITIVITY, Category, Retention
from consentry.core.terms import RecordId, RecordLeaf, SubjectId
from consentry.evidence.notation import Json, hex_of, read
from consentry.evidence.notice import month_text

app = typer.Typer(
    help="Records: add, restrict, erase, attest, mark, recognise (hospital), list (patient or hospital).",
    no_args_is_help=True,
)
for _command in (custody.restrict, custody.erase, custody.attest, custody.mark, custody.recognise):
    app.command()(_command)
_MEDIA_TYPES: Final = {".dcm": "application/dicom", ".json": "application/fhir+json"}
AnyKey = Annotated[Path, typer.Option("--key", help="key file of the patient, or with --hospital of the institution")]


@app.command()
@reaching
def add(
    *,
    file: Annotated[Path, typer.Argument(help="the record, of any size")],
    key: HospitalKey,
    subject: SubjectText,
    category: Annotated[str, typer.Option(help=f"one of {', '.join(values.names(Category))}")],
    sensitivity: Annotated[int, typer.Option(min=1, max=HIGHEST_SENSITIVITY, help="1 to 5")],
    month: Annotated[str, typer.Option(help="month the content is about, YYYY-MM")],
    retention: Annotated[str, typer.Option(help="OUTPATIENT or INPATIENT")] = "OUTPATIENT",
    media_type: Annotated[str, typer.Option(help="by the name of the file if not given")] = "",
    previous: Annotated[str, typer.Option(help="record id of the current version, if this is the next one")] = "",
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Uploads a file to the hospital's own gateway, signs its leaf, and anchors it as a first or the next version."""
    described = NewRecord(
        SubjectId(values.hexadecimal("subject", subject, values.ID_SIZE)),
        values.code("category", Category, category),
        sensitivity,
        values.month("month", month),
        values.code("retention", Retention, retention),
    )
    own = reach.institution(load_signing_key(key, reach.origin), institution)
    with values.readable(file):
        pass
    kind = media_type or _MEDIA_TYPES.get(file.suffix.lower()) or mimetypes.guess_type(file.name)[0]
    before = RecordId(values.hexadecimal("previous record", previous, values.ID_SIZE)) if previous else None

    async def act(hospital: Hospital) -> tuple[RecordId, Json]:
        leaf = await hospital.leaf_of(described.subject_id, before) if before else None
        return await hospital.add_record(file, kind or "application/octet-stream", described, leaf)

    record, done = reach.as_hospital(own, act)
    shown = {"recordId": hex_of(record), "subjectId": hex_of(described.subject_id)}
    answer({**shown, "bytes": file.stat().st_size, **receipt_of(done["anchor"])}, as_json=as_json)


@app.command("list")
@reaching
def list_(
    *,
    key: AnyKey,
    subject: SubjectText,
    hospital: Annotated[
        bool, typer.Option("--hospital", help="the key is an institution's, not the patient's")
    ] = False,
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Lists a subject's records: all to its own side, those in scope to a hospital with a consent."""
    wanted = SubjectId(values.hexadecimal("subject", subject, values.ID_SIZE))
    signing = load_signing_key(key, reach.origin)
    if hospital or institution:
        own = reach.institution(signing, institution)
        found = reach.as_hospital(own, lambda caller: caller.records(wanted))
    else:
        found = reach.as_patient(signing, lambda caller: caller.records(wanted))
    columns = ("record", "category", "level", "month", "status", "version", "corrects", "custodian")
    listing(found, columns, [_row(item) for item in found], as_json=as_json)


def _row(item: Json) -> tuple[object, ...]:
    leaf = read(RecordLeaf, item["leaf"])
    category = values.name_of(Category, leaf.category)
    return (
        *(item["recordId"], category, leaf.sensitivity, month_text(leaf.data_month)),
        *(item["status"], leaf.version, hex_of(leaf.previous) if any(leaf.previous) else "-"),
        hex_of(leaf.custodian),
    )
