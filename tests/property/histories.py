"""Random histories: acts that are mostly right, wrong in every way now and then, on an agreeing pair of ledgers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from consentry.core import merkle
from consentry.core.codes import UNLIMITED_USES, Action, Assurance, ConsentStatus, GuardianScope, RecordStatus, bits
from consentry.core.terms import (
    ZERO_32,
    ZERO_ADDRESS,
    AccessRequest,
    Address,
    AuthorisationId,
    ConsentId,
    ConsentTerms,
    Enrolment,
    Material,
    RecordId,
    RecordLeaf,
    Revocation,
    SubjectId,
)
from consentry.core.typed_data import SignedStruct, consent_id, record_id, scope_key
from consentry.crypto.p256 import P256Key
from consentry.crypto.signing import AccountKey, SigningKey, sign
from consentry.crypto.webauthn import SoftwarePasskey
from tests.property.agreement import Agreement, Signed
from tests.property.life import asks, assisted_grants, bases
from tests.property.life.draws import HOUR, PEOPLE, RECENT, LifeDraws
from tests.property.officer_histories import GROUPS, RELEASE_KEYS, OfficerHistory
from tests.support import samples


@dataclass
class History(LifeDraws):
    """A random history; ``run`` takes it so many steps further.

    Attributes:
        random: what is chosen; Hypothesis may give it.
        words: what only has to differ from all others: keys, ids, nonces. Chance chosen small would make them equal.
    """

    officers: OfficerHistory = field(init=False)
    signers: dict[bytes, AccountKey] = field(default_factory=dict)
    leaves: list[RecordLeaf] = field(default_factory=list)
    asked: list[tuple[AccessRequest, RecordLeaf]] = field(default_factory=list)
    scopes: dict[bytes, list[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ledger = Agreement(self.account(), self.account(), self.account())
        self.officers = OfficerHistory(self)
        for _ in range(3):
            self.officers.admit_institution(careful=True)
        for _ in range(3):
            self.enrol(careful=True)
        for _ in range(4):
            self.anchor(careful=True)
            self.grant(careful=True)

    def run(self, steps: int) -> None:
        """Adds at least so many steps."""
        acts: list[tuple[int, Callable[[], None]]] = [
            (16, self.pass_time),
            (4, self.officers.admit_institution),
            (4, self.officers.change_standing),
            (1, self.officers.suspend_in_emergency),
            (4, self.officers.change_group),
            (3, self.officers.change_relay),
            (5, self.officers.change_keys),
            (5, self.officers.govern),
            (3, self.officers.confirm),
            (5, self.enrol),
            (16, self.anchor),
            (8, self.supersede),
            (22, self.grant),
            (8, self.revoke),
            (22, self.decide),
            (14, self.decide_batch),
            (4, self.grant_for_minor),
            (4, self.come_of_age),
            (30, self.perform),
        ]
        end = self.ledger.steps + steps
        while self.ledger.steps < end:
            [act] = self.random.choices([act for _, act in acts], [weight for weight, _ in acts])
            act()

    # Chance and keys.

    def account(self) -> AccountKey:
        """Draws a key, and keeps it for whoever signs with it later."""
        key = AccountKey(self._word())
        self.signers[key.signer] = key
        return key

    def signature(self, key: SigningKey, contract: str, value: SignedStruct, wrong: float = 3) -> bytes:
        """Signs, now and then wrongly."""
        if not self._chance(wrong):
            return sign(key, self.ledger.suite.domain(contract), value)
        made = sign(key, self.ledger.suite.domain(contract), value)
        return self.random.choice(
            [
                b"",
                self._word() + made[32:],
                made[:-1],
                sign(self.account(), self.ledger.suite.domain(contract), value),
                sign(key, self.ledger.suite.domain("Subjects" if contract != "Subjects" else "Records"), value),
            ]
        )

    def institution(self) -> Address:
        """Picks an institution, now and then one that was never admitted."""
        known = list(self.ledger.state.institutions)[-8:]
        return self.account().address if self._chance(3) or not known else self.random.choice(known)

    def key_of(self, institution: Address) -> AccountKey:
        """Gives the key an institution signs with today; the stranger's where nobody was admitted."""
        known = self.ledger.state.institutions.get(institution)
        return self.signers.get(known.signer, self.ledger.stranger) if known else self.ledger.stranger

    # Participants and time.

    def pass_time(self) -> None:
        """Lets between a second and a day or so go by, now and then until a minority ends or a recovery counts."""
        seconds = self.random.choice([1, 30, 61, HOUR // 2, HOUR, 6 * HOUR, 6 * HOUR, 30 * HOUR])
        later = self.ledger.now + seconds
        state = self.ledger.state
        ends = [facts.minor_until for facts in state.guardians.noted.values()]
        ends += [recovery.effective_at for recovery in state.keys.recoveries.values()]
        ahead = [end for end in ends if self.ledger.now < end <= self.ledger.now + 100 * 24 * HOUR]
        if ahead and self._chance(6):
            later = max(self.ledger.now + 1, min(ahead) + self.random.choice([-1, 0, 1]))
        self.ledger.suite.evm.travel(later)

    # Subjects, records, consents.

    def _patient(self) -> SigningKey:
        verifiers = self.ledger.suite.verifiers
        if self._chance(2):
            return P256Key(self.p256_secret(), verifiers.p256)
        if self._chance(2):
            return SoftwarePasskey(self.p256_secret(), verifiers.webauthn)
        return self.account()

    def enrol(self, *, careful: bool = False) -> None:
        """Enrols a subject, sometimes twice, too late, or with a signer nobody may have."""
        key, custodian = self._patient(), self.institution()
        subject = SubjectId(self._word())
        signer, before = key.signer, self.ledger.now + HOUR
        if not careful and self._chance(12):
            subject = self.random.choice([SubjectId(ZERO_32), *self.patients])
        if not careful and self._chance(4):
            signer = self.random.choice([b"", bytes(20), signer[:7], signer + b"x"])
        if not careful and self._chance(4):
            before = self.ledger.now - self.random.choice([0, 1])
        if careful:
            custodian = next(iter(self.ledger.state.institutions))
        enrolment = Enrolment(subject, signer, custodian, before)
        wrong = 0 if careful else 3
        by_subject = self.signature(key, "Subjects", enrolment, wrong)
        by_custodian = self.signature(self.key_of(custodian), "Subjects", enrolment, wrong)
        if self.ledger.enrol(enrolment, by_subject, by_custodian, self.relay() if not careful else self._payer()):
            self.patients[subject] = key

    def _payer(self) -> Address:
        return self.ledger.suite.evm.payer

    def _subject(self) -> SubjectId:
        return SubjectId(self._word()) if self._chance(2) else self.random.choice(list(self.patients)[-5:])

    def _leaf(self, subject: SubjectId) -> RecordLeaf:
        r = self.random
        return replace(
            samples.leaf(),
            custodian=self.ledger.state.custodian_of(subject),
            subject_id=subject,
            category=r.randint(1, 4),
            sensitivity=r.choice([1, 2, 2, 3, 4, 5]),
            data_month=r.randint(676, 684) if self._chance(85) else r.choice([0, 300, 520]),
            retention=r.choice([1, 2]),
            commitment=self._word(),
        )

    def _spoiled(self, leaf: RecordLeaf) -> RecordLeaf:
        changes: list[dict[str, Any]] = [
            {"category": self.random.choice([0, 13, 255])},
            {"sensitivity": self.random.choice([0, 6])},
            {"suite": self.random.choice([0, 2])},
            {"retention": self.random.choice([0, 3])},
            {"ciphertext_digest": ZERO_32},
            {"commitment": ZERO_32},
            {"ciphertext_size": 0},
            {"version": self.random.choice([0, 2, 9])},
            {"lineage": self._word()},
            {"previous": self._word()},
            {"custodian": self.institution()},
            {"subject_id": self._subject()},
        ]
        return replace(leaf, **self.random.choice(changes))

    def anchor(self, *, careful: bool = False) -> None:
        """Anchors a first version, sometimes a spoiled or a known one."""
        leaf = self._leaf(self._subject() if not careful else next(iter(self.patients)))
        if not careful and self._chance(25):
            leaf = self._spoiled(leaf)
        elif not careful and self.leaves and self._chance(4):
            leaf = self.random.choice(self.leaves)
        key = self.key_of(leaf.custodian)
        signature = self.signature(key, "Records", leaf, 0 if careful else 3)
        if self.ledger.anchor(leaf, signature, self._payer() if careful else self.relay()):
            self.leaves.append(leaf)

    def supersede(self) -> None:
        """Anchors a next version, sometimes of something that is no longer current."""
        previous = self.random.choice(self.leaves[-RECENT:])
        if self._chance(4):
            previous = replace(previous, commitment=self._word())
        leaf = replace(
            self._leaf(previous.subject_id),
            previous=record_id(previous),
            lineage=scope_key(previous),
            version=previous.version + 1,
        )
        if self._chance(25):
            leaf = self._spoiled(leaf)
        key = self.key_of(leaf.custodian)
        if self.ledger.supersede(previous, leaf, self.signature(key, "Records", leaf), self.relay()):
            self.leaves.append(leaf)

    def _terms(self) -> ConsentTerms:
        r, now = self.random, self.ledger.now
        subject = self._subject()
        own = [leaf for leaf in self.leaves[-RECENT:] if leaf.subject_id == subject]
        named = [scope_key(leaf) for leaf in own if self._chance(70)]
        by_name = bool(named) and self._chance(45)
        root = merkle.root_of(named) if by_name else ZERO_32
        self.scopes[root] = named if by_name else []
        in_group = self._chance(20)
        stores = self._chance(30)
        start = now + r.choice([-HOUR, 0, 0, 0, HOUR])
        return replace(
            samples.terms(),
            subject_id=subject,
            institution=ZERO_ADDRESS if in_group else self.institution(),
            group=r.choice(GROUPS) if in_group else ZERO_32,
            practitioner=r.choice(PEOPLE) if not in_group and self._chance(25) else ZERO_32,
            records_root=root,
            categories=0 if by_name else bits(*r.sample(range(1, 5), r.randint(2, 4))),
            purposes=bits(*r.sample(range(1, 5), r.randint(1, 4))),
            actions=bits(Action.VIEW, Action.STORE) if stores else bits(Action.VIEW),
            max_sensitivity=r.randint(2, 5 if by_name else 4),
            data_from=r.randint(674, 678),
            data_until=r.randint(680, 686),
            valid_from=max(start, 0),
            valid_until=start + r.choice([HOUR, 12 * HOUR, 5 * 86400]),
            max_uses=r.choice([1, 2, 5, UNLIMITED_USES]),
            erase_by=max(start, now) + r.choice([1, HOUR, 86400]) if stores else 0,
            nonce=self.words.getrandbits(256),
        )

    def _bad_terms(self, terms: ConsentTerms) -> ConsentTerms:
        changes: list[dict[str, Any]] = [
            {"institution": ZERO_ADDRESS},
            {"group": GROUPS[0]},
            {"practitioner": PEOPLE[0]},
            {"records_root": self._word()},
            {"categories": self.random.choice([0, 1, 1 << 13, 6])},
            {"purposes": self.random.choice([0, 1, 1 << 16])},
            {"actions": self.random.choice([0, 1, 8, 12])},
            {"max_sensitivity": self.random.choice([0, 5, 6])},
            {"data_from": 700, "data_until": 1},
            {"valid_until": self.random.choice([0, self.ledger.now, terms.valid_from])},
            {"max_uses": 0},
            {"onward_disclosure": True},
            {"erase_by": self.random.choice([0, 1, self.ledger.now])},
            {"notice_hash": ZERO_32},
            {"notice_version": 0},
            {"assurance": self.random.choice([0, 2, 3, 4, 5])},
            {"guardian": self._word()},
        ]
        return replace(terms, **self.random.choice(changes))

    def grant(self, *, careful: bool = False) -> None:
        """Grants, sometimes terms that must be refused or were granted before."""
        terms = self._terms()
        if careful:
            terms = self.in_force(terms)
        if not careful and self._chance(15):
            until = max(terms.valid_until, self.ledger.now + self.random.choice([0, 300]) * 24 * HOUR)
            guardian = self.guardian_of(terms.subject_id)[0]
            terms = replace(terms, guardian=guardian, assurance=Assurance.GUARDIAN, valid_until=until)
        elif not careful and self._chance(8):
            terms = replace(terms, assurance=Assurance.CARD_AND_CODE)
        if not careful and self._chance(20):
            terms = self._bad_terms(terms)
        elif not careful and self.granted and self._chance(5):
            terms = self.random.choice(self.granted[-RECENT:])
        elif not careful and self._chance(25):
            terms = self.random.choice([asks.answer, assisted_grants.prepared])(self) or terms
        signature = self.signature(self._key_of(terms), "Consents", terms, 0 if careful else 3)
        accepted = self.ledger.grant(terms, signature, self._payer() if careful else self.relay())
        assert accepted or not careful, "a history needs a consent to begin with"
        if accepted or self._chance(10):
            self.granted.append(terms)

    def grant_for_minor(self) -> None:
        """Grants as a guardian who may, for longer than the minority lasts."""
        guardians, now = self.ledger.state.guardians, self.ledger.now
        fit = [
            (name, kept)
            for name, kept in guardians.appointments.items()
            if kept.scopes >> GuardianScope.GRANT & 1
            and kept.valid_from <= now < kept.valid_until
            and guardians.facts_of(kept.subject_id).is_minor(now)
        ]
        if not fit:
            return
        name, kept = self.random.choice(fit)
        until = guardians.facts_of(kept.subject_id).minor_until + self.random.choice([-1, 1, 24 * HOUR])
        terms = replace(
            self._terms(),
            subject_id=kept.subject_id,
            guardian=name,
            assurance=Assurance.GUARDIAN,
            records_root=ZERO_32,
            categories=bits(*range(1, 5)),
            max_sensitivity=4,
            valid_until=max(until, now + 1),
            max_uses=UNLIMITED_USES,
        )
        if self.ledger.grant(terms, self.signature(self.keys[kept.signer], "Consents", terms), self.relay()):
            self.granted.append(terms)

    def _key_of(self, terms: ConsentTerms) -> SigningKey:
        kept = self.ledger.state.guardians.appointments.get(terms.guardian)
        if kept:
            return self.keys[kept.signer]
        card = self.keys.get(self.ledger.state.keys.cards.get(terms.subject_id, b""))
        counts = terms.assurance == Assurance.CARD_AND_CODE or self._chance(30)
        return card if card and counts else self.own_key(terms.subject_id)

    def revoke(self) -> None:
        """Revokes, sometimes what was never granted or is revoked already."""
        terms = self._terms() if self._chance(15) or not self.granted else self.random.choice(self.granted[-RECENT:])
        guardian, key = ZERO_32, self.own_key(terms.subject_id)
        if self._chance(30):
            guardian, key = self.guardian_of(terms.subject_id)
        if self._chance(15):  # sometimes under an appointment, too, where it counts for nothing
            key = self.keys.get(self.ledger.state.keys.cards.get(terms.subject_id, b""), key)
        revocation = Revocation(consent_id(terms), terms.subject_id, guardian)
        self.ledger.revoke(terms, guardian, self.signature(key, "Consents", revocation), self.relay())

    # Decisions.

    def decide(self) -> None:
        """Decides a batch of up to fifty requests."""
        size = self.random.choice([0, 1, 5, 20, 50]) if self._chance(50) else self.random.randint(20, 50)
        self.ledger.decide([self._item() for _ in range(size)], self.relay())

    def decide_batch(self) -> None:
        """Decides a batch of up to thirty requests that mostly one institution signed at once."""
        items = [self._item() for _ in range(self.random.choice([0, 1, 2, 3, 5, 8, 13, 30]))]
        first = items[0][0].institution if items else self.ledger.stranger.address
        own = [item for item in items if item[0].institution == first]
        key = self.key_of(first)
        signer = self.ledger.stranger if self._chance(5) else key
        self.ledger.decide_batch(items if self._chance(5) else own, signer, self.relay())

    def come_of_age(self) -> None:
        """Lets a minority end in which a guardian granted, and asks under what it granted."""
        state, now = self.ledger.state, self.ledger.now
        ends = {terms: state.guardians.facts_of(terms.subject_id).minor_until for terms in self.granted}
        due = [
            (terms, end)
            for terms, end in ends.items()
            if terms.guardian != ZERO_32
            and now < end <= terms.valid_until
            and state.consent(consent_id(terms)).status == ConsentStatus.ACTIVE
        ]
        if not due:
            return
        terms, end = self.random.choice(due)
        self.ledger.suite.evm.travel(max(now + 1, end + self.random.choice([-1, 0, 1])))
        own = [leaf for leaf in self.leaves if leaf.subject_id == terms.subject_id]
        fit = [leaf for leaf in own if self._is_covered(leaf, terms)]
        current = [leaf for leaf in fit if state.record_status(record_id(leaf)) == RecordStatus.CURRENT]
        self.ledger.decide([self._signed(leaf, terms) for leaf in current[-5:]], self.relay())

    def _signed(self, leaf: RecordLeaf, terms: ConsentTerms) -> Signed:
        request = self._request(leaf, terms)
        self.asked.append((request, leaf))
        signature = self.signature(self.key_of(request.institution), "AccessLedger", request)
        return request, signature, Material(leaf, terms, self._proof(leaf, terms))

    def _matching(self) -> tuple[RecordLeaf, ConsentTerms]:
        """Picks a record and a consent that mostly go together and are mostly in force."""
        state, now = self.ledger.state, self.ledger.now
        granted, leaves = self.granted[-RECENT:], self.leaves[-RECENT:]
        alive = [
            terms
            for terms in granted
            if state.consent(consent_id(terms)).status == ConsentStatus.ACTIVE and terms.valid_until > now
        ]
        terms = self.random.choice(alive if alive and self._chance(88) else granted)
        own = [leaf for leaf in leaves if leaf.subject_id == terms.subject_id]
        current = [leaf for leaf in own if state.record_status(record_id(leaf)) == RecordStatus.CURRENT]
        covered = [leaf for leaf in current if self._is_covered(leaf, terms)]
        for pool, percent in ((covered, 75), (current, 80), (own, 80)):
            if pool and self._chance(percent):
                return self.random.choice(pool), terms
        return self.random.choice(leaves), terms

    def _is_covered(self, leaf: RecordLeaf, terms: ConsentTerms) -> bool:
        if terms.records_root == ZERO_32:
            return bool(terms.categories >> leaf.category & 1) and leaf.sensitivity <= terms.max_sensitivity
        return merkle.proves(terms.records_root, merkle.leaf_of(scope_key(leaf)), self._proof(leaf, terms))

    def _proof(self, leaf: RecordLeaf, terms: ConsentTerms) -> tuple[bytes, ...]:
        keys = self.scopes.get(terms.records_root, [])
        if scope_key(leaf) in keys:
            return merkle.proof_of(keys, scope_key(leaf))
        return ()

    def _item(self) -> Signed:
        if self._chance(30):
            return self._item_without_consent()
        leaf, terms = self._matching()
        if self._chance(2):
            leaf = replace(leaf, commitment=self._word())
        request = self._request(leaf, terms)
        for _ in range(self.random.choice([0, 0, 0, 0, 1, 1, 2])):
            request = replace(request, **self._wrong_member())
        material = Material(leaf, terms, self._proof(leaf, terms))
        if self._chance(2):
            # A leaf of another subject would be the relay's own mistake and revert its batch.
            others = [other for other in self.leaves if other.subject_id == material.leaf.subject_id]
            material = replace(material, leaf=self.random.choice(others))
        if self._chance(2):
            material = replace(material, terms=self.random.choice([None, *self.granted]))
        if self._chance(3):
            material = replace(material, scope_proof=(self._word(),))
        if self.asked and self._chance(4):
            request, leaf = self.random.choice(self.asked[-RECENT:])
            material = replace(material, leaf=leaf)
        self.asked.append((request, material.leaf))
        key = self.key_of(request.institution)
        return request, self.signature(key, "AccessLedger", request), material

    def _item_without_consent(self) -> Signed:
        request, material = self.random.choice([bases.emergency, bases.authorised])(self)
        key = self.key_of(request.institution)
        return request, self.signature(key, "AccessLedger", request), material

    def _request(self, leaf: RecordLeaf, terms: ConsentTerms) -> AccessRequest:
        r, now = self.random, self.ledger.now
        members = [a for g, a in self.ledger.state.members if g == terms.group]
        institution = terms.institution if any(terms.institution) else r.choice([*members, self.institution()])
        known = self.ledger.state.institutions.get(institution)
        return AccessRequest(
            request_id=r.getrandbits(8) if self._chance(5) else self.words.getrandbits(256),
            institution=institution,
            record_id=record_id(leaf),
            consent_id=consent_id(terms),
            authorisation_id=AuthorisationId(ZERO_32),
            purpose=r.choice([code for code in range(1, 16) if terms.purposes >> code & 1] or [1]),
            action=r.choice([code for code in (1, 2) if terms.actions >> code & 1] or [1]),
            legal_basis=1,
            actor_kind=r.choice([1, 2]),
            reason_code=0,
            reason_hash=ZERO_32 if self._chance(50) else self._word(),
            practitioner=terms.practitioner if any(terms.practitioner) else r.choice(PEOPLE),
            release_key_hash=known.release_key_hash if known else ZERO_32,
            issued_at=now - 5,
            expires_at=now + HOUR,
        )

    def _wrong_member(self) -> dict[str, Any]:
        r, now = self.random, self.ledger.now
        changes: list[dict[str, Any]] = [
            {"institution": self.institution()},
            {"record_id": RecordId(self._word())},
            {"consent_id": ConsentId(ZERO_32)},
            {"consent_id": ConsentId(self._word())},
            {"purpose": r.choice([0, 1, 2, 3, 4, 5, 16, 255])},
            {"action": r.choice([0, 1, 2, 3, 255])},
            {"legal_basis": r.choice([0, 2, 3, 4])},
            {"legal_basis": r.choice([3, 4]), "consent_id": ConsentId(ZERO_32)},
            {"legal_basis": r.choice([1, 3, 4]), "authorisation_id": AuthorisationId(self._word())},
            {"reason_code": r.choice([1, 255])},
            {"actor_kind": r.choice([0, 3])},
            {"practitioner": r.choice([ZERO_32, *PEOPLE])},
            {"release_key_hash": hashlib.sha256(r.choice(RELEASE_KEYS)).digest()},
            {"issued_at": now + r.choice([59, 60, 61, 62])},
            {"expires_at": now + r.choice([-1, 0, 1])},
        ]
        return r.choice(changes)
