"""Grants and revocations as the suites of `Consents` try them."""

from __future__ import annotations

from web3 import Web3

from consentry.core.terms import ZERO_32, Address, ConsentTerms, Revocation
from consentry.core.typed_data import consent_id
from tests.support.contract_suite import Value
from tests.support.contract_world import World, values_of
from tests.support.signers import Signer

OTHER = b"\x55" * 32
UNKNOWN = Address(b"\x77" * 20)
SIGNERS = ("account", "smart account", "P-256", "passkey")


def grant_refusal(
    world: World, terms: ConsentTerms, signer: Signer | None = None, sender: str | None = None
) -> tuple[str, tuple[Value, ...]]:
    signature = world.sign("Consents", terms, signer or world.patient.signer)
    return world.suite.refusal("Consents", "grant", values_of(terms), signature, sender=sender or world.relay)


def revoke_refusal(
    world: World,
    terms: ConsentTerms,
    signer: Signer | None = None,
    sender: str | None = None,
    guardian: bytes = ZERO_32,
) -> tuple[str, tuple[Value, ...]]:
    act = Revocation(consent_id(terms), terms.subject_id, guardian)
    signature = world.sign("Consents", act, signer or world.patient.signer)
    sent = values_of(terms), guardian, signature
    return world.suite.refusal("Consents", "revoke", *sent, sender=sender or world.relay)


def state_of(world: World, terms: ConsentTerms) -> tuple[int, ...]:
    return tuple(world.suite.read("Consents", "stateOf", consent_id(terms)))


def checksummed(address: bytes) -> str:
    return Web3.to_checksum_address(address)
