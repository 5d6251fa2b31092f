"""Domain values as JSON, and pages of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Protocol, TypeVar

from fastapi import Query, Request
from fastapi.responses import JSONResponse

from consentry.api.schemas import shown
from consentry.core.access import needs_reconsent
from consentry.core.act_table import name_of
from consentry.core.assisted_grants import TIME_TO_UNDO
from consentry.core.chain import EventPlace
from consentry.core.codes import Assurance, ConsentStatus, Reason
from consentry.core.events import ActPerformed
from consentry.errors import InvalidInputError
from consentry.evidence.notation import write
from consentry.evidence.notice import shown_text
from consentry.gateway.ports import AccessView, ConsentView, InstitutionView, RecordView

MOST: Final = 200
USUAL: Final = 50
Limit = Annotated[int, Query(ge=1, le=MOST, description="entries a page")]
Cursor = Annotated[str | None, Query(description="where the page before ended; see the header Link")]
_CURSOR: Final = re.compile(r"(0|[1-9][0-9]{0,17})-(0|[1-9][0-9]{0,8})")


class _Placed(Protocol):
    @property
    def place(self) -> EventPlace: ...


View = TypeVar("View", bound=_Placed)


def place_json(place: EventPlace) -> dict[str, Any]:
    """Gives where an event stands."""
    return {
        "blockNumber": place.block.number,
        "blockHash": shown(place.block.hash),
        "blockTime": place.block.time,
        "transactionHash": shown(place.transaction_hash),
        "logIndex": place.log_index,
    }


def anchor_json(place: EventPlace, **more: object) -> dict[str, Any]:
    """Gives the answer to an act; all acts answer once they are final."""
    return {**more, "anchor": {"state": "final", **place_json(place)}}


def institution_json(view: InstitutionView) -> dict[str, Any]:
    """Gives an institution."""
    return {
        "address": shown(view.address),
        "standing": view.standing.name,
        "region": view.region,
        "signer": shown(view.signer),
        "releaseKey": shown(view.release_key),
    }


def record_json(view: RecordView) -> dict[str, Any]:
    """Gives a record version."""
    return {
        "recordId": shown(view.record_id),
        "status": view.status.name,
        "leaf": write(view.leaf),
        "place": place_json(view.place),
    }


def consent_json(view: ConsentView, minor_until: int, now: int) -> dict[str, Any]:
    """Gives a consent with the notice that was shown.

    Args:
        view: the consent.
        minor_until: end of the subject's minority in seconds, zero for none.
        now: time in seconds.
    """
    shown_then = shown_text(view.terms)
    live = view.status == ConsentStatus.ACTIVE and now < view.terms.valid_until
    return {
        "consentId": shown(view.consent_id),
        "terms": write(view.terms),
        "signature": shown(view.signature),
        "status": view.status.name,
        "needsReconsent": live and needs_reconsent(view.terms, view.granted_at, minor_until, now),
        "uses": view.uses,
        "grantedAt": view.granted_at,
        "revokedAt": view.revoked_at,
        "undoUntil": undo_until(view),
        "notice": {"language": shown_then[0], "text": shown_then[1]} if shown_then else None,
        "place": place_json(view.place),
    }


def undo_until(view: ConsentView) -> int:
    """Gives until when revoking an assisted consent counts as undoing it, in seconds; zero for every other."""
    assisted = view.terms.assurance == Assurance.STAFF_ASSISTED
    return view.granted_at + TIME_TO_UNDO if assisted else 0


def access_json(view: AccessView) -> dict[str, Any]:
    """Gives one line of the access log."""
    entry = view.entry
    return {
        "request": write(entry.request),
        "subjectId": shown(entry.subject_id),
        "permitted": entry.reason == Reason.NONE,
        "reason": Reason(entry.reason).name,
        "decidedAt": entry.decided_at,
        "subjectSequence": entry.subject_sequence,
        "institutionSequence": entry.institution_sequence,
        "place": place_json(view.place),
    }


def act_json(event: ActPerformed) -> dict[str, Any]:
    """Gives one signed act."""
    return {
        "kind": name_of(type(event.act)),
        "actHash": shown(event.act_hash),
        "act": write(event.act),
        "signatures": [shown(signature) for signature in event.signatures],
        "place": place_json(event.place),
    }


def parse_cursor(text: str | None) -> tuple[int, int] | None:
    """Reads a cursor.

    Raises:
        InvalidInputError: it is not one this service gave out.
    """
    if text is None:
        return None
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise InvalidInputError("cursor cannot be read")
    return int(found[1]), int(found[2])


def page(request: Request, found: Sequence[View], limit: int, show: Callable[[View], dict[str, Any]]) -> JSONResponse:
    """Gives a page; ``found`` holds one more than ``limit`` if there is a next one."""
    items = found[:limit]
    answer = JSONResponse({"items": [show(view) for view in items]})
    if len(found) > limit:
        place = items[-1].place
        cursor = f"{place.block.number}-{place.log_index}"
        address = request.url.include_query_params(cursor=cursor, limit=limit)
        answer.headers["Link"] = f'<{address.path}?{address.query}>; rel="next"'
    return answer
