"""Plays a year on the real contracts and keeps all that a node of the chain can see.

Everything a gateway or a wallet would compute is computed by the product: signatures, pseudonyms of staff, commitments,
notices, packed batches. Keys, nonces and contents come from a seeded generator, so a year repeats byte for byte.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from random import Random
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from eth.vm.state import BaseState

from consentry.core.codes import UNLIMITED_USES
from consentry.core.packing import pack_batch
from consentry.core.terms import (
    ZERO_32,
    AccessRequest,
    ConsentTerms,
    Enrolment,
    Material,
    RecordLeaf,
    Revocation,
    SubjectId,
)
from consentry.core.typed_data import SignedStruct, consent_id, record_id
from consentry.crypto import p256
from consentry.crypto.commitment import commit_plaintext
from consentry.crypto.framing import length_prefixed
from consentry.crypto.p256 import P256Key
from consentry.crypto.pseudonyms import practitioner_of
from consentry.crypto.signing import AccountKey, SigningKey, sign
from consentry.crypto.webauthn import SoftwarePasskey
from consentry.evidence import notice
from tests.promises.people import Person
from tests.promises.schedule import MONTH_OF_START, START, Act, Kind, Year, pseudonym
from tests.support import samples
from tests.support.evm import Evm, Interface, Log
from tests.support.suite import Suite, plain

REASONS: Final = ("follow-up after discharge", "second opinion asked for by the patient", "术前评估 既往影像")
STAFF: Final = ("D-0017 Zhao Min", "D-0042 Wang Qiang", "N-0311 Sun Li")


class Visible(NamedTuple):
    """A piece of what everybody sees: where it stands, and its bytes."""

    place: str
    data: bytes


@dataclass
class Hospital:
    """A hospital with its keys and secrets."""

    key: AccountKey
    relays: tuple[AccountKey, AccountKey]
    release_key: bytes
    secret: bytes


@dataclass
class Clinic:
    """Two hospitals on a chain in this process, and the acts of their patients.

    Attributes:
        people: who is treated; acts name them by their places.
        seed: decides over keys and contents.
        logs: every event of the acts, with its time.
    """

    people: list[Person]
    seed: int
    suite: Suite = field(init=False)
    hospitals: tuple[Hospital, Hospital] = field(init=False)
    logs: list[tuple[int, Log]] = field(default_factory=list)
    _words: Random = field(init=False)
    _leaves: dict[int, RecordLeaf] = field(default_factory=dict)
    _terms: dict[int, ConsentTerms] = field(default_factory=dict)
    _signers: dict[bytes, SigningKey] = field(default_factory=dict)
    _slots: list[tuple[bytes, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._words = Random(f"words {self.seed}")
        self.hospitals = (self._hospital(), self._hospital())
        relays = [relay for hospital in self.hospitals for relay in hospital.relays]
        with self._recording():
            self.suite = Suite(Evm(*relays))
            self.suite.evm.travel(START - samples.DAY)
            for hospital in self.hospitals:
                self._admit(hospital)

    def play(self, year: Year) -> None:
        """Plays all acts of a year, and nothing beside them."""
        for number, act in year.in_order():
            self.step(number, act)

    def step(self, number: int, act: Act) -> None:
        """Plays one act of a year."""
        steps = {
            Kind.ENROL: self._enrol,
            Kind.ANCHOR: self._anchor,
            Kind.SUPERSEDE: self._anchor,
            Kind.GRANT: self._grant,
            Kind.REVOKE: self._revoke,
            Kind.ACCESS: self._access,
        }
        steps[act.kind](number, act)

    def leaf_of(self, number: int) -> RecordLeaf:
        """Gives the leaf that an act anchored."""
        return self._leaves[number]

    def terms_of(self, number: int) -> ConsentTerms:
        """Gives the terms that an act granted."""
        return self._terms[number]

    def send(self, contract: str, function: str, *arguments: Any, time: int, hospital: int = 0) -> None:  # noqa: ANN401 - whatever the function takes
        """Sends an act by one of a hospital's relays; it must go through."""
        relay = self._words.choice(self.hospitals[hospital].relays).address
        address = self.suite.addresses[contract]
        with self._recording():
            outcome = self.suite.evm.send(address, function, *arguments, time=time, sender=relay)
        self.suite.must(outcome)
        self.logs += [(time, log) for log in outcome.logs]

    def visible(self) -> list[Visible]:
        """Gives all that stands on the chain: calldata, events, and every value that was ever stored."""
        codes = [Interface.named(name).bytecode for name in self.suite.addresses]
        pieces = [
            Visible(f"storage of 0x{a.hex()}", s.to_bytes(32, "big") + v.to_bytes(32, "big")) for a, s, v in self._slots
        ]
        chain = self.suite.evm._chain
        for number in range(1, self.suite.evm.height + 1):
            block = chain.get_canonical_block_by_number(number)
            for transaction in block.transactions:
                # What is published as source is no secret: of a deployment, only the arguments count.
                code = next((c for c in codes if not transaction.to and transaction.data.startswith(c)), b"")
                pieces.append(Visible(f"calldata of block {number}", bytes(transaction.data[len(code) :])))
            for receipt in block.get_receipts(chain.chaindb):
                for log in receipt.logs:
                    topics = b"".join(topic.to_bytes(32, "big") for topic in log.topics)
                    pieces.append(Visible(f"event of block {number}", topics + bytes(log.data)))
        return pieces

    def born_of(self) -> dict[bytes, date]:
        """Gives the birth date of whoever stands behind each pseudonym; no node knows that."""
        return {
            pseudonym(self.seed, person.number, custodian): person.born
            for person in self.people
            for custodian in (0, 1)
        }

    def signer_of(self, act: Act) -> SigningKey:
        """Gives the key of the person concerned at the custodian."""
        return self._signers[self.subject(act)]

    def subject(self, act: Act) -> SubjectId:
        """Gives the pseudonym of the person concerned at the custodian."""
        return SubjectId(pseudonym(self.seed, act.person, act.custodian))

    def reason_hash(self, hospital: int, text: str) -> bytes:
        """Gives a keyed hash of a reason text: the request's id makes equal texts differ."""
        salt = self._words.randbytes(16)
        message = length_prefixed(b"consentry/reason/v1", salt, text.encode())
        return hmac.digest(self.hospitals[hospital].secret, message, "sha256")

    @contextmanager
    def _recording(self) -> Iterator[None]:
        """Keeps each value that is stored, also where a later one takes its place."""
        put = BaseState.set_storage

        def keep(state: BaseState, address: bytes, slot: int, value: int) -> None:
            self._slots.append((bytes(address), slot, value))
            put(state, address, slot, value)  # type: ignore[arg-type]  # as eth-tester gave them

        BaseState.set_storage = keep  # type: ignore[method-assign, assignment]  # every write is kept
        try:
            yield
        finally:
            BaseState.set_storage = put  # type: ignore[method-assign]  # put back

    def _hospital(self) -> Hospital:
        relays = (AccountKey(self._words.randbytes(32)), AccountKey(self._words.randbytes(32)))
        key = AccountKey(self._words.randbytes(32))
        return Hospital(key, relays, self._words.randbytes(1216), self._words.randbytes(32))

    def _admit(self, hospital: Hospital) -> None:
        address, profile = hospital.key.address, self._words.randbytes(32)
        admission = (address, 440300, address, hospital.release_key, profile)
        self.suite.by_two("admitInstitution", *admission)
        for relay in hospital.relays:
            self.suite.by_two("admitRelay", relay.address, address)

    def signature(self, key: SigningKey, contract: str, value: SignedStruct) -> bytes:
        """Signs an act in the domain of a contract."""
        return sign(key, self.suite.domain(contract), value)

    def _signer(self, device: str, hospital: int) -> SigningKey:
        secret = self._words.randbytes(32)
        if device == "account":
            return AccountKey(secret)
        private = ec.derive_private_key(int.from_bytes(secret, "big") % (p256.ORDER - 1) + 1, ec.SECP256R1())
        if device == "P-256":
            return P256Key(private, self.suite.verifiers.p256)
        party = f"gateway-{'ab'[hospital]}.example"
        return SoftwarePasskey(private, self.suite.verifiers.webauthn, party, f"https://{party}")

    def _enrol(self, _: int, act: Act) -> None:
        key = self._signer(act.device, act.custodian)
        hospital = self.hospitals[act.custodian].key
        enrolment = Enrolment(self.subject(act), key.signer, hospital.address, act.time + 600)
        self._signers[enrolment.subject_id] = key
        signatures = [self.signature(each, "Subjects", enrolment) for each in (key, hospital)]
        self.send("Subjects", "enrol", plain(enrolment), *signatures, time=act.time, hospital=act.custodian)

    def _anchor(self, number: int, act: Act) -> None:
        previous = self._leaves[act.target] if act.kind is Kind.SUPERSEDE else None
        leaf = self.leaf(act, previous)
        self._leaves[number] = leaf
        signature = self.signature(self.hospitals[act.custodian].key, "Records", leaf)
        if previous is None:
            self.send("Records", "anchor", plain(leaf), signature, time=act.time, hospital=act.custodian)
        else:
            both = (plain(previous), plain(leaf))
            self.send("Records", "supersede", *both, signature, time=act.time, hospital=act.custodian)

    def leaf(self, act: Act, previous: RecordLeaf | None = None) -> RecordLeaf:
        """Gives the leaf of a record that says who the patient is and what is wrong with them."""
        person = self.people[act.person]
        content = f"{person.name} {person.chinese_name} {person.born} {person.card} {person.diagnosis}".encode()
        size, digest = 4096 + len(content) + self._words.randrange(10**6), hashlib.sha256(content).digest()
        object_id, version = self._words.randbytes(32), 1 if previous is None else previous.version + 1
        blinding = self._words.randbytes(32)
        first = ZERO_32 if previous is None else record_id(previous)
        return RecordLeaf(
            custodian=self.hospitals[act.custodian].key.address,
            subject_id=self.subject(act),
            previous=first,
            lineage=first if previous is None or not any(previous.lineage) else previous.lineage,
            version=version,
            category=act.categories.bit_length() - 1,
            sensitivity=3 if previous is None else previous.sensitivity,
            data_month=MONTH_OF_START + (act.time - START) // (31 * samples.DAY),
            suite=1,
            retention=1,
            ciphertext_digest=hashlib.sha256(self._words.randbytes(64)).digest(),
            ciphertext_size=size,
            commitment=commit_plaintext(
                blinding, object_id=object_id, version=version, size=size, plaintext_sha256=digest
            ),
        )

    def terms(self, act: Act) -> ConsentTerms:
        """Gives the terms of a grant, with the notice that was shown."""
        grantee = self.hospitals[act.institution].key.address
        drawn = replace(
            samples.terms(),
            subject_id=self.subject(act),
            institution=grantee,
            categories=act.categories,
            purposes=act.purposes,
            data_from=MONTH_OF_START - 12 * 30,
            data_until=MONTH_OF_START + 24,
            valid_from=act.time,
            valid_until=act.time + act.days * samples.DAY,
            max_uses=UNLIMITED_USES,
            notice_version=notice.CURRENT_VERSION,
            nonce=self._words.getrandbits(256),
        )
        text = notice.render(drawn, notice.CURRENT_VERSION, "zh")
        return replace(drawn, notice_hash=hashlib.sha256(text.encode()).digest())

    def _grant(self, number: int, act: Act) -> None:
        terms = self.terms(act)
        self._terms[number] = terms
        signature = self.signature(self.signer_of(act), "Consents", terms)
        self.send("Consents", "grant", plain(terms), signature, time=act.time, hospital=act.custodian)

    def _revoke(self, _: int, act: Act) -> None:
        terms = self._terms[act.target]
        revocation = Revocation(consent_id(terms), terms.subject_id, ZERO_32)
        signature = self.signature(self.signer_of(act), "Consents", revocation)
        self.send("Consents", "revoke", plain(terms), ZERO_32, signature, time=act.time, hospital=act.custodian)

    def request(self, act: Act) -> AccessRequest:
        """Gives the request of a practitioner of the hospital that asks."""
        asking = self.hospitals[act.institution]
        terms = self._terms.get(act.consent)
        return replace(
            samples.request(
                record_id(self._leaves[act.target]),
                ZERO_32 if terms is None else consent_id(terms),
                hashlib.sha256(asking.release_key).digest(),
            ),
            request_id=self._words.getrandbits(256),
            institution=asking.key.address,
            reason_hash=self.reason_hash(act.institution, self._words.choice(REASONS)),
            practitioner=practitioner_of(asking.secret, self._words.choice(STAFF)),
            issued_at=act.time - 2,
            expires_at=act.time + 60,
        )

    def _access(self, _: int, act: Act) -> None:
        self.ask(act, self.request(act))

    def ask(self, act: Act, request: AccessRequest, material: Material | None = None) -> None:
        """Submits a request, with what stands behind it: the consent that the act names unless another is given."""
        if material is None:
            material = Material(self._leaves[act.target], self._terms.get(act.consent), ())
        requests, tables = pack_batch([(request, material)])
        members = list(plain(tables))
        members[2], members[4] = [plain(each) for each in tables.consents], [plain(each) for each in tables.leaves]
        members[6] = [plain(each) for each in tables.authorisations]
        signatures = [self.signature(self.hospitals[act.institution].key, "AccessLedger", request)]
        arguments = ([plain(each) for each in requests], signatures, tuple(members))
        self.send("AccessLedger", "decide", *arguments, time=act.time, hospital=act.custodian)
