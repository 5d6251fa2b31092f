"""``consentry access request-many``: a hospital asks for many records at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from consentry.cli import values
from consentry.cli.history import outcome
from consentry.cli.keys import load_signing_key
from consentry.cli.options import HospitalKey, InstitutionAddress, Reach, reaching
from consentry.cli.output import AsJson, listing
from consentry.client.bulk import Answer, Asked, Sought
from consentry.client.decisions import Permitted
from consentry.client.hospital import Hospital
from consentry.core import merkle
from consentry.core.codes import Action, Purpose
from consentry.core.terms import AccessRequest, ConsentId, RecordId
from consentry.errors import AccessDeniedError, ConfigurationError, InvalidInputError
from consentry.evidence.notation import Json, hex_of, read, write
from consentry.ledger.embedded.durable import explained
from consentry.ledger.keyfiles import load_key


@reaching
def request_many(
    *,
    record: Annotated[
        list[str] | None, typer.Argument(help="record ids, each alone or as RECORD:CONSENT", show_default=False)
    ] = None,
    listed: Annotated[
        Path | None, typer.Option("--from", help="file of further records, one a line: RECORD or RECORD:CONSENT")
    ] = None,
    consent: Annotated[str, typer.Option(help="consent id for every record that comes alone")] = "",
    practitioner: Annotated[str, typer.Option(help="keyed hash of who asks inside the institution, 32 bytes")],
    key: HospitalKey,
    release_key: Annotated[Path, typer.Option(help="file of the institution's release key, mode 0600")],
    purpose: Annotated[str, typer.Option(help=f"one of {', '.join(values.names(Purpose))}")] = "TREAT",
    action: Annotated[str, typer.Option(help="VIEW or STORE")] = "VIEW",
    scope: Annotated[
        list[str] | None, typer.Option(help="every record of the consent's named set, if it has one; repeatable")
    ] = None,
    one_signature: Annotated[
        bool, typer.Option("--one-signature/--each-signed", help="sign all requests at once, or each of them")
    ] = True,
    out: Annotated[
        Path | None, typer.Option(help="folder for the opened records: files of mode 0600, named by record id")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="keeps the requests in a file, so that the same command asks only once")
    ] = None,
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Asks the custodian's gateway for many records. Exit code 1: not every one was permitted; the list says why."""
    sought = _sought([*(record or ()), *_lines(listed)], consent, scope or [])
    asking = values.hexadecimal("practitioner", practitioner, values.ID_SIZE)
    why, what = values.code("purpose", Purpose, purpose), values.code("action", Action, action)
    own = reach.institution(load_signing_key(key, reach.origin), institution, load_key(release_key))
    targets = _targets(sought, out)

    async def act(hospital: Hospital) -> list[Json]:
        made = hospital.new_requests(sought, practitioner=asking, purpose=why, action=what)
        asked = _kept(made, keep)
        answers = await hospital.access_many(asked, one_signature=one_signature)
        return [await _opened(hospital, *pair, targets) for pair in zip(asked, answers, strict=True)]

    shown = reach.as_hospital(own, act)
    columns = ("no", "outcome", "record", "request", "detail")
    listing(shown, columns, [_row(place, item) for place, item in enumerate(shown, start=1)], as_json=as_json)
    if not all(item["permitted"] for item in shown):
        raise typer.Exit(1)


def _lines(path: Path | None) -> Iterator[str]:
    """Gives the lines of a file that name something; the rest of a line after a # is a remark.

    Raises:
        ConfigurationError: it cannot be read.
    """
    if path is None:
        return
    try:
        content = path.read_text()
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"file {path} cannot be read") from None
    for line in content.splitlines():
        named = line.partition("#")[0].strip()
        if named:
            yield named


def _sought(texts: Sequence[str], consent: str, scope: Sequence[str]) -> list[Sought]:
    """Reads what is asked for.

    Raises:
        InvalidInputError: there is nothing, something is no id, comes twice, or comes without a consent.
    """
    named = [values.hexadecimal("record of the scope", text, values.ID_SIZE) for text in scope]
    found = dict[RecordId, Sought]()
    for text in texts:
        first, _, second = text.partition(":")
        record = RecordId(values.hexadecimal("record", first.strip(), values.ID_SIZE))
        if not second.strip() and not consent:
            raise InvalidInputError("--consent is missing: a record comes without a consent of its own")
        if record in found:
            raise InvalidInputError(f"record {hex_of(record)} comes twice")
        if named and record not in named:
            raise InvalidInputError("scope does not match (a record that is asked for is not among its records)")
        under = ConsentId(values.hexadecimal("consent", second.strip() or consent, values.ID_SIZE))
        found[record] = Sought(record, under, merkle.proof_of(named, record) if named else ())
    if not found:
        raise InvalidInputError("records are missing (expected ids, or a file of them)")
    return list(found.values())


def _targets(sought: Sequence[Sought], out: Path | None) -> dict[RecordId, Path]:
    """Gives where each opened record goes; makes the folder.

    Raises:
        InvalidInputError: the folder cannot be there, or a file is there already.
        ConfigurationError: the system refuses to make the folder.
    """
    if out is None:
        return {}
    if not out.is_dir():
        values.check_target(out, fresh=True)
        with explained("making a folder"):
            out.mkdir(mode=0o700)
    targets = {one.record: out / one.record.hex() for one in sought}
    for target in targets.values():
        values.check_target(target, fresh=True)
    return targets


def _kept(made: list[Asked], keep: Path | None) -> list[Asked]:
    """Gives the requests of an earlier run, or keeps these: a request that is sent twice is decided once.

    Raises:
        InvalidInputError: the kept requests ask for something else.
    """
    if keep is None:
        return made
    if not keep.exists():
        values.check_target(keep)
        values.write_document(keep, {"requests": [write(one.request) for one in made]})
        return made
    kept = values.read_document(keep).get("requests")
    earlier = [read(AccessRequest, each) for each in kept] if isinstance(kept, list) else []
    if [_without_drawn(each) for each in earlier] != [_without_drawn(one.request) for one in made]:
        raise InvalidInputError(f"requests in {keep} do not match what is asked for now")
    return [Asked(each, one.scope_proof) for each, one in zip(earlier, made, strict=True)]


def _without_drawn(request: AccessRequest) -> AccessRequest:
    return replace(request, request_id=0, issued_at=0, expires_at=0)


async def _opened(hospital: Hospital, asked: Asked, answer: Answer, targets: dict[RecordId, Path]) -> Json:
    """Gives what is shown of one request; opens and checks its record if there is a place for it."""
    request = asked.request
    shown: Json = {
        "permitted": isinstance(answer, Permitted),
        "requestId": str(request.request_id),
        "recordId": hex_of(request.record_id),
        "consentId": hex_of(request.consent_id),
    }
    if isinstance(answer, AccessDeniedError):
        return {**shown, "reason": answer.details["reason"], "receipt": answer.details["receipt"]}
    if not isinstance(answer, Permitted):
        return {**shown, "problem": {"code": answer.code, "detail": answer.message}}
    shown |= {"reason": "NONE", "receipt": answer.receipt}
    target = targets.get(request.record_id)
    if target is not None:
        try:
            await hospital.download(answer, target)
        except OSError as error:
            raise ConfigurationError(
                f"file {target} cannot be written ({error.strerror}); request {request.request_id} was permitted"
            ) from None
        shown |= {"file": str(target), "bytes": answer.plaintext_size}
    return shown


def _row(place: int, item: Json) -> tuple[object, ...]:
    problem = item.get("problem")
    told = f"REJECTED ({problem['code']})" if problem else outcome(item)
    detail = problem["detail"] if problem else item.get("file", "")
    return place, told, item["recordId"], item["requestId"], detail
