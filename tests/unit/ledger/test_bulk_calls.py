"""Calls read by columns: they say what the long way reads, or nothing at all."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from consentry.audit import columns
from consentry.audit.ports import SubmittedRequest
from consentry.audit.prepare import Call
from consentry.core.access import is_shown_to_be_named
from consentry.core.codes import LegalBasis
from consentry.core.merkle import proof_of, root_of
from consentry.core.packing import pack_codes
from consentry.core.terms import AccessRequest, ConsentId, Material
from consentry.core.typed_data import consent_id, record_id, scope_key
from consentry.errors import InvalidInputError
from consentry.ledger.bulk_calls import call_in
from consentry.ledger.calldata import encode_decide, encode_decide_batch, submitted_in
from tests.support import samples

SIGNATURE = bytes(range(1, 66))


def pairs(*, broken: bool = False) -> list[tuple[AccessRequest, Material]]:
    """Gives requests under several consents: by category, by named record, for a later version."""
    first = samples.leaf()
    later = replace(first, previous=record_id(first), lineage=record_id(first), version=2)
    keys = [scope_key(first), samples.word(3), samples.word(4)]
    plain = replace(samples.terms(), subject_id=first.subject_id)
    named = replace(plain, records_root=root_of(keys), categories=0)
    proof = proof_of(keys, samples.word(3) if broken else scope_key(first))
    materials = [Material(first, plain), Material(first, named, proof), Material(later, named, proof)]
    made = []
    for number in range(9):
        material = materials[number % 3]
        assert material.terms is not None
        request = samples.request(record_id(material.leaf), consent_id(material.terms), samples.word(number % 2))
        reason = samples.word(30 + number) if number % 4 == 1 else request.reason_hash
        made.append((replace(request, request_id=number, reason_hash=reason), material))
    return made


def words_of(request: AccessRequest) -> dict[int, bytes]:
    """Gives what a log says of a request."""
    return {
        columns.REQUEST: request.request_id.to_bytes(32, "big"),
        columns.RECORD: request.record_id,
        columns.INSTITUTION: request.institution.rjust(32, b"\0"),
        columns.GROUND: request.consent_id,
        columns.REASON_HASH: request.reason_hash,
        columns.PRACTITIONER: request.practitioner,
        columns.KEY_HASH: request.release_key_hash,
        columns.CODES: pack_codes(request).to_bytes(32, "big"),
    }


def agrees(call: Call, items: Sequence[SubmittedRequest | None] | None) -> None:
    """Checks that columns say what the long way reads."""
    assert items is not None
    for row in range(len(items)):
        item = items[row]
        assert item is not None
        said = {word: np.asarray(column[row]).tobytes() for word, column in call.same.items()}
        assert said == words_of(item.request)
        assert item.shown.terms is not None
        assert is_shown_to_be_named(item.request, item.shown.terms.records_root, item.shown)
        if call.institution is None:
            assert (item.within, item.signature) == (None, call.signatures[row])
        else:
            assert item.within is not None
            assert (item.within.batch.institution, (item.signature,)) == (call.institution, call.signatures)


def is_usual(call: Call) -> bool:
    """Tells whether a log can say the same: its words are usual ones, as `audit.prepare` asks for."""
    codes, institutions = call.same[columns.CODES], call.same[columns.INSTITUTION]
    basis = bool((codes[:, 29] == LegalBasis.CONSENT).all())
    return basis and not codes[:, :11].any() and not institutions[:, :12].any()


def calls() -> dict[str, bytes]:
    asked = pairs()
    signatures = [bytes([number]) * (65 + number) for number in range(len(asked))]
    return {"batch": encode_decide_batch(asked, SIGNATURE), "each": encode_decide(asked, signatures)}


@pytest.mark.parametrize("kind", ["batch", "each"])
def test_call_says_what_the_long_way_reads(kind: str) -> None:
    data = calls()[kind]
    call = call_in(data, len(pairs()))
    assert call is not None
    assert (call.institution is None) is (kind == "each")
    agrees(call, submitted_in(data))


@pytest.mark.parametrize("kind", ["batch", "each"])
def test_changed_call_says_the_same_both_ways_or_nothing(kind: str) -> None:
    data, drawn, told = calls()[kind], random.Random(5), 0
    for _ in range(1_500):
        spoiled = bytearray(data)
        for _ in range(drawn.choice([1, 1, 3])):
            spoiled[drawn.randrange(len(data))] = drawn.choice([0, 1, 2, 3, 255, drawn.randrange(256)])
        cut = bytes(spoiled[: drawn.choice([len(data), len(data), drawn.randrange(len(data))])])
        call = call_in(cut, len(pairs()))
        if call is not None and is_usual(call):
            told += 1
            agrees(call, submitted_in(cut))
    assert told > 150


def test_proof_that_does_not_hold_is_left_to_the_long_way() -> None:
    asked = pairs(broken=True)
    assert call_in(encode_decide_batch(asked, SIGNATURE), len(asked)) is None
    assert call_in(encode_decide_batch(asked[::3], SIGNATURE), len(asked[::3])) is not None


@pytest.mark.parametrize("basis", [LegalBasis.EMERGENCY, LegalBasis.STATUTORY_DUTY])
def test_request_without_consent_is_left_to_the_long_way(basis: LegalBasis) -> None:
    request, material = pairs()[0]
    other = replace(request, legal_basis=int(basis), consent_id=ConsentId(bytes(32)))
    data = encode_decide_batch([(request, material), (other, material)], SIGNATURE)
    assert call_in(data, 2) is None


@pytest.mark.parametrize(("data", "count"), [(b"", 1), (b"\1\2\3\4", 1), (bytes(200), 1)])
def test_what_is_no_such_call_tells_nothing(data: bytes, count: int) -> None:
    assert call_in(data, count) is None


def test_call_of_another_number_of_requests_tells_nothing() -> None:
    assert call_in(calls()["batch"], len(pairs()) - 1) is None
    assert call_in(calls()["batch"][:4], len(pairs())) is None


def test_long_way_still_judges_what_no_column_reads() -> None:
    with pytest.raises(InvalidInputError):
        submitted_in(calls()["batch"][:100])
