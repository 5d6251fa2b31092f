"""``consentry person``: codes of patients at their custodian, and links between the subjects of one person.

A code is asked for without showing it, or read from a private file: an argument of a command can be seen by everybody
on the machine while it runs, and stays in the history of a shell.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from consentry.cli import values
from consentry.cli.keys import load_signing_key
from consentry.cli.options import (
    GatewayUrl,
    HospitalKey,
    InstitutionAddress,
    PatientKey,
    Reach,
    SettingsFile,
    SubjectText,
    reaching,
)
from consentry.cli.output import AsJson, answer, listing, receipt_of
from consentry.client import persons
from consentry.client.acts import sign_act
from consentry.client.hospital import Hospital
from consentry.client.patient import Patient
from consentry.client.persons import Link, Unlink
from consentry.core.identifiers import IdentifierKind
from consentry.core.terms import SubjectId
from consentry.core.typed_data import struct_hash
from consentry.crypto.signing import SigningKey
from consentry.errors import InvalidInputError
from consentry.evidence.notation import Json, hex_of, write
from consentry.evidence.notice import moment_text
from consentry.ledger.keyfiles import read_private

app = typer.Typer(
    help="Persons: identify, end, resolve (codes, at the custodian), link, unlink, links (subjects of one person).",
    no_args_is_help=True,
)
WARNING: Final = "consentry: --code can be seen by others on this machine and stays in the shell's history"
KindText = Annotated[str, typer.Option("--kind", help="one of " + ", ".join(values.names(IdentifierKind)))]
CodeFile = Annotated[Path | None, typer.Option(help="file of mode 0600 with the code; asked for if not given")]
CodeText = Annotated[str, typer.Option("--code", help="the code itself; others can see it")]
Prepared = Annotated[
    Path | None, typer.Option(help="what the custodian prepared; the authority's key signs and sends it")
]
Out = Annotated[Path | None, typer.Option(help="where what the authority has to sign goes")]
AuthorityText = Annotated[str, typer.Option(help="address of the authority that will sign")]


def _code(file: Path | None, text: str) -> str:
    if file is not None and text:
        raise InvalidInputError("code does not match (expected one of --code-file and --code)")
    if text:
        typer.echo(WARNING, err=True)
        return text
    if file is not None:
        return read_private(file, "code file")
    return str(typer.prompt("code", hide_input=True, err=True))


def _entry(reach: Reach, own: tuple[Path, str], act: str, what: tuple[str, str, str]) -> Json:
    """Enters or ends a code."""
    kind, subject, code = what
    known = values.code("kind", IdentifierKind, kind)
    wanted = SubjectId(values.hexadecimal("subject", subject, values.ID_SIZE))
    institution = reach.institution(load_signing_key(own[0], reach.origin), own[1])
    call = persons.identify if act == "identify" else persons.end
    return reach.as_hospital(institution, lambda hospital: call(hospital.transport, known, code, wanted))


@app.command()
def identify(
    *,
    kind: KindText,
    subject: SubjectText,
    key: HospitalKey,
    code_file: CodeFile = None,
    code: CodeText = "",
    institution: InstitutionAddress = "",
    gateway: GatewayUrl = "",
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Has a code stand for a subject of this hospital; its gateway keeps a keyed hash alone."""
    reach, text = Reach.of(gateway, "", None, settings), _code(code_file, code)
    answer(_entry(reach, (key, institution), "identify", (kind, subject, text)), as_json=as_json)


@app.command()
def end(
    *,
    kind: KindText,
    subject: SubjectText,
    key: HospitalKey,
    code_file: CodeFile = None,
    code: CodeText = "",
    institution: InstitutionAddress = "",
    gateway: GatewayUrl = "",
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Ends that a code stands for a subject, because it was wrong or is no longer used."""
    reach, text = Reach.of(gateway, "", None, settings), _code(code_file, code)
    answer(_entry(reach, (key, institution), "end", (kind, subject, text)), as_json=as_json)


@app.command()
def resolve(
    *,
    kind: KindText,
    key: HospitalKey,
    code_file: CodeFile = None,
    code: CodeText = "",
    institution: InstitutionAddress = "",
    gateway: GatewayUrl = "",
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Shows the subjects of the person a code stands for: all to the custodian, to others what consents open."""
    reach, text = Reach.of(gateway, "", None, settings), _code(code_file, code)
    known = values.code("kind", IdentifierKind, kind)
    own = reach.institution(load_signing_key(key, reach.origin), institution)
    found = reach.as_hospital(own, lambda hospital: persons.resolve(hospital.transport, known, text))
    rows = [(one["subjectId"], one["custodian"], "link" if one["linked"] else "code") for one in found]
    listing(found, ("subject", "custodian", "found by"), rows, as_json=as_json)


@app.command()
@reaching
def link(
    *,
    key: PatientKey,
    subject: Annotated[list[str] | None, typer.Option(help="subject id; two at least")] = None,
    authority: AuthorityText = "",
    out: Out = None,
    prepared: Prepared = None,
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Prepares a link with the hospital's key into --out; or signs one with the authority's key, and sends it."""
    signing = load_signing_key(key, reach.origin)
    if prepared is not None:
        made = persons.link_of(values.read_document(prepared))
        _send(reach, signing, made, hex_of(struct_hash(made.act)), as_json=as_json)
        return
    named = [SubjectId(values.hexadecimal("subject", one, values.ID_SIZE)) for one in subject or ()]
    signer, target = values.address("authority", authority), _target(out)

    async def run(hospital: Hospital) -> Link:
        return await persons.prepare_link(hospital.transport, signer, named)

    made = reach.as_hospital(reach.institution(signing, institution), run)
    _write(target, made, {"subjects": [hex_of(one) for one in made.subjects]}, as_json=as_json)


@app.command()
@reaching
def unlink(
    *,
    key: PatientKey,
    link: Annotated[str, typer.Option(help="hash of the link")] = "",
    reason: Annotated[str, typer.Option(help="why; stays in the directory, the chain gets a commitment")] = "",
    authority: AuthorityText = "",
    out: Out = None,
    prepared: Prepared = None,
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Prepares an unlink with the hospital's key into --out; or signs one with the authority's key, and sends it."""
    signing = load_signing_key(key, reach.origin)
    if prepared is not None:
        made = persons.unlink_of(values.read_document(prepared))
        _send(reach, signing, made, hex_of(made.act.link), as_json=as_json)
        return
    undone, signer = values.hexadecimal("link", link, values.ID_SIZE), values.address("authority", authority)
    target = _target(out)

    async def run(hospital: Hospital) -> Unlink:
        return await persons.prepare_unlink(hospital.transport, signer, undone, reason)

    made = reach.as_hospital(reach.institution(signing, institution), run)
    _write(target, made, {"reason": made.reason}, as_json=as_json)


@app.command()
@reaching
def links(
    *,
    subject: SubjectText,
    key: PatientKey,
    as_hospital: Annotated[bool, typer.Option("--as-hospital", help="the key is the custodian's")] = False,
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Lists every link of a subject, undone ones too, each opened and compared with what was signed."""
    signing = load_signing_key(key, reach.origin)
    wanted = SubjectId(values.hexadecimal("subject", subject, values.ID_SIZE))

    async def run(caller: Patient | Hospital) -> list[Json]:
        return await persons.links(caller.transport, wanted, caller.chain)

    if as_hospital:
        found = reach.as_hospital(reach.institution(signing, institution), run)
    else:
        found = reach.as_patient(signing, run)
    rows = [
        (one["status"], moment_text(one["place"]["blockTime"]), one["actHash"], ", ".join(one["subjects"]))
        for one in found
    ]
    listing(found, ("status", "block time", "link", "subjects"), rows, as_json=as_json)


def _target(out: Path | None) -> Path:
    if out is None:
        raise InvalidInputError("option --out is missing")
    values.check_target(out)
    return out


def _write(out: Path, made: Link | Unlink, opening: dict[str, str | Sequence[str]], *, as_json: bool) -> None:
    """Writes what the authority has to sign, with what opens it."""
    values.write_document(out, {"act": write(made.act), **opening, "blinding": hex_of(made.blinding)})
    shown = {"file": str(out), "actHash": hex_of(struct_hash(made.act)), "toSign": hex_of(made.act.authority)}
    answer({**shown, **opening}, as_json=as_json)


def _send(reach: Reach, key: SigningKey, made: Link | Unlink, named: str, *, as_json: bool) -> None:
    """Signs with an authority's key and sends."""
    if key.signer != made.act.authority:
        raise InvalidInputError("key does not match (expected that of the authority that is named)")

    async def run(patient: Patient) -> Json:
        signature = sign_act(await patient.gateway(), made.act, key)
        return await persons.perform(patient.transport, made, signature, patient.chain)

    done = reach.as_patient(key, run)
    answer({"link": named, "actHash": done["actHash"], **receipt_of(done["anchor"])}, as_json=as_json)
