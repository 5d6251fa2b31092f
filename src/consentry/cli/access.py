"""``consentry access``: a hospital asks for a record, opens it, lists and proves what it asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from consentry.cli import bulk, evidence, values
from consentry.cli.history import outcome
from consentry.cli.keys import load_signing_key
from consentry.cli.options import (
    GatewayUrl,
    HospitalKey,
    InstitutionAddress,
    ManifestFile,
    NodeUrl,
    Reach,
    SettingsFile,
)
from consentry.cli.output import AsJson, answer, listing
from consentry.client.hospital import Hospital
from consentry.core import merkle
from consentry.core.codes import Action, Purpose
from consentry.core.terms import AccessRequest, ConsentId, RecordId
from consentry.errors import AccessDeniedError, ConfigurationError, InvalidInputError
from consentry.evidence.notation import Json, read, write
from consentry.evidence.notice import moment_text
from consentry.ledger.keyfiles import load_key

app = typer.Typer(help="Accesses of an institution: request, request-many, list, prove.", no_args_is_help=True)
app.command("prove")(evidence.prove)
app.command("request-many")(bulk.request_many)


@app.command()
def request(
    *,
    record: Annotated[str, typer.Argument(help="record id")],
    consent: Annotated[str, typer.Option(help="consent id")],
    practitioner: Annotated[str, typer.Option(help="keyed hash of who asks inside the institution, 32 bytes")],
    key: HospitalKey,
    release_key: Annotated[Path, typer.Option(help="file of the institution's release key, mode 0600")],
    purpose: Annotated[str, typer.Option(help=f"one of {', '.join(values.names(Purpose))}")] = "TREAT",
    action: Annotated[str, typer.Option(help="VIEW or STORE")] = "VIEW",
    scope: Annotated[
        list[str] | None, typer.Option(help="every record of the consent's named set, if it has one; repeatable")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="new file for the opened record, mode 0600")] = None,
    keep: Annotated[
        Path | None, typer.Option(help="keeps the request in a file, so that the same command asks only once")
    ] = None,
    institution: InstitutionAddress = "",
    gateway: GatewayUrl = "",
    node: NodeUrl = "",
    manifest: ManifestFile = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Asks the custodian's gateway for a record. Exit code 1: denied; the reason and the receipt are shown."""
    wanted = RecordId(values.hexadecimal("record", record, values.ID_SIZE))
    under = ConsentId(values.hexadecimal("consent", consent, values.ID_SIZE))
    asking = values.hexadecimal("practitioner", practitioner, values.ID_SIZE)
    why, what = values.code("purpose", Purpose, purpose), values.code("action", Action, action)
    proof = _proof(wanted, scope or [])
    reach = Reach.of(gateway, node, manifest, settings)
    own = reach.institution(load_signing_key(key, reach.origin), institution, load_key(release_key))
    if out is not None:
        values.check_target(out, fresh=True)

    async def act(hospital: Hospital) -> Json:
        made = _kept(hospital.new_request(wanted, under, practitioner=asking, purpose=why, action=what), keep)
        return await _asked(hospital, made, proof, out)

    shown = reach.as_hospital(own, act)
    answer(shown, as_json=as_json)
    if not shown["permitted"]:
        raise typer.Exit(1)


async def _asked(hospital: Hospital, made: AccessRequest, proof: tuple[bytes, ...], out: Path | None) -> Json:
    shown: Json = {"permitted": False, "requestId": str(made.request_id)}
    try:
        permitted = await hospital.access(made, proof)
    except AccessDeniedError as denial:
        return {**shown, "reason": denial.details.get("reason"), "receipt": denial.details.get("receipt")}
    shown |= {"permitted": True, "reason": "NONE", "receipt": permitted.receipt}
    if out is not None:
        try:
            await hospital.download(permitted, out)
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
def list_(
    key: HospitalKey,
    institution: InstitutionAddress = "",
    gateway: GatewayUrl = "",
    node: NodeUrl = "",
    manifest: ManifestFile = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Lists what the institution asked for at any gateway; a gap, or with --node a missing end, is refused."""
    reach = Reach.of(gateway, node, manifest, settings)
    own = reach.institution(load_signing_key(key, reach.origin), institution)
    found = reach.as_hospital(own, lambda hospital: hospital.accesses())
    columns = ("no", "decided", "outcome", "record", "request")
    listing(found, columns, [_row(line) for line in found], as_json=as_json)


def _row(line: Json) -> tuple[object, ...]:
    asked = line["request"]
    decided = moment_text(line["decidedAt"])
    return line["institutionSequence"], decided, outcome(line), asked["recordId"], asked["requestId"]
