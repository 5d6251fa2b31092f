"""Logs that are written word by word are those of the ABI, as another encoder has it."""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest
from eth_abi.abi import encode

from consentry.core import events
from consentry.core.codes import Reason
from consentry.core.packing import ground_of, pack_codes, pack_outcome
from consentry.core.terms import AccessEntry, Address, RecordLeaf, SubjectId
from consentry.core.typed_data import consent_id, members_of, record_id
from consentry.evidence.included import NOWHERE
from consentry.evidence.logs import log_of
from tests.support import samples

EMITTER = Address(b"\xee" * 20)
LEAF, TERMS = samples.leaf(), samples.terms()


def tuple_type(struct: type) -> str:
    return f"({','.join(member.split(' ')[0] for member in members_of(struct))})"


@pytest.mark.parametrize("leaf", [LEAF, replace(LEAF, commitment=b"\xff" * 32, custodian=Address(bytes(20)))])
def test_leaf_is_encoded_as_the_abi_says(leaf: RecordLeaf) -> None:
    event = events.RecordAnchored(NOWHERE, record_id(leaf), leaf.subject_id, leaf.custodian, leaf)
    assert log_of(event, EMITTER).data == encode([tuple_type(type(leaf))], [astuple(leaf)])


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 64, 65, 1000])
def test_terms_and_a_signature_of_any_length_are_encoded_as_the_abi_says(size: int) -> None:
    signature = bytes(range(256)) * 4
    event = events.ConsentGranted(NOWHERE, consent_id(TERMS), TERMS.subject_id, TERMS, signature[:size])
    expected = encode([tuple_type(type(TERMS)), "bytes"], [astuple(TERMS), signature[:size]])
    assert log_of(event, EMITTER).data == expected


@pytest.mark.parametrize("reason", [Reason.NONE, Reason.CONSENT_REVOKED])
def test_decision_is_encoded_as_the_abi_says(reason: Reason) -> None:
    request = samples.request(record_id(LEAF), consent_id(TERMS), b"\x07" * 32)
    entry = AccessEntry(request, SubjectId(b"\x08" * 32), reason, 1_800_000_000, 2**32 - 1, 7)
    line = (
        request.record_id,
        ground_of(request),
        request.reason_hash,
        request.practitioner,
        request.release_key_hash,
        pack_codes(request),
        pack_outcome(reason, 1_800_000_000, 2**32 - 1, 7),
    )
    expected = encode(["(bytes32,bytes32,bytes32,bytes32,bytes32,uint256,uint256)"], [line])
    assert log_of(events.AccessDecided(NOWHERE, entry), EMITTER).data == expected
