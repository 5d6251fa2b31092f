"""Calldata of the access ledger's two functions: from requests with their material, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth_abi.exceptions import DecodingError

from consentry.audit.ports import SubmittedRequest
from consentry.core.batch_tree import batch_of, paths_of
from consentry.core.packing import CompactRequest, Tables, pack_batch, unpack_request
from consentry.core.terms import AccessRequest, ConsentTerms, Material, RecordLeaf
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
    )
    return [values_of(request) for request in packed], members


def submitted_in(data: bytes) -> list[SubmittedRequest] | None:
    """Gives the items of a call; none when it is no call of these functions, or cannot be read."""
    try:
        for name in ("decide", "decideBatch"):
            function = _function(name)
            if data.startswith(function.selector):
                requests, signed, tables = function.decode_inputs(data)
                return _items(requests, signed, tables)
    except (DecodingError, IndexError, ValueError):
        return None
    return None


def _items(sent: Sequence[Any], signed: Any, members: Sequence[Any]) -> list[SubmittedRequest]:  # noqa: ANN401 - one signature or many
    institutions, keys, consents, subjects, leaves, proofs = members
    terms, versions = tuple(ConsentTerms(*each) for each in consents), tuple(RecordLeaf(*each) for each in leaves)
    tables = Tables(institutions, keys, terms, subjects, versions, proofs)
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
