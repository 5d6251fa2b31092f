"""Calldata of the access ledger's two functions: from requests with their material, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth_abi.exceptions import DecodingError

from consentry.audit.ports import SubmittedRequest
from consentry.core.authorisations import StandingAuthorisation
from consentry.core.batch_tree import batch_of, paths_of
from consentry.core.packing import CompactRequest, Tables, pack_batch, unpack_request
from consentry.core.terms import AccessRequest, ConsentTerms, Material, RecordLeaf
from consentry.core.typed_data import WORD
from consentry.errors import InvalidInputError
from consentry.ledger.abi import Signature, artifact, values_of


def _function(name: str) -> Signature:
    return artifact("AccessLedger").functions[name]


def encode_decide(items: Sequence[tuple[AccessRequest, Material]], signatures: Sequence[bytes]) -> bytes:
    """Codes a batch in which each request is signed.

    Raises:
        InvalidInputError: a value does not fit its Solidity type.
    """
    requests, tables = _packed(items)
    return _function("decide").encode_call((requests, signatures, tables))


def encode_decide_batch(items: Sequence[tuple[AccessRequest, Material]], signature: bytes) -> bytes:
    """Codes a batch that one institution signed as a whole.

    Raises:
        InvalidInputError: a value does not fit its Solidity type.
    """
    requests, tables = _packed(items)
    return _function("decideBatch").encode_call((requests, signature, tables))


def _packed(items: Sequence[tuple[AccessRequest, Material]]) -> tuple[list[Any], tuple[Any, ...]]:
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


def submitted_in(data: bytes) -> list[SubmittedRequest] | None:
    """Gives the items of a call; none when it is no call of these functions.

    Read as the contract reads it: what pads a value is not looked at. Nothing else is forgiven.

    Raises:
        InvalidInputError: it cannot be read, or takes more room than it has bytes.
    """
    for name in ("decide", "decideBatch"):
        function = _function(name)
        if data.startswith(function.selector):
            try:
                return _read(function, data[len(function.selector) :], many=name == "decide")
            except (DecodingError, IndexError, OverflowError, ValueError) as error:
                raise InvalidInputError(f"call of {name} cannot be read ({type(error).__name__})") from None
    return None


def _read(function: Signature, coded: bytes, *, many: bool) -> list[SubmittedRequest]:
    """Reads a call behind its selector.

    Signatures are read here: a decoder refuses padding that is not zero, and the contract does not look at it.
    """
    tables, place = _word(coded, 2 * WORD), _word(coded, WORD)
    _inner(coded, tables + _word(coded, tables + 5 * WORD), WORD)
    signed = tuple(_inner(coded, place, 1)) if many else _bytes(coded, place)
    without = coded[:WORD] + len(coded).to_bytes(WORD, "big") + coded[2 * WORD :] + bytes(WORD)
    requests, _, members = function.decode_inputs(function.selector + without)
    return _items(requests, signed, members)


def _inner(coded: bytes, start: int, size: int) -> list[bytes]:
    """Gives the content of each inner array of an array of arrays, of items of ``size`` bytes.

    Pointers that make more of the same bytes than there are are refused: the contract reads only what it needs, so such
    a call costs its sender little, and a reader that follows each pointer all its memory.

    Raises:
        ValueError: a pointer leads out of the call, or the arrays together are longer than it.
    """
    count, heads = _word(coded, start), start + WORD
    if count * WORD > len(coded):
        raise ValueError("array is longer than the call")
    places = [heads + _word(coded, heads + number * WORD) for number in range(count)]
    if sum(_word(coded, place) * size + WORD for place in places) > len(coded):
        raise ValueError("arrays overlap")
    return [_bytes(coded, place, size) for place in places]


def _bytes(coded: bytes, place: int, size: int = 1) -> bytes:
    length = _word(coded, place) * size
    content = coded[place + WORD : place + WORD + length]
    if len(content) != length:
        raise ValueError("array leads out of the call")
    return content


def _word(coded: bytes, place: int) -> int:
    if place + WORD > len(coded):
        raise ValueError("pointer leads out of the call")
    return int.from_bytes(coded[place : place + WORD], "big")


def _items(sent: Sequence[Any], signed: Any, members: Sequence[Any]) -> list[SubmittedRequest]:  # noqa: ANN401 - one signature or many
    institutions, keys, consents, subjects, leaves, proofs, given, *repeated = members
    terms, versions = tuple(ConsentTerms(*each) for each in consents), tuple(RecordLeaf(*each) for each in leaves)
    authorisations = tuple(StandingAuthorisation(*each) for each in given)
    tables = Tables(institutions, keys, terms, subjects, versions, proofs, authorisations, *repeated)
    pairs = [unpack_request(CompactRequest(*each), tables) for each in sent]
    if not isinstance(signed, bytes):
        return [
            SubmittedRequest(request, signature, shown)
            for (request, shown), signature in zip(pairs, signed, strict=True)
        ]
    requests = [request for request, _ in pairs]
    within = paths_of(batch_of(institutions[0], requests), requests)
    return [
        SubmittedRequest(request, signed, shown, path) for (request, shown), path in zip(pairs, within, strict=True)
    ]
