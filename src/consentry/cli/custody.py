"""Commands of ``consentry record`` for the end of a record, and for recognising results of others."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from consentry.cli import values
from consentry.cli.keys import load_signing_key
from consentry.cli.options import HospitalKey, InstitutionAddress, Reach, reaching
from consentry.cli.output import AsJson, answer, receipt_of
from consentry.client import custody
from consentry.client.hospital import Hospital
from consentry.core.act_table import name_of
from consentry.core.codes import ErasureReason, MarkScope, RefusalReason, RestrictionReason
from consentry.core.erasures import DeletionAttestation, Erasure, Restriction
from consentry.core.recognitions import Recognition, ResultMark
from consentry.core.signed_act import SignedAct
from consentry.core.terms import RecordId, SubjectId
from consentry.errors import InvalidInputError
from consentry.evidence.notation import Json, bytes_of, hex_of, write

RecordText = Annotated[str, typer.Argument(help="record id")]
MOST_OFFICERS = 2


def _record(text: str) -> RecordId:
    return RecordId(values.hexadecimal("record", text, values.ID_SIZE))


def _done(act: SignedAct, receipt: Json, **more: object) -> Json:
    return {"act": name_of(type(act)), "actHash": receipt["actHash"], **more, **receipt_of(receipt["anchor"])}


@reaching
def restrict(
    *,
    record: RecordText,
    key: HospitalKey,
    reason: Annotated[str, typer.Option(help=f"one of {', '.join(values.names(RestrictionReason))}")],
    lift: Annotated[bool, typer.Option("--lift", help="opens the record to decisions again")] = False,
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Restricts a record to storage: kept, but opened to nobody; or lifts that."""
    wanted, why = _record(record), values.code("reason", RestrictionReason, reason)
    own = reach.institution(load_signing_key(key, reach.origin), institution)

    async def run(hospital: Hospital) -> Json:
        leaf, _ = await custody.leaf_of(hospital.transport, wanted)
        act = Restriction(wanted, own.address, leaf.subject_id, not lift, why, *custody.fresh())
        return _done(act, await custody.perform(hospital, act), status="CURRENT" if lift else "RESTRICTED")

    answer(reach.as_hospital(own, run), as_json=as_json)


@reaching
def erase(
    *,
    record: RecordText,
    key: HospitalKey,
    reason: Annotated[str, typer.Option(help=f"one of {', '.join(values.names(ErasureReason))}")],
    officer: Annotated[
        list[Path] | None, typer.Option(help="key file of an officer; two, or one with --second")
    ] = None,
    second: Annotated[str, typer.Option(help="ERC-7913 signer of the second officer, who signs later")] = "",
    out: Annotated[Path | None, typer.Option(help="file for an erasure that the second officer has to sign")] = None,
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Erases a record for ever: the chain first, then its keys, then its object. Two officers sign."""
    wanted, why = _record(record), values.code("reason", ErasureReason, reason)
    own = reach.institution(load_signing_key(key, reach.origin), institution)
    keys = [load_signing_key(file, reach.origin) for file in officer or []]
    signers = [loaded.signer for loaded in keys] + ([values.hexadecimal("second", second)] if second else [])
    if len(signers) != MOST_OFFICERS or not keys or bool(second) != (out is not None):
        raise InvalidInputError("officers do not match (expected two --officer, or one with --second and --out)")
    if out is not None:
        values.check_target(out)

    async def run(hospital: Hospital) -> Json:
        known = await custody.erasure_of(hospital.transport, wanted)
        subject, report = SubjectId(bytes_of(known["subjectId"], 32)), bytes_of(known["reportDigest"], 32)
        act = Erasure(wanted, own.address, subject, why, report, signers[0], signers[1], *custody.fresh())
        signatures = await custody.sign_erasure(hospital, act, keys)
        if out is not None:
            content = {"kind": name_of(Erasure), "act": write(act), "signatures": [hex_of(s) for s in signatures]}
            values.write_document(out, content)
            return {"file": str(out), "toSign": "second officer", "report": known["report"]}
        done = await custody.send_erasure(hospital.transport, act, signatures)
        progress = {"keysDestroyed": done["keysDestroyed"], "deletedAt": done["deletedAt"]}
        return _done(act, done, report=known["report"], **progress)

    answer(reach.as_hospital(own, run), as_json=as_json)


@reaching
def attest(
    *,
    record: RecordText,
    key: HospitalKey,
    objects: Annotated[int, typer.Option(min=1, max=255, help="how many were deleted, copies included")] = 1,
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Attests on chain that the object of an erased record was deleted. Exit code 1: it was not yet."""
    wanted = _record(record)
    own = reach.institution(load_signing_key(key, reach.origin), institution)

    async def run(hospital: Hospital) -> Json:
        known = await custody.erasure_of(hospital.transport, wanted)
        shown = {"status": known["status"], "keysDestroyed": known["keysDestroyed"], "deletedAt": known["deletedAt"]}
        if not known["keysDestroyed"] or not known["deletedAt"]:
            return shown
        subject = SubjectId(bytes_of(known["subjectId"], 32))
        deleted = known["deletedAt"]
        act = DeletionAttestation(wanted, own.address, subject, deleted, objects, *custody.fresh())
        return {**shown, **_done(act, await custody.perform(hospital, act))}

    shown = reach.as_hospital(own, run)
    answer(shown, as_json=as_json)
    if "actHash" not in shown:
        raise typer.Exit(1)


@reaching
def mark(
    *,
    record: RecordText,
    key: HospitalKey,
    item: Annotated[int, typer.Option(min=1, max=2**32 - 1, help="code of what was examined")],
    scope: Annotated[str, typer.Option(help=f"one of {', '.join(values.names(MarkScope))}")],
    region: Annotated[int, typer.Option(min=0, max=999_999, help="province or city; 0 for the country")] = 0,
    issued: Annotated[str, typer.Option(help="day the result was issued, YYYY-MM-DD; now if not given")] = "",
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Marks a result of one's own as fit to be recognised in the country, a province or a city."""
    wanted, how_far = _record(record), values.code("scope", MarkScope, scope)
    issued_at = values.day("issued", issued) if issued else int(time.time())
    own = reach.institution(load_signing_key(key, reach.origin), institution)

    async def run(hospital: Hospital) -> Json:
        leaf, _ = await custody.leaf_of(hospital.transport, wanted)
        about = (wanted, own.address, leaf.subject_id)
        act = ResultMark(*about, item, how_far, region, issued_at, *custody.fresh())
        return _done(act, await custody.perform(hospital, act))

    answer(reach.as_hospital(own, run), as_json=as_json)


@reaching
def recognise(
    *,
    record: RecordText,
    key: HospitalKey,
    practitioner: Annotated[str, typer.Option(help="keyed hash of who decides, 32 bytes")],
    reason: Annotated[
        str, typer.Option(help=f"why it is not accepted: one of {', '.join(values.names(RefusalReason))}")
    ] = "",
    explained: Annotated[bool, typer.Option("--explained", help="the patient was told why not")] = False,
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Says of a marked result that it was accepted, or with --reason and --explained that it was not."""
    wanted = _record(record)
    why = values.code("reason", RefusalReason, reason) if reason else 0
    who = values.hexadecimal("practitioner", practitioner, values.ID_SIZE)
    own = reach.institution(load_signing_key(key, reach.origin), institution)

    async def run(hospital: Hospital) -> Json:
        marked = await custody.act_about(hospital.transport, wanted, "mark", ResultMark)
        accepted, subject = not reason, marked.subject_id
        act = Recognition(wanted, own.address, subject, who, accepted, int(why), explained, *custody.fresh())
        return _done(act, await custody.perform(hospital, act), accepted=accepted)

    answer(reach.as_hospital(own, run), as_json=as_json)
