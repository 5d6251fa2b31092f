"""``consentry study``: imaging studies registered, and images compared with them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from consentry.cli import values
from consentry.cli.keys import load_signing_key
from consentry.cli.options import HospitalKey, InstitutionAddress, Reach, SubjectText, reaching
from consentry.cli.output import AsJson, answer, listing, receipt_of
from consentry.client import custody
from consentry.client.hospital import Hospital, NewRecord
from consentry.client.studies import MEDIA_TYPE, Compared, Study, Verdict, compare, make_study, path_in, read_study
from consentry.core.codes import HIGHEST_SENSITIVITY, Category, Retention
from consentry.core.recognitions import StudyRegistration
from consentry.core.terms import RecordId, SubjectId
from consentry.errors import VerificationError
from consentry.evidence.notation import Json, hex_of

app = typer.Typer(help="Imaging studies: register (hospital), compare (hospital).", no_args_is_help=True)
Files = Annotated[list[Path], typer.Argument(help="DICOM files")]


@app.command("register")
@reaching
def register_(
    *,
    files: Files,
    key: HospitalKey,
    subject: SubjectText,
    sensitivity: Annotated[int, typer.Option(min=1, max=HIGHEST_SENSITIVITY, help="1 to 5")],
    month: Annotated[str, typer.Option(help="month of the study, YYYY-MM")],
    retention: Annotated[str, typer.Option(help="OUTPATIENT or INPATIENT")] = "OUTPATIENT",
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Anchors the manifest of a study as a record, and registers its images by keyed digests."""
    described = NewRecord(
        SubjectId(values.hexadecimal("subject", subject, values.ID_SIZE)),
        Category.IMAGING,
        sensitivity,
        values.month("month", month),
        values.code("retention", Retention, retention),
    )
    study = make_study(files)
    own = reach.institution(load_signing_key(key, reach.origin), institution)

    async def run(hospital: Hospital) -> Json:
        with tempfile.NamedTemporaryFile(suffix=".json") as draft:
            draft.write(study.to_bytes())
            draft.flush()
            record, _ = await hospital.add_record(Path(draft.name), MEDIA_TYPE, described)
        about = (record, own.address, described.subject_id)
        act = StudyRegistration(*about, study.hash, study.root, len(study.images), *custody.fresh())
        done = await custody.perform(hospital, act)
        return {"recordId": hex_of(record), "instances": len(study.images), **receipt_of(done["anchor"])}

    answer(reach.as_hospital(own, run), as_json=as_json)


@app.command("compare")
@reaching
def compare_(
    *,
    files: Files,
    key: HospitalKey,
    study: Annotated[str, typer.Option(help="record id of the study")],
    held: Annotated[
        Path, typer.Option("--study-file", help="the study's manifest, as `access request --out` wrote it")
    ],
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Compares images that came on any way with a registered study. Exit code 1: one is not of it, or was changed."""
    wanted = RecordId(values.hexadecimal("study", study, values.ID_SIZE))
    known = read_study(values.content_of(held))
    found = compare(known, files)
    own = reach.institution(load_signing_key(key, reach.origin), institution)

    async def run(hospital: Hospital) -> None:
        registered = await custody.act_about(hospital.transport, wanted, "study", StudyRegistration)
        known.check_registered(registered)
        await _confirm(hospital, wanted, known, found)

    reach.as_hospital(own, run)
    rows = [(str(each.path), each.verdict, "" if each.place is None else each.place + 1) for each in found]
    items = [{"file": str(each.path), "verdict": each.verdict, "place": each.place} for each in found]
    listing(items, ("file", "verdict", "image"), rows, as_json=as_json)
    if any(each.verdict in (Verdict.DIFFERS, Verdict.UNKNOWN) for each in found):
        raise typer.Exit(1)


async def _confirm(hospital: Hospital, record: RecordId, known: Study, found: list[Compared]) -> None:
    """Asks the contract on the own node, if there is one, about each image that matches."""
    if hospital.chain is None:
        return
    for each in found:
        if each.place is None:
            continue
        digest, path = path_in(known, each.place)
        if not await hospital.chain.is_instance(record, digest, each.place, path):
            raise VerificationError("the own node knows no such image in the study")
