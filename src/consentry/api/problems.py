"""Errors as RFC 9457 problems: the only place where an error meets an HTTP number."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from consentry import errors
from consentry.core.receipts import FinalReceipt

STATUS: Final[dict[type[errors.ConsentryError], HTTPStatus]] = {
    errors.InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UnsupportedMediaError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.IdempotencyKeyMissingError: HTTPStatus.BAD_REQUEST,
    errors.IdempotencyKeyReusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotAuthenticError: HTTPStatus.UNAUTHORIZED,
    errors.NotPermittedError: HTTPStatus.FORBIDDEN,
    errors.AccessDeniedError: HTTPStatus.FORBIDDEN,
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.ConflictError: HTTPStatus.CONFLICT,
    errors.CoolDownError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.VerificationError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.GatewayUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.OverloadError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.TooManyWaitingError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.TooOftenError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.TilesUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.LedgerUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.LedgerRejectedError: HTTPStatus.CONFLICT,
    errors.ForeignChainError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.BlockLogCorruptError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.VaultUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ObjectMissingError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.ObjectTornError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.ObjectSwappedError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.ObjectCorruptError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.KeyDestroyedError: HTTPStatus.GONE,
    errors.ConfigurationError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Error → HTTP status. A test checks that every leaf of the hierarchy is here."""

RETRY_SECONDS: Final = 2
MEDIA_TYPE: Final = "application/problem+json"
_HEADERS: Final[dict[int, dict[str, str]]] = {
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": str(RETRY_SECONDS)},
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer, Consentry-Signature"},
}


def problem(request: Request, status: int, code: str, detail: str, **more: object) -> JSONResponse:
    """Gives a problem document as an answer; ``detail`` holds ids only."""
    request.state.problem = code
    content = _document(request, status, code, detail, **more)
    return JSONResponse(content, status_code=status, media_type=MEDIA_TYPE, headers=_HEADERS.get(status))


def _document(request: Request, status: int, code: str, detail: str, **more: object) -> dict[str, Any]:
    return {
        "type": f"urn:consentry:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "instance": request.url.path,
        "code": code,
        "trace_id": getattr(request.state, "trace_id", ""),
        **more,
    }


def status_of(error: errors.ConsentryError) -> HTTPStatus:
    """Gives the HTTP status of an error, of its nearest known ancestor if it has none of its own."""
    known = (STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    return next(known, HTTPStatus.INTERNAL_SERVER_ERROR)


def from_error(request: Request, error: errors.ConsentryError) -> JSONResponse:
    """Gives the problem of one of our errors."""
    answer = problem(request, status_of(error), error.code, error.message, **_more(error))
    if isinstance(error, errors.OverloadError):
        answer.headers["Retry-After"] = str(error.details.get("retry_after", RETRY_SECONDS))
    return answer


def of_item(request: Request, error: errors.ConsentryError) -> dict[str, Any]:
    """Gives the problem document of one of our errors that befell a part of what was asked for."""
    return _document(request, status_of(error), error.code, error.message, **_more(error))


def _more(error: errors.ConsentryError) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if isinstance(error, errors.AccessDeniedError):
        more["reason"] = error.details["reason"]
        receipt = error.details["receipt"]
        if isinstance(receipt, FinalReceipt):
            more["receipt"] = shown_receipt(receipt)
    if isinstance(error, errors.VerificationError) and error.step is not None:
        more["step"] = error.step
    if "items" in error.details:
        more["places"] = [f"body.requests.{place}" for place in error.details["items"]]
    if "most" in error.details:
        more["most"] = error.details["most"]
    if error.details.get("solidity"):
        more["solidity"] = error.details["solidity"]
    return more


def shown_receipt(receipt: FinalReceipt) -> dict[str, Any]:
    """Gives the place of a decision in JSON."""
    place = receipt.place
    return {
        "blockNumber": place.block.number,
        "blockHash": "0x" + place.block.hash.hex(),
        "blockTime": place.block.time,
        "transactionHash": "0x" + place.transaction_hash.hex(),
        "logIndex": place.log_index,
        "finality": receipt.finality,
        "subjectSequence": receipt.entry.subject_sequence,
        "institutionSequence": receipt.entry.institution_sequence,
    }


def from_validation(request: Request, error: RequestValidationError) -> JSONResponse:
    """Gives the problem of a body or parameter that does not fit its model; names the place, never the value."""
    places = [".".join(str(part) for part in item["loc"]) for item in error.errors()]
    return problem(
        request, HTTPStatus.UNPROCESSABLE_ENTITY, errors.InvalidInputError.code, "malformed input", places=places
    )


def from_http(request: Request, error: HTTPException) -> JSONResponse:
    """Gives the problem of what the framework refused by itself."""
    answer = problem(request, error.status_code, f"http.{error.status_code}", HTTPStatus(error.status_code).phrase)
    answer.headers.update(error.headers or {})
    return answer


def from_failure(request: Request) -> JSONResponse:
    """Gives the problem of an error nobody foresaw; what it was stands in the log alone, under the trace id."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return problem(request, status, "internal", "the service failed; its operator finds the trace id in the log")
