"""Hospitals, patients and relays on the in-process chain, with acts that every rule permits."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak
from web3.types import TxReceipt

from consentry.core import batch_tree
from consentry.core.authorisations import StandingAuthorisation
from consentry.core.codes import Action, Reason
from consentry.core.packing import pack_batch, unpack_outcome
from consentry.core.terms import (
    ZERO_32,
    AccessRequest,
    Address,
    ConsentId,
    ConsentTerms,
    Enrolment,
    Material,
    RecordId,
    RecordLeaf,
    Revocation,
    SubjectId,
)
from consentry.core.typed_data import SignedStruct, consent_id, digest, record_id
from tests.support import samples
from tests.support.contract_suite import SYSTEM_DELAY, ContractSuite, Event, Value, appoint_authority, by_two
from tests.support.signers import AccountSigner, Signer

GUANGDONG: Final = 440_000
SHENZHEN: Final = 440_300
BEIJING: Final = 110_000
DAY: Final = 86_400


def key_of(name: str) -> bytes:
    """Gives the secp256k1 key of a person of the tests."""
    return keccak(name.encode())


def group_of(authority: str) -> bytes:
    """Gives the name of a group that an authority keeps."""
    return samples.group(bytes.fromhex(authority[2:]))


def values_of(struct: SignedStruct) -> tuple[Value, ...]:
    """Gives the members of a signed struct as the ABI takes them."""
    return dataclasses.astuple(struct)


@dataclass(frozen=True, slots=True)
class Hospital:
    """An admitted institution with its relay account."""

    address: Address
    signer: Signer
    region: int
    release_key: bytes
    relay: str

    @property
    def release_key_hash(self) -> bytes:
        """SHA-256 of the release key, as the contract keeps it."""
        return hashlib.sha256(self.release_key).digest()


@dataclass(frozen=True, slots=True)
class Patient:
    """An enrolled subject."""

    subject_id: SubjectId
    signer: Signer
    custodian: Address


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a batch: a signed request and what the relay adds to it."""

    request: AccessRequest
    signature: bytes
    leaf: RecordLeaf
    terms: ConsentTerms | None = None
    proof: tuple[bytes, ...] = ()
    authorisation: StandingAuthorisation | None = None

    @property
    def material(self) -> Material:
        """What a relay knows of the request."""
        return Material(self.leaf, self.terms, self.proof, self.authorisation)


class World:
    """Two hospitals in two provinces and one patient of the first; the suite is theirs alone."""

    def __init__(self, suite: ContractSuite) -> None:
        accounts = suite.accounts
        self.suite = suite
        self.guangdong, self.beijing = accounts[2], accounts[3]
        self.stranger = accounts[9]
        self.deputies = {self.guangdong: accounts[7], self.beijing: accounts[8], suite.national: suite.second}
        appoint_authority(suite, self.guangdong, GUANGDONG, accounts[7])
        appoint_authority(suite, self.beijing, BEIJING, accounts[8])
        self.custodian = self.admit("custodian", SHENZHEN, accounts[4])
        self.hospital = self.admit("hospital", BEIJING, accounts[5])
        self.relay = accounts[4]
        self.patient = self.enrol("patient", AccountSigner(key_of("patient")))

    def authority_of(self, region: int) -> str:
        """Gives the account of the authority for a region."""
        return self.guangdong if region // 10_000 == GUANGDONG // 10_000 else self.beijing

    def admit(self, name: str, region: int, relay: str, signer: Signer | None = None) -> Hospital:
        """Admits an institution and its relay."""
        own = AccountSigner(key_of(name))
        signer = signer or own
        hospital = Hospital(Address(own.identity), signer, region, f"release key of {name}".encode(), relay)
        authority = self.authority_of(region)
        keys = signer.identity, hospital.release_key
        self.by_two(authority, "admitInstitution", hospital.address, region, *keys, keccak(name.encode()))
        self.by_two(authority, "admitRelay", relay, hospital.address)
        return hospital

    def by_two(self, authority: str, function: str, *arguments: Value) -> TxReceipt:
        """Has the first and the second officer of an authority do an act."""
        return by_two(self.suite, (authority, self.deputies[authority]), function, *arguments)

    def administrators(self, role: int) -> tuple[str, str]:
        """Appoints two officers of the national authority with one role: 3 for SYSTEM, 5 for AUDIT."""
        first, second = self.suite.accounts[4:6]
        for officer in (first, second):
            self.by_two(self.suite.national, "appointOfficer", self.suite.national, officer, 1 << role)
        return first, second

    def after_delay(self, officers: Sequence[str], function: str, *arguments: Value) -> TxReceipt:
        """Has system administrators announce an act, wait, propose and confirm it."""
        suite, target = self.suite, self.suite["Participants"]
        call = target.encode_abi(function, args=list(arguments))
        for officer in officers:
            suite.send("Governance", "schedule", target.address, call, 0, sender=officer)
        suite.travel(suite.now() + SYSTEM_DELAY)
        return by_two(suite, officers, function, *arguments)

    def refusal_after_delay(self, officer: str, function: str, *arguments: Value) -> tuple[str, tuple[Value, ...]]:
        """Announces an act of a system administrator, waits, and gives the error with which it reverts."""
        suite, target = self.suite, self.suite["Participants"]
        call = target.encode_abi(function, args=list(arguments))
        suite.send("Governance", "schedule", target.address, call, 0, sender=officer)
        suite.travel(suite.now() + SYSTEM_DELAY)
        return suite.refusal("Participants", function, *arguments, sender=officer)

    def second_country(self) -> str:
        """Suspends a second authority for the whole country and gives an officer of it, a system administrator."""
        suite, other, officer = self.suite, self.stranger, self.suite.accounts[4]
        self.by_two(suite.national, "admitAuthority", other, 0, ZERO_32)
        self.by_two(suite.national, "appointOfficer", other, officer, 1 << 3)
        self.by_two(suite.national, "suspendAuthority", other, ZERO_32)
        return officer

    def suspend(self, hospital: Hospital) -> None:
        """Suspends an institution."""
        authority = self.authority_of(hospital.region)
        self.by_two(authority, "suspendInstitution", hospital.address, ZERO_32)

    def sign(self, contract: str, act: SignedStruct, signer: Signer) -> bytes:
        """Signs an act in the EIP-712 domain of a contract."""
        return signer.sign(digest(self.suite.domain(contract), act))

    def enrolment(self, name: str, signer: Signer) -> Enrolment:
        """Gives an enrolment by the custodian, good for an hour."""
        subject_id = SubjectId(keccak(b"subject " + name.encode()))
        return Enrolment(subject_id, signer.identity, self.custodian.address, self.suite.now() + 3600)

    def enrol(self, name: str, signer: Signer) -> Patient:
        """Enrols a patient with the custodian."""
        act = self.enrolment(name, signer)
        signatures = [self.sign("Subjects", act, signer) for signer in (signer, self.custodian.signer)]
        self.suite.send("Subjects", "enrol", values_of(act), *signatures, sender=self.relay)
        return Patient(act.subject_id, signer, act.custodian)

    def leaf(self, **changes: Value) -> RecordLeaf:
        """Gives the first version of an image of the patient."""
        own = {"custodian": self.custodian.address, "subject_id": self.patient.subject_id}
        return dataclasses.replace(samples.leaf(), **{**own, **changes})

    def anchor(self, leaf: RecordLeaf) -> RecordId:
        """Anchors a first version."""
        signature = self.sign("Records", leaf, self.custodian.signer)
        self.suite.send("Records", "anchor", values_of(leaf), signature, sender=self.relay)
        return record_id(leaf)

    def supersede(self, previous: RecordLeaf, **changes: Value) -> RecordLeaf:
        """Anchors the next version and gives its leaf."""
        leaf = self.successor(previous, **changes)
        signature = self.sign("Records", leaf, self.custodian.signer)
        self.suite.send("Records", "supersede", values_of(previous), values_of(leaf), signature, sender=self.relay)
        return leaf

    def successor(self, previous: RecordLeaf, **changes: Value) -> RecordLeaf:
        """Gives the leaf of the next version."""
        own: dict[str, Value] = {
            "previous": record_id(previous),
            "lineage": previous.lineage if any(previous.lineage) else record_id(previous),
            "version": previous.version + 1,
            "ciphertext_digest": keccak(previous.ciphertext_digest),
        }
        return dataclasses.replace(previous, **{**own, **changes})

    def terms(self, **changes: Value) -> ConsentTerms:
        """Gives terms that let the hospital view images of the patient, from now on for 30 days."""
        now = self.suite.now()
        own: dict[str, Value] = {
            "subject_id": self.patient.subject_id,
            "institution": self.hospital.address,
            "valid_from": now,
            "valid_until": now + 30 * DAY,
        }
        return dataclasses.replace(samples.terms(), **{**own, **changes})

    def storing(self, **changes: Value) -> ConsentTerms:
        """Gives terms that also let the hospital store a copy for 20 days."""
        actions = 1 << Action.VIEW | 1 << Action.STORE
        return self.terms(**{"actions": actions, "erase_by": self.suite.now() + 20 * DAY, **changes})

    def grant(self, terms: ConsentTerms, signer: Signer | None = None) -> ConsentId:
        """Grants a consent."""
        signature = self.sign("Consents", terms, signer or self.patient.signer)
        self.suite.send("Consents", "grant", values_of(terms), signature, sender=self.relay)
        return consent_id(terms)

    def revoke(self, terms: ConsentTerms, signer: Signer | None = None, guardian: bytes = ZERO_32) -> TxReceipt:
        """Revokes a consent."""
        act = Revocation(consent_id(terms), terms.subject_id, guardian)
        signature = self.sign("Consents", act, signer or self.patient.signer)
        return self.suite.send("Consents", "revoke", values_of(terms), guardian, signature, sender=self.relay)

    def request(self, leaf: RecordLeaf, terms: ConsentTerms | None, **changes: Value) -> AccessRequest:
        """Gives a request of the hospital for a record under a consent, good for ten minutes."""
        now = self.suite.now()
        consent = ZERO_32 if terms is None else consent_id(terms)
        plain = samples.request(record_id(leaf), consent, self.hospital.release_key_hash)
        own: dict[str, Value] = {
            "institution": self.hospital.address,
            "issued_at": now - 10,
            "expires_at": now + 600,
        }
        return dataclasses.replace(plain, **{**own, **changes})

    def item(
        self,
        leaf: RecordLeaf,
        terms: ConsentTerms | None,
        *,
        signer: Signer | None = None,
        proof: tuple[bytes, ...] = (),
        **changes: Value,
    ) -> Item:
        """Gives a signed request for a record under a consent, with its material."""
        request = self.request(leaf, terms, **changes)
        signature = self.sign("AccessLedger", request, signer or self.hospital.signer)
        return Item(request, signature, leaf, terms, proof)

    def decide(self, items: Sequence[Item], relay: str | None = None) -> TxReceipt:
        """Submits a batch."""
        return self.suite.send("AccessLedger", "decide", *batch_of(items), sender=relay or self.relay)

    def sign_batch(self, items: Sequence[Item], signer: Signer | None = None) -> bytes:
        """Signs all requests of the hospital at once."""
        batch = batch_tree.batch_of(self.hospital.address, [item.request for item in items])
        return self.sign("AccessLedger", batch, signer or self.hospital.signer)

    def decide_batch(self, items: Sequence[Item], signature: bytes, relay: str | None = None) -> TxReceipt:
        """Submits a batch that was signed as a whole."""
        requests, tables = tables_of(items)
        return self.suite.send("AccessLedger", "decideBatch", requests, signature, tables, sender=relay or self.relay)

    def reasons(self, items: Sequence[Item]) -> list[Reason]:
        """Submits a batch and gives the reason logged for each item, permitted ones as ``NONE``."""
        events = self.suite.events(self.decide(items))
        assert [event.args["requestId"] for event in events] == [item.request.request_id for item in items]
        return [reason_of(event) for event in events]


def batch_of(items: Sequence[Item]) -> tuple[Value, ...]:
    """Gives the arguments of ``decide``: what repeats stands in its table once."""
    requests, tables = tables_of(items)
    return requests, [item.signature for item in items], tables


def reason_of(event: Event) -> Reason:
    """Gives the answer in a decision or a rejection."""
    if event.name == "RequestRejected":
        return Reason(event.args["reason"])
    return Reason(unpack_outcome(event.args["entry"]["outcome"])[0])


def tables_of(items: Sequence[Item]) -> tuple[Value, Value]:
    """Packs a batch for the ABI."""
    packed, tables = pack_batch([(item.request, item.material) for item in items])
    members = [getattr(tables, each.name) for each in dataclasses.fields(tables)]
    members[2] = [values_of(terms) for terms in tables.consents]
    members[4] = [values_of(leaf) for leaf in tables.leaves]
    members[6] = [values_of(given) for given in tables.authorisations]
    return [dataclasses.astuple(request) for request in packed], tuple(members)
