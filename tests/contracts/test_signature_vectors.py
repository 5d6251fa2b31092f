"""The contracts against the signature vectors: what Python takes or refuses, the chain takes or refuses."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import pytest
from eth_hash.auto import keccak

from consentry.core.packing import unpack_outcome
from consentry.core.terms import AccessRequest, Enrolment, Material, SubjectId
from consentry.core.typed_data import consent_id, digest, record_id
from consentry.crypto import webauthn
from consentry.crypto.signing import AccountKey, sign
from consentry.crypto.webauthn import SoftwarePasskey
from tests.support import samples
from tests.support.suite import Suite
from tests.vectors.signatures.build_signatures import (
    ACCOUNT,
    DIGEST,
    P256_VERIFIER,
    PASSKEY,
    WEBAUTHN_VERIFIER,
    Vector,
    accounts,
    devices,
    passkeys,
)

TRANSACTION_GAS = 16_777_216
"""What one transaction may have at most (EIP-7825)."""
MAGIC = bytes.fromhex("024ad318")
"""Selector of ``IERC7913SignatureVerifier.verify``: the answer yes."""
VERIFIERS: dict[bytes, str] = {P256_VERIFIER: "ERC7913P256Verifier", WEBAUTHN_VERIFIER: "ERC7913WebAuthnVerifier"}
OUT_OF_GAS = {"passkey-type-index-off"}
"""A place so far out that the verifier uses up whatever gas it is given; whoever asks it must limit that."""
BY_VERIFIER = [vector for vector in (*devices(), *passkeys()) if vector.signer[:20] in VERIFIERS]
BY_ACCOUNT = [vector for vector in accounts() if vector.signer == ACCOUNT.signer]


@pytest.fixture(scope="module")
def suite() -> Suite:
    """A deployment with one subject, whose signer is the account of the vectors."""
    made = Suite()
    institution = samples.CUSTODIAN
    release_key, signer = samples.RELEASE_KEY, ACCOUNT.address
    made.by_two("admitInstitution", institution, 440300, signer, release_key, bytes(32))
    enrolment = Enrolment(SubjectId(samples.SUBJECT), ACCOUNT.signer, institution, samples.NOW)
    signature = sign(ACCOUNT, made.domain("Subjects"), enrolment)
    made.must(made.enrol(enrolment, signature, signature))
    return made


@pytest.mark.parametrize("vector", BY_VERIFIER, ids=lambda vector: vector.name)
def test_verifier_answers_as_python_does(suite: Suite, vector: Vector) -> None:
    verifier = VERIFIERS[vector.signer[:20]]
    if vector.name in OUT_OF_GAS:
        assert not suite.answers(verifier, "verify", vector.signer[20:], DIGEST, vector.signature)
        return
    answer = suite.read(verifier, "verify", vector.signer[20:], DIGEST, vector.signature)
    assert (answer == MAGIC) == vector.valid


@pytest.mark.parametrize("vector", BY_ACCOUNT, ids=lambda vector: vector.name)
def test_subjects_answers_as_python_does(suite: Suite, vector: Vector) -> None:
    assert suite.read("Subjects", "isSignedBy", samples.SUBJECT, DIGEST, vector.signature) == vector.valid


def test_vectors_on_chain_are_many_and_of_both_outcomes() -> None:
    for vectors in (BY_VERIFIER, BY_ACCOUNT):
        assert len(vectors) >= 12
        assert {vector.valid for vector in vectors} == {True, False}


@dataclass(frozen=True)
class Stage:
    """A suite with one permitted request, which two hospitals could sign: one by account, one by passkey."""

    suite: Suite
    account: AccountKey
    passkey: SoftwarePasskey
    base: AccessRequest
    material: Material

    def item(self, **changes: Any) -> tuple[AccessRequest, bytes, Material]:  # noqa: ANN401 - any member
        """Gives an item signed by the hospital with the account."""
        request = replace(self.base, institution=self.account.address, **changes)
        return request, sign(self.account, self.suite.domain("AccessLedger"), request), self.material


def staged() -> Stage:
    """Admits, enrols, anchors and grants."""
    suite = Suite()
    suite.evm.travel(samples.NOW)
    custodian, hospital, patient = (AccountKey(keccak(role)) for role in (b"custodian", b"hospital", b"patient"))
    passkey = SoftwarePasskey(PASSKEY.private, suite.verifiers.webauthn)
    for address, signer in (
        (custodian.address, custodian.signer),
        (hospital.address, hospital.signer),
        (samples.HOSPITAL, passkey.signer),
    ):
        suite.by_two("admitInstitution", address, 440300, signer, samples.RELEASE_KEY, bytes(32))
    enrolment = Enrolment(SubjectId(samples.SUBJECT), patient.signer, custodian.address, samples.NOW + samples.DAY)
    domain = suite.domain("Subjects")
    suite.must(suite.enrol(enrolment, sign(patient, domain, enrolment), sign(custodian, domain, enrolment)))
    leaf = replace(samples.leaf(), custodian=custodian.address)
    suite.must(suite.anchor(leaf, sign(custodian, suite.domain("Records"), leaf)))
    terms = replace(samples.terms(), institution=hospital.address)
    suite.must(suite.grant(terms, sign(patient, suite.domain("Consents"), terms)))
    key_hash = hashlib.sha256(samples.RELEASE_KEY).digest()
    base = samples.request(record_id(leaf), consent_id(terms), key_hash)
    return Stage(suite, hospital, passkey, base, Material(leaf, terms))


def test_assertion_that_burns_gas_never_spoils_the_batch() -> None:
    stage = staged()
    assertion = webauthn.decode(stage.passkey.sign_digest(digest(stage.suite.domain("AccessLedger"), stage.base)))
    burning = (stage.base, replace(assertion, type_index=2**255).encoded(), stage.material)
    good = [stage.item(request_id=number) for number in range(30)]

    outcome = stage.suite.must(stage.suite.decide([burning, *good], gas=TRANSACTION_GAS))

    assert [log.name for log in outcome.logs] == ["RequestRejected"] + ["AccessDecided"] * len(good)
    assert {unpack_outcome(log.members[3][-1])[0] for log in outcome.logs[1:]} == {0}


def test_too_little_gas_never_makes_a_true_signature_look_wrong() -> None:
    stage = staged()
    signature = stage.passkey.sign_digest(digest(stage.suite.domain("AccessLedger"), stage.base))
    errors, names = set(), []
    for gas in range(100_000, 900_000, 10_000):
        outcome = stage.suite.decide([(stage.base, signature, stage.material)], gas=gas)
        names += [log.name for log in outcome.logs]
        if outcome.error:
            errors.add(outcome.error)
            assert outcome.error != "AccessLedgerGasMissing" or outcome.arguments[0] < outcome.arguments[1]
        if names:
            break

    assert "AccessLedgerGasMissing" in errors
    assert names == ["AccessDecided"]
