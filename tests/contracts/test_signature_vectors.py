"""The contracts against the signature vectors: what Python takes or refuses, the chain takes or refuses."""

from __future__ import annotations

import pytest

from consentry.core.terms import Enrolment, SubjectId
from consentry.crypto.signing import sign
from tests.support import samples
from tests.support.suite import Suite
from tests.vectors.signatures.build_signatures import (
    ACCOUNT,
    DIGEST,
    P256_VERIFIER,
    WEBAUTHN_VERIFIER,
    Vector,
    accounts,
    devices,
    passkeys,
)

MAGIC = bytes.fromhex("024ad318")
"""Selector of ``IERC7913SignatureVerifier.verify``: the answer yes."""
VERIFIERS = {P256_VERIFIER: "ERC7913P256Verifier", WEBAUTHN_VERIFIER: "ERC7913WebAuthnVerifier"}
BY_VERIFIER = [vector for vector in (*devices(), *passkeys()) if vector.signer[:20] in VERIFIERS]
BY_ACCOUNT = [vector for vector in accounts() if vector.signer == ACCOUNT.signer]


@pytest.fixture(scope="module")
def suite() -> Suite:
    """A deployment with one subject, whose signer is the account of the vectors."""
    made = Suite()
    institution = samples.CUSTODIAN
    release_key, signer = samples.RELEASE_KEY, ACCOUNT.address
    made.must(made.act("Participants", "admitInstitution", institution, 440300, signer, release_key, bytes(32)))
    enrolment = Enrolment(SubjectId(samples.SUBJECT), ACCOUNT.signer, institution, samples.NOW)
    signature = sign(ACCOUNT, made.domain("Subjects"), enrolment)
    made.must(made.enrol(enrolment, signature, signature))
    return made


@pytest.mark.parametrize("vector", BY_VERIFIER, ids=lambda vector: vector.name)
def test_verifier_answers_as_python_does(suite: Suite, vector: Vector) -> None:
    verifier = VERIFIERS[vector.signer[:20]]
    answer = suite.read(verifier, "verify", vector.signer[20:], DIGEST, vector.signature)
    assert (answer == MAGIC) == vector.valid


@pytest.mark.parametrize("vector", BY_ACCOUNT, ids=lambda vector: vector.name)
def test_subjects_answers_as_python_does(suite: Suite, vector: Vector) -> None:
    assert suite.read("Subjects", "isSignedBy", samples.SUBJECT, DIGEST, vector.signature) == vector.valid


def test_vectors_on_chain_are_many_and_of_both_outcomes() -> None:
    for vectors in (BY_VERIFIER, BY_ACCOUNT):
        assert len(vectors) >= 12
        assert {vector.valid for vector in vectors} == {True, False}
