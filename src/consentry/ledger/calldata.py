"""Calldata of the access ledger's two functions: from requests with their material, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from consentry.audit.ports import SubmittedRequest
from consentry.core.authorisations import StandingAuthorisation
from consentry.core.batch_tree import batch_of, paths_of
from consentry.core.packing import CompactRequest, Tables, pack_batch, unpack_request, unpack_shown
from consentry.core.terms import AccessRequest, Address, ConsentTerms, Material, RecordLeaf, SubjectId
from consentry.core.typed_data import WORD
from consentry.errors import InvalidInputError
from consentry.ledger.abi import Signature, artifact, values_of
from consentry.ledger.tables import UNREADABLE, Calldata, Table

_SELECTOR: Final = 4
Value = TypeVar("Value")


def _function(name: str) -> Signature:
    return artifact("AccessLedger").functions[name]


def encode_decide(items: Sequence[tuple[AccessRequest, Material]], signatures: Sequence[bytes]) -> bytes:
    """Codes a batch in which each request is signed.

    Raises:
        InvalidInputError: a value does not fit its Solidity type.
    """
    requests, tables = packed(items)
    return _function("decide").encode_call((requests, signatures, tables))


def encode_decide_batch(items: Sequence[tuple[AccessRequest, Material]], signature: bytes) -> bytes:
    """Codes a batch that one institution signed as a whole.

    Raises:
        InvalidInputError: a value does not fit its Solidity type.
    """
    requests, tables = packed(items)
    return _function("decideBatch").encode_call((requests, signature, tables))


def packed(items: Sequence[tuple[AccessRequest, Material]]) -> tuple[list[Any], tuple[Any, ...]]:
    """Gives requests and tables as the ABI takes them.

    Raises:
        InvalidInputError: a value does not fit its place.
    """
    try:
        packed, tables = pack_batch(items)
    except ValueError as error:
        raise InvalidInputError(str(error)) from None
    members = (
        tables.institutions,
        tables.release_key_hashes,
        [values_of(terms) for terms in tables.consents],
        tables.subjects,
        [values_of(leaf) for leaf in tables.leaves],
        tables.scope_proofs,
        [values_of(given) for given in tables.authorisations],
        tables.codes,
        tables.practitioners,
        tables.reason_hashes,
    )
    return [values_of(request) for request in packed], members


def submitted_in(data: bytes) -> Sequence[SubmittedRequest | None] | None:
    """Gives the items of a call; none when it is no call of these functions.

    Read as the contract reads it: of each item what it names, when it is taken, and nothing else. An item that cannot
    be read is none.

    Raises:
        InvalidInputError: not even its requests can be read.
    """
    for name in ("decide", "decideBatch"):
        function = _function(name)
        if data.startswith(function.selector):
            try:
                return _many_signed(function, data) if name == "decide" else _signed_once(function, data)
            except UNREADABLE as error:
                raise InvalidInputError(f"call of {name} cannot be read ({type(error).__name__})") from None
    return None


def _many_signed(function: Signature, data: bytes) -> Sequence[SubmittedRequest | None]:
    call, sent, tables = _opened(function, data)
    signatures = call.pointers(_SELECTOR, _SELECTOR + WORD, call.bytes_at)
    if len(signatures) != len(sent):
        raise ValueError("requests and signatures differ in number")

    def item(place: int) -> SubmittedRequest:
        request, shown = unpack_request(sent[place], tables), unpack_shown(sent[place], tables)
        return SubmittedRequest(request, signatures[place], shown)

    return _where_readable(len(sent), item)


def _signed_once(function: Signature, data: bytes) -> Sequence[SubmittedRequest | None]:
    call, sent, tables = _opened(function, data)
    signature = call.bytes_at(_SELECTOR, _SELECTOR + WORD)
    # The signature is over all of them: here the contract itself goes on only if it can read each.
    asked = [unpack_request(each, tables) for each in sent]
    within = paths_of(batch_of(tables.institutions[0], asked), asked)

    def item(place: int) -> SubmittedRequest:
        return SubmittedRequest(asked[place], signature, unpack_shown(sent[place], tables), within[place])

    return _where_readable(len(sent), item)


def _where_readable(count: int, item: Callable[[int], SubmittedRequest]) -> Sequence[SubmittedRequest | None]:
    """Gives items that are put together when they are taken: all of them may be far longer than the call."""

    def read(place: int) -> SubmittedRequest | None:
        try:
            return item(place)
        except UNREADABLE:
            return None

    return Table(lambda: (0, count), 1, read)


def _opened(function: Signature, data: bytes) -> tuple[Calldata, Table[CompactRequest], Tables]:
    """Gives a call, its requests and its tables; none of the three is looked at yet."""
    call, (requests, _, material) = Calldata(data), function.inputs
    base = call.along(_SELECTOR, _SELECTOR + 2 * WORD)
    members = material["components"]

    def table(number: int, made: Callable[..., Value]) -> Table[Value]:
        return call.values(base, base + number * WORD, members[number], made)

    tables = Tables(
        institutions=table(0, Address),
        release_key_hashes=table(1, bytes),
        consents=table(2, ConsentTerms),
        subjects=table(3, SubjectId),
        leaves=table(4, RecordLeaf),
        scope_proofs=call.pointers(base, base + 5 * WORD, call.words_at),
        authorisations=table(6, StandingAuthorisation),
        codes=table(7, int),
        practitioners=table(8, bytes),
        reason_hashes=table(9, bytes),
    )
    return call, call.values(_SELECTOR, _SELECTOR, requests, CompactRequest), tables
