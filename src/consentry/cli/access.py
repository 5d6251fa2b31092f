"""``consentry access``: a hospital asks for a record, opens it, lists and proves what it asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from consentry.cli import bulk, prove, values
from consentry.cli.debts import REASON_FILE, ReasonKey, review
from consentry.cli.grounds import ground_of
from consentry.cli.history import outcome
from consentry.cli.keys import load_signing_key
from consentry.cli.options import HospitalKey, InstitutionAddress, Reach, reaching
from consentry.cli.output import AsJson, answer, listing
from consentry.client.hospital import Hospital
from consentry.core import merkle
from consentry.core.codes import Action, EmergencyReason, Purpose
from consentry.core.terms import AccessRequest, RecordId
from consentry.errors import AccessDeniedError, ConfigurationError, InvalidInputError
from consentry.evidence.notation import Json, read, write
from consentry.evidence.notice import moment_text
from consentry.ledger.keyfiles import load_key

app = typer.Typer(help="Accesses of an institution: request, request-many, review, list, prove.", no_args_is_help=True)
app.command("prove")(prove.prove)
app.command("request-many")(bulk.request_many)
app.command("review")(review)


@app.command()
@reaching
def request(
    *,
    record: Annotated[str, typer.Argument(help="record id")],
    practitioner: Annotated[str, typer.Option(help="keyed hash of who asks inside the institution, 32 bytes")],
    key: HospitalKey,
    release_key: Annotated[Path, typer.Option(help="file of the institution's release key, mode 0600")],
    consent: Annotated[str, typer.Option(help="consent id")] = "",
    emergency: Annotated[bool, typer.Option("--emergency", help="a life is at stake; opens a debt")] = False,
    authorisation: Annotated[str, typer.Option(help="id of a standing authorisation of an authority")] = "",
    basis: Annotated[str, typer.Option(help="of the authorisation: PUBLIC_HEALTH or STATUTORY_DUTY")] = "PUBLIC_HEALTH",
    reason_code: Annotated[str, typer.Option(help=f"one of {', '.join(values.names(EmergencyReason))}")] = "",
    reason_file: Annotated[Path | None, typer.Option(help=REASON_FILE)] = None,
    reason_key: ReasonKey = None,
    purpose: Annotated[
        str, typer.Option(help=f"one of {', '.join(values.names(Purpose))}; the usual one if not given")
    ] = "",
    action: Annotated[str, typer.Option(help="VIEW or STORE")] = "VIEW",
    scope: Annotated[
        list[str] | None, typer.Option(help="every record of the consent's named set, if it has one; repeatable")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="new file for the opened record, mode 0600")] = None,
    opening: Annotated[
        Path | None,
        typer.Option(help="new file, mode 0600, that later shows that the opened file is this record; secret like it"),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="keeps the request in a file, so that the same command asks only once")
    ] = None,
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Asks the custodian's gateway for a record. Exit code 1: denied; the reason and the receipt are shown."""
    wanted = RecordId(values.hexadecimal("record", record, values.ID_SIZE))
    why = reason_code, reason_file, reason_key
    ground = ground_of(consent, authorisation, basis, purpose, emergency=emergency, reason=why)
    asking, what = (
        values.hexadecimal("practitioner", practitioner, values.ID_SIZE),
        values.code("action", Action, action),
    )
    proof = _proof(wanted, scope or [])
    own = reach.institution(load_signing_key(key, reach.origin), institution, load_key(release_key))
    if opening is not None and out is None:
        raise InvalidInputError("opening does not match (got one without --out, expected the opened file as well)")
    for target in (out, opening):
        if target is not None:
            values.check_target(target, fresh=True)

    async def act(hospital: Hospital) -> Json:
        made = _kept(ground.request(hospital, wanted, asking, what), keep)
        return await _asked(hospital, made, proof, out, opening)

    _tell(reach.as_hospital(own, act), as_json=as_json)


def _tell(shown: Json, *, as_json: bool) -> None:
    """Answers, and ends with 1 where nothing was permitted."""
    answer(shown, as_json=as_json)
    if not shown["permitted"]:
        raise typer.Exit(1)


async def _asked(
    hospital: Hospital, made: AccessRequest, proof: tuple[bytes, ...], out: Path | None, opening: Path | None
) -> Json:
    shown: Json = {"permitted": False, "requestId": str(made.request_id)}
    try:
        permitted = await hospital.access(made, proof)
    except AccessDeniedError as denial:
        return {**shown, "reason": denial.details.get("reason"), "receipt": denial.details.get("receipt")}
    shown |= {"permitted": True, "reason": "NONE", "receipt": permitted.receipt}
    if out is not None:
        try:
            opened_by = await hospital.download(permitted, out)
            if opening is not None:
                values.write(opening, opened_by.to_json())
        except OSError as error:
            raise ConfigurationError(
                f"file {out} cannot be written ({error.strerror}); request {made.request_id} was permitted"
            ) from None
        shown |= {"file": str(out), "bytes": permitted.plaintext_size}
    return shown


def _proof(record: RecordId, scope: Sequence[str]) -> tuple[bytes, ...]:
    """Proves that a record belongs to the named set of a consent; a consent over categories needs no proof."""
    ids = [values.hexadecimal("record of the scope", text, values.ID_SIZE) for text in scope]
    if ids and record not in ids:
        raise InvalidInputError("scope does not match (the record that is asked for is not among its records)")
    return merkle.proof_of(ids, record) if ids else ()


def _kept(made: AccessRequest, keep: Path | None) -> AccessRequest:
    """Gives the request of an earlier run, or keeps this one: a request that is sent twice is decided once.

    Raises:
        InvalidInputError: the kept request asks for something else.
    """
    if keep is None:
        return made
    if not keep.exists():
        values.check_target(keep)
        values.write_document(keep, write(made))
        return made
    earlier = read(AccessRequest, values.read_document(keep))
    drawn = {name: getattr(made, name) for name in ("request_id", "issued_at", "expires_at")}
    if replace(earlier, **drawn) != made:
        raise InvalidInputError(f"request in {keep} does not match what is asked for now")
    return earlier


@app.command("list")
@reaching
def list_(
    *,
    key: HospitalKey,
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Lists what the institution asked for at any gateway; a gap, or with --node a missing end, is refused."""
    own = reach.institution(load_signing_key(key, reach.origin), institution)
    found = reach.as_hospital(own, lambda hospital: hospital.accesses())
    columns = ("no", "decided", "outcome", "record", "request")
    listing(found, columns, [_row(line) for line in found], as_json=as_json)


def _row(line: Json) -> tuple[object, ...]:
    asked = line["request"]
    decided = moment_text(line["decidedAt"])
    return line["institutionSequence"], decided, outcome(line), asked["recordId"], asked["requestId"]
