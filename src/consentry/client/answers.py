"""What a gateway answers, member by member: each is there and of its kind, or nothing of the answer is used."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from consentry.core.asks import ConsentAsk
from consentry.core.codes import Reason
from consentry.core.persons import SubjectLink, SubjectUnlink
from consentry.core.terms import AccessRequest, ConsentTerms, RecordLeaf
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence.notation import Json, bytes_of, read

Check: TypeAlias = Callable[[object], object]
"""What a value must pass; raises InvalidInputError if it does not."""
Shape: TypeAlias = "Mapping[str, Shape | Check]"
"""The members an object must have, each with its own shape or check."""

_WIDEST: Final = 48
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,1024}")


def expect(answer: object, shape: Shape, name: str = "it") -> Json:
    """Gives an answer of which every member in ``shape`` was checked; members beyond are not looked at.

    Raises:
        VerificationError: it is no object, or a member is missing or of another kind.
    """
    if not isinstance(answer, dict):
        raise VerificationError(f"answer of the gateway cannot be read: {name} is no object")
    for member, inner in shape.items():
        if member not in answer:
            raise VerificationError(f"answer of the gateway cannot be read: {name} has no {member}")
        if not callable(inner):
            expect(answer[member], inner, member)
            continue
        try:
            inner(answer[member])
        except InvalidInputError as error:
            raise VerificationError(f"answer of the gateway cannot be read: {member}: {error.message}") from None
    return answer


def _text(value: object) -> None:
    if not isinstance(value, str):
        raise InvalidInputError("text does not match (got something else)")


def _number(value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << _WIDEST:
        raise InvalidInputError(f"number does not match (got something else, expected one of {_WIDEST} bits)")


def _position(value: object) -> None:
    if value is not None:
        _number(value)


def _truth(value: object) -> None:
    if not isinstance(value, bool):
        raise InvalidInputError("truth value does not match (got something else)")


def _object(value: object) -> None:
    if not isinstance(value, dict):
        raise InvalidInputError("object does not match (got something else)")


def _list(value: object) -> None:
    if not isinstance(value, list):
        raise InvalidInputError("list does not match (got something else)")


def _address(value: object) -> None:
    bytes_of(value, 20)


def _id(value: object) -> None:
    bytes_of(value, 32)


def _bytes(value: object) -> None:
    bytes_of(value)


def _list_of_bytes(value: object) -> None:
    if not isinstance(value, list):
        raise InvalidInputError("list does not match (got something else)")
    for item in value:
        bytes_of(item)


def _reason(value: object) -> None:
    if not isinstance(value, str) or value not in Reason.__members__:
        raise InvalidInputError("reason does not match (got an unknown one)")


def _token(value: object) -> None:
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise InvalidInputError("token does not match (got characters no header takes)")


def _notice(value: object) -> None:
    if value is not None:
        expect(value, _TEXT_SHOWN, "notice")


def _leaf(value: object) -> None:
    read(RecordLeaf, value)


def _terms(value: object) -> None:
    read(ConsentTerms, value)


def _ask(value: object) -> None:
    read(ConsentAsk, value)


def _request(value: object) -> None:
    read(AccessRequest, value)


def _link_act(value: object) -> None:
    read(SubjectLink, value)


def _unlink_act(value: object) -> None:
    read(SubjectUnlink, value)


def _text_or_none(value: object) -> None:
    if value is not None:
        _text(value)


def _id_or_none(value: object) -> None:
    if value is not None:
        _id(value)


def _undone(value: object) -> None:
    if value is not None:
        expect(value, _UNDONE, "an unlink")


def _contracts(value: object) -> None:
    _object(value)
    for address in value.values() if isinstance(value, dict) else ():
        _address(address)


_TEXT_SHOWN: Final[Shape] = {"language": _text, "text": _text}
_PLACE: Final[Shape] = {
    "blockNumber": _number,
    "blockHash": _id,
    "blockTime": _number,
    "transactionHash": _id,
    "logIndex": _number,
}
_RECEIPT: Final[Shape] = {**_PLACE, "finality": _text, "subjectSequence": _number, "institutionSequence": _number}
_ANCHOR: Final[Shape] = {**_PLACE, "state": _text}
ABOUT: Final[Shape] = {
    "version": _text,
    "custodian": _address,
    "origin": _text,
    "chainId": _number,
    "genesisHash": _id,
    "contracts": _contracts,
    "deployedIn": _number,
    "projectedTo": _position,
}
MESSAGE: Final[Shape] = {"message": _text}
CHALLENGE: Final[Shape] = {"challenge": _id}
SESSION: Final[Shape] = {"token": _token, "expiresAt": _number}
SUBJECT: Final[Shape] = {"subjectId": _id, "custodian": _address, "actingAs": _text}
ENROLLED: Final[Shape] = {"subjectId": _id, "anchor": _ANCHOR}
SEALED: Final[Shape] = {
    "objectId": _id,
    "version": _number,
    "ciphertextDigest": _id,
    "ciphertextSize": _number,
    "plaintextSize": _number,
    "commitment": _id,
}
ANCHORED: Final[Shape] = {"recordId": _id, "anchor": _ANCHOR}
RECORD: Final[Shape] = {"recordId": _id, "status": _text, "leaf": _leaf, "place": _PLACE}
PREPARED: Final[Shape] = {"consentId": _id, "terms": _terms, "document": _object, "notice": _TEXT_SHOWN}
REVOCATION: Final[Shape] = {"terms": _terms, "document": _object}
CONSENTED: Final[Shape] = {"consentId": _id, "anchor": _ANCHOR}
ACTED: Final[Shape] = {"actHash": _id, "anchor": _ANCHOR}
ACT: Final[Shape] = {"kind": _text, "actHash": _id, "act": _object, "signatures": _list_of_bytes, "place": _PLACE}
ERASURE: Final[Shape] = {
    "recordId": _id,
    "subjectId": _id,
    "status": _text,
    "report": _text,
    "reportDigest": _id,
    "keysDestroyed": _truth,
    "deletedAt": _number,
}
ERASED: Final[Shape] = {"actHash": _id, "anchor": _ANCHOR, "keysDestroyed": _truth, "deletedAt": _number}
ASK: Final[Shape] = {"askId": _id, "ask": _ask, "status": _text, "coolDownEnds": _number, "place": _PLACE}
DEBT: Final[Shape] = {
    "debtId": _id,
    "subjectId": _id,
    "institution": _address,
    "practitioner": _id,
    "openedAt": _number,
    "dueAt": _number,
    "noticed": _truth,
    "referred": _truth,
    "reviewed": _truth,
    "overdue": _truth,
}
DUTY: Final[Shape] = {"consentId": _id, "kind": _text, "dueAt": _number, "overdue": _truth}
ASSISTED: Final[Shape] = {"granted": _number, "inQuarter": _number, "undone": _number}
RECOGNISED: Final[Shape] = {
    "itemCode": _number,
    "receivedAccepted": _number,
    "receivedRefused": _number,
    "issuedAccepted": _number,
    "issuedRefused": _number,
}
PREPARED_LINK: Final[Shape] = {"actHash": _id, "act": _link_act, "subjects": _list_of_bytes, "blinding": _id}
PREPARED_UNLINK: Final[Shape] = {"actHash": _id, "act": _unlink_act, "reason": _text, "blinding": _id}
KEPT: Final[Shape] = {"actHash": _id}
IDENTIFIED: Final[Shape] = {"kind": _text, "subjectId": _id, "since": _number, "until": _position}
RESOLVED: Final[Shape] = {"subjectId": _id, "custodian": _address, "linked": _truth}
_UNDONE: Final[Shape] = {
    "actHash": _id,
    "act": _unlink_act,
    "signatures": _list_of_bytes,
    "reason": _text_or_none,
    "blinding": _id_or_none,
    "place": _PLACE,
}
LINK: Final[Shape] = {
    "actHash": _id,
    "status": _text,
    "act": _link_act,
    "signatures": _list_of_bytes,
    "subjects": _list_of_bytes,
    "blinding": _id_or_none,
    "place": _PLACE,
    "undone": _undone,
}
CONSENT: Final[Shape] = {
    "consentId": _id,
    "terms": _terms,
    "signature": _bytes,
    "status": _text,
    "needsReconsent": _truth,
    "uses": _number,
    "grantedAt": _number,
    "revokedAt": _number,
    "undoUntil": _number,
    "notice": _notice,
    "place": _PLACE,
}
LOG_LINE: Final[Shape] = {
    "request": _request,
    "subjectId": _id,
    "permitted": _truth,
    "reason": _reason,
    "decidedAt": _number,
    "subjectSequence": _number,
    "institutionSequence": _number,
    "place": _PLACE,
}
PERMITTED: Final[Shape] = {
    "decision": {
        "permitted": _truth,
        "reason": _reason,
        "decidedAt": _number,
        "subjectId": _id,
        "request": _request,
        "receipt": _RECEIPT,
    },
    "record": RECORD,
    "key": {"wrapped": _bytes, "objectId": _id, "plaintextSize": _number, "releaseKeyHash": _id},
}
DENIED: Final[Shape] = {"reason": _reason, "receipt": _RECEIPT}
BATCH: Final[Shape] = {"items": _list}
OUTCOME: Final[Shape] = {"outcome": _text, "requestId": _text}
OUTCOMES: Final[Mapping[str, Shape]] = {
    "permitted": PERMITTED,
    "denied": DENIED,
    "rejected": {
        "problem": {
            **dict.fromkeys(("type", "title", "detail", "instance", "code", "trace_id"), _text),
            "status": _number,
        }
    },
}
"""What one request of several came to, by its ``outcome``."""
