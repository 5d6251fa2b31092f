"""``consentry consent asks``, ``answer`` and ``deny``: what institutions asked for, and the patient's word."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from consentry.cli import values
from consentry.cli.keys import load_signing_key
from consentry.cli.options import PatientKey, Reach, SubjectText, reaching
from consentry.cli.output import AsJson, answer, listing, receipt_of
from consentry.client.acts import send_act, sign_act
from consentry.client.patient import Patient
from consentry.core.asks import AskDenial, ConsentAsk, is_within, widest_answer
from consentry.core.codes import CLOCK_TOLERANCE, DAY, UNLIMITED_USES, Action, Category, Purpose, bits
from consentry.core.terms import ZERO_32, ConsentTerms, SubjectId
from consentry.core.typed_data import consent_id
from consentry.errors import ConflictError, InvalidInputError, NotFoundError
from consentry.evidence.notation import Json, hex_of, read
from consentry.evidence.notice import LANGUAGES, moment_text, month_text

Names = list[str] | None
AskId = Annotated[str, typer.Argument(help="id of the ask, from 'consent asks'")]


@reaching
def list_(
    *,
    key: PatientKey,
    subject: SubjectText,
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Lists what institutions asked a patient for: open, answered, denied or lapsed."""
    wanted = SubjectId(values.hexadecimal("subject", subject, values.ID_SIZE))
    found = reach.as_patient(load_signing_key(key, reach.origin), lambda patient: patient.asks(wanted))
    columns = (
        "ask",
        "status",
        "open until",
        "purpose",
        "categories",
        "actions",
        "data",
        "until",
        "uses",
        "institution",
    )
    listing(found, columns, [_row(item) for item in found], as_json=as_json)


def _row(item: Json) -> tuple[object, ...]:
    ask = read(ConsentAsk, item["ask"])
    most = "*" if ask.max_uses == UNLIMITED_USES else ask.max_uses
    return (
        *(item["askId"], item["status"], moment_text(ask.lapses_at), values.name_of(Purpose, ask.purpose)),
        *(values.named(Category, ask.categories) or "named records", values.named(Action, ask.actions)),
        *(f"{month_text(ask.data_from)}..{month_text(ask.data_until)}", moment_text(ask.valid_until), most),
        hex_of(ask.institution),
    )


@reaching
def reply(
    *,
    ask: AskId,
    key: PatientKey,
    subject: SubjectText,
    category: Annotated[Names, typer.Option(help="only these of the categories asked for; repeatable")] = None,
    action: Annotated[Names, typer.Option(help="only these of the actions asked for; repeatable")] = None,
    max_sensitivity: Annotated[int, typer.Option(min=0, max=5, help="highest level of records; as asked if 0")] = 0,
    data_from: Annotated[str, typer.Option(help="first month, YYYY-MM; as asked if not given")] = "",
    data_until: Annotated[str, typer.Option(help="last month, YYYY-MM; as asked if not given")] = "",
    days: Annotated[int, typer.Option(min=0, help="days it is valid, from now on; as asked if 0")] = 0,
    uses: Annotated[str, typer.Option(help="how many accesses; as asked if not given")] = "",
    practitioner: Annotated[str, typer.Option(help="keyed hash of the one person who may look")] = "",
    erase_by: Annotated[str, typer.Option(help="day by which copies are erased, YYYY-MM-DD; for STORE")] = "",
    language: Annotated[str, typer.Option(help=f"of the notice: {' or '.join(LANGUAGES)}")] = "en",
    yes: Annotated[bool, typer.Option("--yes", help="sign without asking")] = False,
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Grants what was asked for, or less of it: shows the notice, asks, signs, and sends."""
    now = int(time.time())
    signing = load_signing_key(key, reach.origin)
    item = _find(reach.as_patient(signing, lambda patient: patient.asks(_subject(subject))), ask)
    asked = read(ConsentAsk, item["ask"])
    wanted = replace(widest_answer(asked), valid_from=now - CLOCK_TOLERANCE, notice_hash=ZERO_32, notice_version=0)
    wanted = _of_months(_narrowed(wanted, category or [], action or []), data_from, data_until)
    wanted = replace(
        wanted,
        max_sensitivity=max_sensitivity or wanted.max_sensitivity,
        valid_until=min(now + days * DAY, wanted.valid_until) if days else wanted.valid_until,
        max_uses=values.uses(uses) if uses else wanted.max_uses,
        practitioner=values.hexadecimal("practitioner", practitioner, 32) if practitioner else wanted.practitioner,
        erase_by=values.day("erase-by", erase_by) if erase_by else 0,
    )
    _check(wanted, asked)
    terms, text = reach.as_patient(signing, lambda patient: patient.prepare(wanted, language))
    typer.echo(text + "\n", err=as_json)
    if not yes and not typer.confirm("Sign this consent?", err=as_json):
        raise ConflictError("consent was not signed")
    done = reach.as_patient(signing, lambda patient: patient.grant(terms))
    answer(
        {"consentId": hex_of(consent_id(terms)), "ask": item["askId"], **receipt_of(done["anchor"])}, as_json=as_json
    )


def _subject(text: str) -> SubjectId:
    return SubjectId(values.hexadecimal("subject", text, values.ID_SIZE))


def _find(found: Sequence[Json], ask: str) -> Json:
    wanted = hex_of(values.hexadecimal("ask", ask, values.ID_SIZE))
    item = next((item for item in found if item["askId"] == wanted), None)
    if item is None:
        raise NotFoundError("ask is not known")
    return item


def _narrowed(terms: ConsentTerms, categories: Sequence[str], actions: Sequence[str]) -> ConsentTerms:
    chosen = bits(*values.codes("category", Category, categories)) or terms.categories
    allowed = bits(*values.codes("action", Action, actions)) or terms.actions
    return replace(terms, categories=chosen, actions=allowed)


def _of_months(terms: ConsentTerms, first: str, last: str) -> ConsentTerms:
    return replace(
        terms,
        data_from=values.month("data-from", first) if first else terms.data_from,
        data_until=values.month("data-until", last) if last else terms.data_until,
    )


def _check(wanted: ConsentTerms, asked: ConsentAsk) -> None:
    """Refuses at once what the contract would refuse later."""
    if bool(wanted.erase_by) != bool(wanted.actions >> Action.STORE & 1):
        raise InvalidInputError("erase-by does not match (expected where STORE is granted, and only there)")
    if not is_within(wanted, asked):
        raise InvalidInputError("answer does not match (got something wider than what was asked)")


@reaching
def deny(
    *,
    ask: AskId,
    key: PatientKey,
    subject: SubjectText,
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Denies what was asked: in one step, without a reason. The same cannot be asked again for a while."""
    wanted = values.hexadecimal("ask", ask, values.ID_SIZE)
    signing = load_signing_key(key, reach.origin)
    denial = AskDenial(wanted, _subject(subject), ZERO_32, int(time.time()) + DAY)

    async def act(patient: Patient) -> Json:
        signature = sign_act(await patient.gateway(), denial, signing)
        return await send_act(patient.transport, denial, [signature])

    done = reach.as_patient(signing, act)
    answer({"ask": hex_of(wanted), "status": "DENIED", **receipt_of(done["anchor"])}, as_json=as_json)
