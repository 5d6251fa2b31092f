"""``consentry consent``: shown, signed as shown, taken back in one step."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from consentry.cli import asks, values
from consentry.cli.councils import AsCouncil, Gathering
from consentry.cli.keys import load_signing_key
from consentry.cli.options import PatientKey, Reach, SubjectText, reaching
from consentry.cli.output import AsJson, answer, listing, receipt_of
from consentry.client.patient import Patient
from consentry.core import merkle
from consentry.core.assisted_grants import check_caps
from consentry.core.codes import (
    CLOCK_TOLERANCE,
    DAY,
    UNLIMITED_USES,
    Action,
    Assurance,
    Category,
    Purpose,
    Standing,
    bits,
)
from consentry.core.consent import check_terms
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, Address, ConsentId, ConsentTerms, Revocation, SubjectId
from consentry.core.typed_data import consent_id, digest
from consentry.errors import ConflictError, InvalidInputError, LedgerRejectedError, VerificationError
from consentry.evidence.notation import Json, bytes_of, hex_of, read, write
from consentry.evidence.notice import LANGUAGES, moment_text, shown_text, with_notice

app = typer.Typer(
    help="Consents of a patient: prepare, grant, revoke, undo, asks, answer, deny, list.", no_args_is_help=True
)
app.command("asks")(asks.list_)
app.command("answer")(asks.reply)
app.command("deny")(asks.deny)
_MOST_DAYS: Final = 36_500
_MOST_LEVEL: Final = 5
Names = list[str] | None
Records = Annotated[Names, typer.Option(help="id of a record's first version, in place of categories; repeatable")]
AssuranceName = Annotated[
    str,
    typer.Option(
        help=f"how it is signed: {', '.join(values.names(Assurance))}; a device key, or GUARDIAN, if not given"
    ),
]
GuardianText = Annotated[
    str, typer.Option(help="appointment under which a guardian signs, from 'act list'; the subject if not given")
]


@app.command()
@reaching
def prepare(
    *,
    key: PatientKey,
    subject: SubjectText,
    max_sensitivity: Annotated[int, typer.Option(min=1, max=_MOST_LEVEL, help="highest level of records, 1 to 5")],
    data_from: Annotated[str, typer.Option(help="first month the records may be about, YYYY-MM")],
    data_until: Annotated[str, typer.Option(help="last month the records may be about, YYYY-MM")],
    to: Annotated[str, typer.Option(help="address of the institution that may look")] = "",
    group: Annotated[str, typer.Option(help="id of a group of institutions, in place of one")] = "",
    practitioner: Annotated[str, typer.Option(help="keyed hash of one practitioner there; anybody if not given")] = "",
    category: Annotated[Names, typer.Option(help=f"any of {', '.join(values.names(Category))}; repeatable")] = None,
    record: Records = None,
    purpose: Annotated[Names, typer.Option(help=f"any of {', '.join(values.names(Purpose))}; TREAT if none")] = None,
    action: Annotated[Names, typer.Option(help="VIEW, STORE or both; VIEW if none is given")] = None,
    days: Annotated[int, typer.Option(min=1, max=_MOST_DAYS, help="days it is valid, from now on")] = 30,
    assurance: AssuranceName = "",
    uses: Annotated[str, typer.Option(help="how many accesses, or 'unlimited'")] = "1",
    erase_by: Annotated[str, typer.Option(help="day by which stored copies are erased, YYYY-MM-DD; for STORE")] = "",
    language: Annotated[str, typer.Option(help=f"of the notice: {' or '.join(LANGUAGES)}")] = "en",
    guardian: GuardianText = "",
    out: Annotated[Path, typer.Option(help="where the terms go")] = Path("consent.json"),
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Completes the terms of a consent, shows the notice, and writes the terms to a file. Nothing is signed yet."""
    now = int(time.time())
    wanted = ConsentTerms(
        SubjectId(values.hexadecimal("subject", subject, values.ID_SIZE)),
        _id("guardian", guardian),
        *_grantee(to, group, practitioner),
        *_scope(category or [], record or []),
        bits(*values.codes("purpose", Purpose, purpose or ["TREAT"])),
        bits(*values.codes("action", Action, action or ["VIEW"])),
        max_sensitivity,
        *(values.month("data-from", data_from), values.month("data-until", data_until)),
        *(now - CLOCK_TOLERANCE, now + days * DAY),
        values.uses(uses),
        onward_disclosure=False,
        erase_by=values.day("erase-by", erase_by) if erase_by else 0,
        notice_hash=ZERO_32,
        notice_version=0,
        assurance=_assurance(assurance, guardian=bool(guardian)),
        nonce=0,
    )
    _check(wanted, language, now)
    values.check_target(out)
    signing = load_signing_key(key, reach.origin)
    terms, text = reach.as_patient(signing, lambda patient: patient.prepare(wanted, language))
    named = [hex_of(_id("record", text)) for text in record or []]
    values.write_document(out, {"terms": write(terms), "records": named})
    shown = {"file": str(out), "consentId": hex_of(consent_id(terms))}
    if as_json:
        answer({**shown, "terms": write(terms), "notice": {"language": language, "text": text}}, as_json=True)
    else:
        typer.echo(text + "\n")
        answer(shown, as_json=False)


def _grantee(to: str, group: str, practitioner: str) -> tuple[Address, bytes, bytes]:
    if bool(to) == bool(group):
        raise InvalidInputError("grantee does not match (expected either --to, or --group)")
    if group and practitioner:
        raise InvalidInputError("practitioner does not match (a consent to a group names none)")
    institution = values.address("grantee", to) if to else ZERO_ADDRESS
    return institution, _id("group", group), _id("practitioner", practitioner)


def _assurance(name: str, *, guardian: bool) -> Assurance:
    usual = Assurance.GUARDIAN if guardian else Assurance.DEVICE_KEY
    return values.code("assurance", Assurance, name) if name else usual


def _id(what: str, text: str) -> bytes:
    return values.hexadecimal(what, text, values.ID_SIZE) if text else ZERO_32


def _scope(categories: Sequence[str], records: Sequence[str]) -> tuple[bytes, int]:
    """Gives the root of the named records, or the mask of the categories."""
    if bool(categories) == bool(records):
        raise InvalidInputError("scope does not match (expected either --category, or --record)")
    if records:
        return merkle.root_of(_id("record", text) for text in records), 0
    return ZERO_32, bits(*values.codes("category", Category, categories))


def _check(wanted: ConsentTerms, language: str, now: int) -> None:
    """Refuses at once what the contract would refuse later."""
    if language not in LANGUAGES:
        raise InvalidInputError(f"language does not match (got {language!r:.40}, expected {' or '.join(LANGUAGES)})")
    if bool(wanted.erase_by) != bool(wanted.actions >> Action.STORE & 1):
        raise InvalidInputError("erase-by does not match (expected with --action STORE, and only with it)")
    completed, _ = with_notice(wanted, language)
    try:
        check_terms(completed, Standing.ACTIVE, now)
        if completed.assurance == Assurance.STAFF_ASSISTED:
            check_caps(completed, now)
    except LedgerRejectedError as error:
        raise InvalidInputError(error.message.replace("refuses the act", "would refuse the terms")) from None


@app.command()
@reaching
def grant(
    *,
    file: Annotated[Path, typer.Argument(help="terms, from 'consent prepare'")],
    key: PatientKey,
    yes: Annotated[bool, typer.Option("--yes", help="sign without asking")] = False,
    as_council: AsCouncil = None,
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Shows what the very terms say that are to be signed, asks, signs, and sends them.

    A member of a council adds its signature to the file of the terms; who completes the council's signature sends it.
    """
    signing = load_signing_key(key, reach.origin)
    content = values.read_document(file)
    terms = read(ConsentTerms, content.get("terms"))
    _show(terms, content.get("records") or [], as_json=as_json)
    if not yes and not typer.confirm("Sign this consent?", err=as_json):
        raise ConflictError("consent was not signed")
    gathering = Gathering.of(as_council, content.get("council")) if as_council else None

    async def act(patient: Patient) -> Json | None:
        if gathering is None:
            return await patient.grant(terms)
        signature = gathering.add(signing, digest((await patient.gateway()).domain("Consents"), terms))
        return None if signature is None else await patient.grant(terms, signature)

    done = reach.as_patient(signing, act)
    if done is None and gathering is not None:
        _pass_on(file, {**content, "council": gathering.written()}, gathering, as_json=as_json)
    elif done is not None:
        answer({"consentId": hex_of(consent_id(terms)), **receipt_of(done["anchor"])}, as_json=as_json)


def _pass_on(file: Path, content: Json, gathering: Gathering, *, as_json: bool) -> None:
    """Writes what a council signed so far to its file, for the next member."""
    values.write_document(file, content)
    answer({"file": str(file), "toSign": gathering.missing}, as_json=as_json)


def _show(terms: ConsentTerms, records: Sequence[object], *, as_json: bool) -> None:
    """Renders the notice from the terms, so that a changed file is seen or refused; with JSON on the error stream.

    Raises:
        VerificationError: the terms do not carry the hash of what they say, or other records are named beside them.
    """
    found = shown_text(terms)
    if found is None:
        raise VerificationError("notice of the terms does not match what they say: the file was changed")
    ids = [bytes_of(item, values.ID_SIZE) for item in records]
    if (merkle.root_of(ids) if ids else terms.records_root) != terms.records_root:
        raise VerificationError("records beside the terms do not match the set the terms name")
    typer.echo(found[1] + "\n", err=as_json)
    for item in ids:
        typer.echo(f"record in the named set: {hex_of(item)}", err=as_json)
    typer.echo(f"subject: {hex_of(terms.subject_id)}\n", err=as_json)


@app.command()
@reaching
def revoke(
    *,
    consent: Annotated[str, typer.Argument(help="consent id")],
    key: PatientKey,
    terms: Annotated[
        Path | None, typer.Option(help="the terms that were granted; without them the gateway is asked for them")
    ] = None,
    guardian: GuardianText = "",
    as_council: AsCouncil = None,
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Takes a consent back: in one step, without a question; nothing is permitted under it from then on.

    The key is that of the patient's device or of its card, whichever granted, or a guardian's.
    A member of a council adds its signature to the file of the terms; who completes the council's signature sends it.
    """
    wanted = ConsentId(values.hexadecimal("consent", consent, values.ID_SIZE))
    if as_council and terms is None:
        raise InvalidInputError("terms are not given (expected --terms FILE: a council gathers its signatures there)")
    signing = load_signing_key(key, reach.origin)
    content, kept = _terms_of(wanted, terms)
    under = _id("guardian", guardian)
    gathering = Gathering.of(as_council, content.get("revocation")) if as_council else None

    async def act(patient: Patient) -> Json | None:
        granted = kept or await patient.terms_of(wanted)
        if gathering is None:
            return await patient.revoke(granted, under)
        revocation = Revocation(wanted, granted.subject_id, under)
        signature = gathering.add(signing, digest((await patient.gateway()).domain("Consents"), revocation))
        return None if signature is None else await patient.revoke(granted, under, signature)

    done = reach.as_patient(signing, act)
    if done is None and gathering is not None and terms is not None:
        _pass_on(terms, {**content, "revocation": gathering.written()}, gathering, as_json=as_json)
    elif done is not None:
        answer({"consentId": hex_of(wanted), "status": "REVOKED", **receipt_of(done["anchor"])}, as_json=as_json)


def _terms_of(wanted: ConsentId, file: Path | None) -> tuple[Json, ConsentTerms | None]:
    """Reads what a file holds and the terms in it; without a file there are none."""
    if file is None:
        return {}, None
    content = values.read_document(file)
    kept = read(ConsentTerms, content.get("terms"))
    if consent_id(kept) != wanted:
        raise InvalidInputError("terms do not match the consent that is to be taken back")
    return content, kept


app.command("undo", help="Takes back a consent that staff prepared: the same as revoke.")(revoke)


@app.command("list")
@reaching
def list_(
    *,
    key: PatientKey,
    subject: SubjectText,
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Lists the consents of a subject; with --json also the notice that was shown for each."""
    wanted = SubjectId(values.hexadecimal("subject", subject, values.ID_SIZE))
    found = reach.as_patient(load_signing_key(key, reach.origin), lambda patient: patient.consents(wanted))
    columns = ("consent", "status", "uses", "valid until", "categories", "purposes", "grantee", "signed", "undo until")
    listing(found, columns, [_row(item) for item in found], as_json=as_json)


def _row(item: Json) -> tuple[object, ...]:
    terms = read(ConsentTerms, item["terms"])
    most = "*" if terms.max_uses == UNLIMITED_USES else terms.max_uses
    grantee = "group " + hex_of(terms.group) if any(terms.group) else hex_of(terms.institution)
    status = "NEEDS RECONSENT" if item["needsReconsent"] else item["status"]
    return (
        *(item["consentId"], status, f"{item['uses']}/{most}", moment_text(terms.valid_until)),
        *(values.named(Category, terms.categories) or "named records", values.named(Purpose, terms.purposes)),
        *(grantee, values.name_of(Assurance, terms.assurance)),
        moment_text(item["undoUntil"]) if item["undoUntil"] else "",
    )
