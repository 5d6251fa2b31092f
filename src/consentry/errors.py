"""The one hierarchy of errors.

::

    ConsentryError                code (stable slug); messages hold ids only, never clinical content
    ├─ ConfigurationError         settings or environment cannot be used
    ├─ InvalidInputError          malformed request or document
    │  ├─ TooLargeError           more bytes than this gateway takes in
    │  ├─ UnsupportedMediaError   a content encoding or media type that is not taken in
    │  └─ IdempotencyKeyMissingError
    ├─ NotAuthenticError          bad signature, wrong domain, stale nonce
    ├─ NotPermittedError          this participant may not do this at all
    ├─ AccessDeniedError          the decision was no: reason and receipt
    ├─ NotFoundError
    ├─ ConflictError              already granted, already revoked, still under way
    │  ├─ CoolDownError           the subject denied the same lately: not before the cool-down is over
    │  └─ IdempotencyKeyReusedError  the key belongs to other content
    ├─ GatewayUnavailableError    the gateway does not answer: try again
    ├─ OverloadError              too many requests wait here: nothing was done, try again in a moment
    │  ├─ TooManyWaitingError     too many of this one institution
    │  └─ TooOftenError           too often: of one address, or about one person
    ├─ TilesUnavailableError      the store of a log's tiles does not answer: try again
    ├─ VerificationError          what came does not hold: expected, got; a bundle: step
    ├─ LedgerError
    │  ├─ LedgerUnavailableError  the node does not answer: try again
    │  ├─ LedgerRejectedError     a contract refused: Solidity error name and arguments
    │  ├─ ForeignChainError       another chain, genesis or deployment than the one recorded
    │  └─ BlockLogCorruptError    the embedded chain's block log or snapshot is damaged
    └─ VaultError
       ├─ VaultUnavailableError   store or key service does not answer: try again
       ├─ ObjectMissingError      the object is gone
       ├─ ObjectTornError         the object ends before its recorded size
       ├─ ObjectSwappedError      the bytes belong to another record or version
       ├─ ObjectCorruptError      the bytes are not what was anchored
       └─ KeyDestroyedError       the key was destroyed: the content is gone for good

Every class names a stable ``code``. HTTP numbers live in ``api/problems.py``, exit codes in ``cli``, nowhere else.
"""

from __future__ import annotations

from typing import Any, ClassVar


class ConsentryError(Exception):
    """Root of all errors. Caller: report ``code`` and the message; both are safe to show."""

    code: ClassVar[str] = "consentry.error"

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = details


class ConfigurationError(ConsentryError):
    """Settings or environment cannot be used. Caller: correct them and start again."""

    code = "configuration"


class InvalidInputError(ConsentryError):
    """A request or document is malformed. Caller: correct it; sending it again as it is will not help."""

    code = "input.invalid"


class TooLargeError(InvalidInputError):
    """More bytes came than this gateway takes in. Caller: split the record."""

    code = "input.too-large"


class UnsupportedMediaError(InvalidInputError):
    """A content encoding or media type is not taken in. Caller: send the content as it is, with its type."""

    code = "input.media-unsupported"


class IdempotencyKeyMissingError(InvalidInputError):
    """A call that changes something bears no usable key. Caller: send one, the same for each retry."""

    code = "idempotency.key-missing"


class NotAuthenticError(ConsentryError):
    """A signature, domain or nonce does not hold. Caller: sign anew."""

    code = "auth.not-authentic"


class NotPermittedError(ConsentryError):
    """This participant may not do this at all. Caller: do not retry."""

    code = "auth.not-permitted"


class AccessDeniedError(ConsentryError):
    """The contract decided no, and logged it. ``details`` carry the reason and the receipt. Caller: do not retry."""

    code = "access.denied"


class NotFoundError(ConsentryError):
    """Nothing of that id is visible to the caller. Caller: check the id."""

    code = "not-found"


class ConflictError(ConsentryError):
    """The state already differs: granted, revoked, anchored, or a reused key. Caller: read the state first."""

    code = "conflict"


class CoolDownError(ConflictError):
    """The subject denied the same lately. Caller: do not ask again before the cool-down is over."""

    code = "ask.cool-down"


class IdempotencyKeyReusedError(ConflictError):
    """The key was used before with other content. Caller: draw a new key."""

    code = "idempotency.key-reused"


class VerificationError(ConsentryError):
    """What came does not hold. Caller: do not rely on it.

    ``step`` is the number in the plan of ``docs/formats/bundle.md`` where a bundle failed; None for everything else, of
    which the message alone says what did not hold.
    """

    code = "evidence.invalid"

    def __init__(self, message: str, *, step: int | None = None, expected: object = None, got: object = None) -> None:
        super().__init__(message, step=step, expected=expected, got=got)
        self.step = step
        self.expected = expected
        self.got = got


class OverloadError(ConsentryError):
    """Too many requests wait at this gateway. Caller: nothing was done; send it again in a moment."""

    code = "gateway.overloaded"


class TooManyWaitingError(OverloadError):
    """Too many requests of one institution wait. Caller: nothing was done; send fewer at a time."""

    code = "gateway.too-many-waiting"


class TooOftenError(OverloadError):
    """Too many requests of one address, or of one institution about one person. Caller: wait as long as is said."""

    code = "gateway.too-often"


class GatewayUnavailableError(ConsentryError):
    """The gateway does not answer, or breaks off. Caller: try again later with the same request or idempotency key."""

    code = "gateway.unavailable"


class TilesUnavailableError(ConsentryError):
    """The object store with the tiles of a ledger log does not answer, or refuses. Caller: try again later."""

    code = "log.tiles-unavailable"


class LedgerError(ConsentryError):
    """The chain could not do it. Caller: see the subclass."""

    code = "ledger.error"


class LedgerUnavailableError(LedgerError):
    """The node does not answer or lags. Caller: try again later with the same request id."""

    code = "ledger.unavailable"


class LedgerRejectedError(LedgerError):
    """A contract refused, or would.

    ``details["solidity"]`` names the Solidity error, None if it is not known. ``details["arguments"]`` holds what came
    with it: by name where a contract answered, in the order of the interface where a rule of ours refused. A refusal
    that has a class of its own, such as `ConflictError`, carries the same two. Caller: correct the act.
    """

    code = "ledger.rejected"


class ForeignChainError(LedgerError):
    """The node serves another chain, genesis or deployment. Caller: connect the right node or reset on purpose."""

    code = "ledger.foreign-chain"


class BlockLogCorruptError(LedgerError):
    """The embedded chain's block log is damaged before its end. Caller: alarm the operator; restore a backup."""

    code = "ledger.block-log-corrupt"


class VaultError(ConsentryError):
    """The vault could not do it. Caller: see the subclass."""

    code = "vault.error"


class VaultUnavailableError(VaultError):
    """Object store, database or key service does not answer. Caller: try again later."""

    code = "vault.unavailable"


class ObjectMissingError(VaultError):
    """The stored object is gone. Caller: alarm the operator; restore it from a backup."""

    code = "vault.object-missing"


class ObjectTornError(VaultError):
    """The stored object ends before its recorded size. Caller: alarm the operator; restore it from a backup."""

    code = "vault.object-torn"


class ObjectSwappedError(VaultError):
    """The stored bytes belong to another record or version. Caller: alarm the operator."""

    code = "vault.object-swapped"


class ObjectCorruptError(VaultError):
    """The stored bytes are not what was anchored. Caller: alarm the operator."""

    code = "vault.object-corrupt"


class KeyDestroyedError(VaultError):
    """The key was destroyed on purpose. Caller: the content is gone for good."""

    code = "vault.key-destroyed"
