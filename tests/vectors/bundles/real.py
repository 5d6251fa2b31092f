"""Bundles of accesses that really happened, on the contracts in this process; keys and times are fixed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from eth_hash.auto import keccak

from consentry.core import events, merkle
from consentry.core.acts import parties_of
from consentry.core.authorisations import StandingAuthorisation, authorisation_id
from consentry.core.batch_tree import batch_of, paths_of
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.codes import (
    EMERGENCY_WINDOW,
    Action,
    Assurance,
    EmergencyReason,
    ErasureReason,
    GuardianKind,
    GuardianScope,
    LegalBasis,
    Purpose,
    Reason,
    RecoveryProposer,
    RestrictionReason,
    bits,
)
from consentry.core.emergencies import debt_id
from consentry.core.erasures import Erasure, ErasureOfficerAdmission, Restriction
from consentry.core.guardianship import GuardianAppointment
from consentry.core.packing import unpack_outcome
from consentry.core.signed_act import SignedAct
from consentry.core.signer_keys import CardRegistration, RecoveryCompletion, RecoveryProposal, SignerRotation
from consentry.core.terms import (
    ZERO_32,
    ZERO_ADDRESS,
    AccessEntry,
    AccessRequest,
    Address,
    ConsentId,
    ConsentTerms,
    Enrolment,
    InstitutionKeys,
    Material,
    RecordLeaf,
    SubjectId,
)
from consentry.core.typed_data import consent_id, record_id, scope_key, struct_hash
from consentry.crypto import p256
from consentry.crypto.council import Council, CouncilKey
from consentry.crypto.signing import AccountKey, SigningKey, sign
from consentry.crypto.webauthn import SoftwarePasskey
from consentry.evidence.assemble import AccessHistory, ChainFacts, assemble
from consentry.evidence.bundle import Bundle
from consentry.evidence.trust import CONTRACTS, TrustedBlock, TrustRoot
from tests.support import samples
from tests.support.evm import PAYER, Log, Outcome
from tests.support.samples import NOW
from tests.support.suite import Suite, plain

REGION: Final = 440300
CUSTODIAN: Final = AccountKey(keccak(b"bundles: custodian"))
HOSPITAL: Final = AccountKey(keccak(b"bundles: hospital"))
NEW_KEY: Final = AccountKey(keccak(b"bundles: hospital, new"))
NEW_RELEASE_KEY: Final = samples.RELEASE_KEY[::-1]
PATIENT: Final = AccountKey(keccak(b"bundles: patient"))
STRANGER: Final = AccountKey(keccak(b"bundles: stranger"))
SECOND: Final = AccountKey(keccak(b"bundles: second key of the patient"))
MEMBERS: Final = (AccountKey(keccak(b"bundles: grandmother")), AccountKey(keccak(b"bundles: grandfather")))


def curve_key(seed: bytes) -> ec.EllipticCurvePrivateKey:
    """Gives a P-256 key that is always the same."""
    return ec.derive_private_key(int.from_bytes(keccak(seed), "big") % p256.ORDER, ec.SECP256R1())


KeyChange = Callable[["Story", SubjectId], tuple[SigningKey, tuple[events.ActPerformed, ...], dict[str, Any]]]
"""Changes who signs for a subject; gives the key, the acts that name its signer, and members of the terms."""


@dataclass
class Case:
    """One patient with one record and one consent."""

    key: SigningKey
    subject: SubjectId
    leaf: RecordLeaf
    terms: ConsentTerms
    enrolled: events.SubjectEnrolled
    anchored: events.RecordAnchored
    granted: events.ConsentGranted
    scope_proof: tuple[bytes, ...] = ()
    keys: tuple[events.ActPerformed, ...] = ()


@dataclass
class Story:
    """A deployment on which accesses are decided and proved."""

    suite: Suite = field(default_factory=Suite)
    admitted: dict[bytes, events.InstitutionAdmitted] = field(default_factory=dict)
    rotated: events.InstitutionKeysRotated | None = None
    signer: AccountKey = HOSPITAL
    release_key: bytes = samples.RELEASE_KEY

    def __post_init__(self) -> None:
        self.suite.evm.travel(NOW)
        for institution in (CUSTODIAN, HOSPITAL):
            address = institution.address
            outcome = self.suite.by_two("admitInstitution", address, REGION, address, samples.RELEASE_KEY, ZERO_32)
            payer = self.suite.evm.payer
            self.admitted[address] = events.InstitutionAdmitted(
                self.place(outcome), address, payer, REGION, address, samples.RELEASE_KEY, ZERO_32
            )

    def place(self, outcome: Outcome) -> EventPlace:
        """Gives where an act was mined."""
        self.suite.must(outcome)
        return EventPlace(BlockReference(outcome.block_number, ZERO_32, outcome.time), ZERO_32, 0)

    def rotate(self) -> None:
        """Has the hospital rotate its keys; from then on it signs with the new one."""
        keys = InstitutionKeys(HOSPITAL.address, NEW_KEY.signer, NEW_RELEASE_KEY, NOW + samples.DAY)
        domain = self.suite.domain("Participants")
        signatures = sign(HOSPITAL, domain, keys), sign(NEW_KEY, domain, keys)
        self._rotated(self.suite.act("Participants", "rotateInstitutionKeys", plain(keys), *signatures), keys)
        self.signer = NEW_KEY

    def reset(self) -> None:
        """Has two officers give the hospital the keys of its admission back."""
        keys = InstitutionKeys(HOSPITAL.address, HOSPITAL.signer, samples.RELEASE_KEY, 0)
        outcome = self.suite.by_two("resetInstitutionKeys", keys.institution, keys.signer, keys.release_key)
        self._rotated(outcome, keys, self.suite.evm.payer)
        self.signer = HOSPITAL

    def _rotated(self, outcome: Outcome, keys: InstitutionKeys, by: Address = ZERO_ADDRESS) -> None:
        self.release_key = keys.release_key
        self.rotated = events.InstitutionKeysRotated(
            self.place(outcome), keys.institution, by, keys.signer, keys.release_key, keys.sign_before
        )

    def perform(self, act: SignedAct, *keys: SigningKey) -> events.ActPerformed:
        """Has a signed act taken."""
        domain, form = self.suite.domain(act.FORM.contract), act.FORM
        signatures = tuple(sign(key, domain, act) for key in keys)
        outcome = self.suite.act(form.contract, form.function, plain(act), list(signatures))
        return events.ActPerformed(self.place(outcome), struct_hash(act), *parties_of(act), act, signatures)

    def case(
        self,
        key: SigningKey,
        name: str,
        change_keys: KeyChange | None = None,
        **terms: Any,  # noqa: ANN401 - fields of the terms
    ) -> Case:
        """Enrols, anchors and grants; in between who signs may change."""
        suite, subject = self.suite, SubjectId(keccak(name.encode()))
        enrolment = Enrolment(subject, key.signer, CUSTODIAN.address, NOW + samples.DAY)
        domain = suite.domain("Subjects")
        outcome = suite.enrol(enrolment, sign(key, domain, enrolment), sign(CUSTODIAN, domain, enrolment))
        enrolled = events.SubjectEnrolled(self.place(outcome), subject, CUSTODIAN.address, key.signer)
        leaf = replace(samples.leaf(), custodian=CUSTODIAN.address, subject_id=subject)
        outcome = suite.anchor(leaf, sign(CUSTODIAN, suite.domain("Records"), leaf))
        anchored = events.RecordAnchored(self.place(outcome), record_id(leaf), subject, CUSTODIAN.address, leaf)
        proof: tuple[bytes, ...] = ()
        if terms.pop("named", False):
            keys = [scope_key(leaf), samples.word(3), samples.word(4)]
            proof = merkle.proof_of(keys, scope_key(leaf))
            terms |= {"records_root": merkle.root_of(keys), "categories": 0}
        naming: tuple[events.ActPerformed, ...] = ()
        if change_keys is not None:
            key, naming, changes = change_keys(self, subject)
            terms |= changes
        agreed = replace(samples.terms(), subject_id=subject, institution=HOSPITAL.address, **terms)
        signature = sign(key, suite.domain("Consents"), agreed)
        outcome = suite.grant(agreed, signature)
        granted = events.ConsentGranted(self.place(outcome), consent_id(agreed), subject, agreed, signature)
        return Case(key, subject, leaf, agreed, enrolled, anchored, granted, proof, naming)

    def request(self, case: Case, number: int, **changes: Any) -> AccessRequest:  # noqa: ANN401 - fields of the request
        """Gives a request about a case."""
        base = samples.request(record_id(case.leaf), consent_id(case.terms), hashlib.sha256(self.release_key).digest())
        return replace(base, institution=HOSPITAL.address, request_id=number, **changes)

    def access(self, case: Case, request: AccessRequest) -> AccessHistory:
        """Has a request decided and gives its history."""
        signature = sign(self.signer, self.suite.domain("AccessLedger"), request)
        terms = case.terms if any(request.consent_id) else None
        outcome = self.suite.decide([(request, signature, Material(case.leaf, terms, case.scope_proof))])
        [log] = outcome.logs
        decided = events.AccessDecided(self.place(outcome), _entry(request, log))
        return self._history(case if terms else replace(case, scope_proof=()), decided, signature, invoked=bool(terms))

    def emergency(self, case: Case, number: int) -> AccessHistory:
        """Has an emergency request decided and gives its history, with the debt it opens."""
        request = self.request(
            case,
            number,
            consent_id=ConsentId(ZERO_32),
            purpose=Purpose.ETREAT,
            legal_basis=LegalBasis.EMERGENCY,
            reason_code=EmergencyReason.UNCONSCIOUS,
            reason_hash=samples.word(0xE),
            expires_at=samples.request(ZERO_32, ZERO_32, ZERO_32).issued_at + EMERGENCY_WINDOW,
        )
        signature = sign(self.signer, self.suite.domain("AccessLedger"), request)
        outcome = self.suite.decide([(request, signature, Material(case.leaf))])
        log, _ = outcome.logs
        place = self.place(outcome)
        decided = events.AccessDecided(place, _entry(request, log))
        named = debt_id(HOSPITAL.address, number)
        opened = events.DebtOpened(place, named, case.subject, HOSPITAL.address, number, request.practitioner)
        history = self._history(replace(case, scope_proof=()), decided, signature, invoked=False)
        return replace(history, opened=opened)

    def authorised(self, case: Case, number: int) -> AccessHistory:
        """Has a request under an authorisation of the nation decided and gives its history."""
        terms = StandingAuthorisation(
            authority=PAYER.address,
            institution=HOSPITAL.address,
            basis=LegalBasis.PUBLIC_HEALTH,
            purposes=bits(Purpose.PUBHLTH),
            categories=bits(case.leaf.category),
            actions=bits(Action.VIEW),
            max_sensitivity=4,
            data_from=0,
            data_until=999,
            valid_from=NOW,
            valid_until=NOW + samples.DAY,
            basis_text_hash=samples.word(0xF),
            nonce=number,
            sign_before=NOW + samples.DAY,
        )
        given = sign(PAYER, self.suite.domain("Authorisations"), terms)
        place = self.place(self.suite.act("Authorisations", "authorise", plain(terms), [given]))
        parties = SubjectId(ZERO_32), HOSPITAL.address
        act = events.ActPerformed(place, authorisation_id(terms), *parties, terms, (given,))
        request = self.request(
            case,
            number,
            consent_id=ConsentId(ZERO_32),
            authorisation_id=authorisation_id(terms),
            purpose=Purpose.PUBHLTH,
            legal_basis=LegalBasis.PUBLIC_HEALTH,
        )
        signature = sign(self.signer, self.suite.domain("AccessLedger"), request)
        outcome = self.suite.decide([(request, signature, Material(case.leaf, authorisation=terms))])
        [log] = outcome.logs
        decided = events.AccessDecided(self.place(outcome), _entry(request, log))
        history = self._history(replace(case, scope_proof=()), decided, signature, invoked=False)
        return replace(history, authorised=act)

    def accesses(self, case: Case, requests: Sequence[AccessRequest]) -> list[AccessHistory]:
        """Has requests decided that were signed as a whole, and gives their histories."""
        batch = batch_of(HOSPITAL.address, requests)
        signature = sign(HOSPITAL, self.suite.domain("AccessLedger"), batch)
        items = [(request, Material(case.leaf, case.terms, case.scope_proof)) for request in requests]
        outcome = self.suite.decide_batch(items, signature)
        place = self.place(outcome)
        answers = [log for log in outcome.logs if log.name == "AccessDecided"]
        decided = [
            events.AccessDecided(replace(place, log_index=number), _entry(request, log))
            for number, (request, log) in enumerate(zip(requests, answers, strict=True), start=1)
        ]
        return [
            replace(self._history(case, event, signature), within=within)
            for event, within in zip(decided, paths_of(batch, requests), strict=True)
        ]

    def _history(
        self, case: Case, decided: events.AccessDecided, signature: bytes, *, invoked: bool = True
    ) -> AccessHistory:
        return AccessHistory(
            self.admitted[HOSPITAL.address],
            self.rotated,
            case.enrolled if invoked else None,
            case.anchored,
            case.granted if invoked else None,
            decided,
            case.scope_proof,
            signature,
            keys=case.keys if invoked else (),
        )

    def facts(self) -> ChainFacts:
        """Gives chain and deployment."""
        contracts = tuple((name, self.suite.addresses[name]) for name in sorted(CONTRACTS))
        return ChainFacts(self.suite.chain_id, keccak(self.suite.evm.sealed_block(0).header), "ethereum", contracts)

    def trust(self) -> TrustRoot:
        """Gives a trust root with the newest block as its only checkpoint."""
        facts, number = self.facts(), self.suite.evm.height
        newest = TrustedBlock(number, keccak(self.suite.evm.sealed_block(number).header))
        return TrustRoot(facts.chain_id, facts.genesis_hash, facts.header_form, facts.contracts, (newest,))

    def bundle(self, history: AccessHistory) -> Bundle:
        """Proves an access, with all headers up to the newest."""
        first = min(history.blocks())
        path = [self.suite.evm.sealed_block(n).header for n in range(first, self.suite.evm.height + 1)]
        blocks = {number: self.suite.evm.sealed_block(number) for number in history.blocks()}
        return assemble(history, self.facts(), blocks, path)


def _entry(request: AccessRequest, log: Log) -> AccessEntry:
    reason, decided_at, subject_sequence, institution_sequence = unpack_outcome(log.members[3][-1])
    places = decided_at, subject_sequence, institution_sequence
    return AccessEntry(request, SubjectId(log.members[1]), Reason(reason), *places)


def rotated(story: Story, subject: SubjectId) -> tuple[SigningKey, tuple[events.ActPerformed, ...], dict[str, Any]]:
    """The patient changes the key."""
    act = SignerRotation(subject, SECOND.signer, 1, NOW + samples.DAY)
    return SECOND, (story.perform(act, PATIENT, SECOND),), {}


def carded(story: Story, subject: SubjectId) -> tuple[SigningKey, tuple[events.ActPerformed, ...], dict[str, Any]]:
    """The patient registers a card and signs with it."""
    act = CardRegistration(subject, SECOND.signer, 4, NOW + samples.DAY)
    return SECOND, (story.perform(act, PATIENT, SECOND),), {"assurance": Assurance.CARD_AND_CODE}


def guarded(story: Story, subject: SubjectId) -> tuple[SigningKey, tuple[events.ActPerformed, ...], dict[str, Any]]:
    """The patient has a council of three as its delegate; two of them sign."""
    council = Council(2, (MEMBERS[0].signer, MEMBERS[1].signer, STRANGER.signer))
    key = CouncilKey(story.suite.verifiers.council, council, MEMBERS)
    scopes, until = bits(GuardianScope.GRANT), NOW + 300 * samples.DAY
    act = GuardianAppointment(
        subject, key.signer, GuardianKind.DELEGATE, scopes, NOW, until, ZERO_32, 2, NOW + samples.DAY
    )
    done = story.perform(act, key, PATIENT)
    return key, (done,), {"guardian": done.act_hash, "assurance": Assurance.GUARDIAN}


def recovered(story: Story, subject: SubjectId) -> tuple[SigningKey, tuple[events.ActPerformed, ...], dict[str, Any]]:
    """The patient lost the key; the authority vouches for another one, and nobody objects."""
    who = PAYER.address.rjust(32, b"\0")
    act = RecoveryProposal(
        subject, SECOND.signer, RecoveryProposer.AUTHORITY, who, samples.word(9), 3, NOW + samples.DAY
    )
    proposed = story.perform(act, SECOND, PAYER)
    story.suite.evm.travel(NOW + 8 * samples.DAY)
    completion = RecoveryCompletion(subject, proposed.act_hash, NOW + 9 * samples.DAY)
    return SECOND, (proposed, story.perform(completion)), {}


def _of_records_that_ended(story: Story) -> dict[str, AccessHistory]:
    """Denials about a record that is restricted, and one that was erased by two officers."""
    restricted, erased = story.case(PATIENT, "restricted"), story.case(PATIENT, "erased")
    until, own = NOW + samples.DAY, CUSTODIAN.address
    about = record_id(restricted.leaf), own, restricted.subject
    reason = RestrictionReason.ACCURACY_DISPUTED
    limit = Restriction(*about, restricted=True, reason_code=reason, nonce=1, sign_before=until)
    story.perform(limit, CUSTODIAN)
    for number, officer in enumerate(MEMBERS):
        story.perform(ErasureOfficerAdmission(own, officer.signer, number, until), CUSTODIAN, officer)
    about = record_id(erased.leaf), own, erased.subject
    first, second = (officer.signer for officer in MEMBERS)
    story.perform(Erasure(*about, ErasureReason.WRONG_PATIENT, samples.word(6), first, second, 1, until), *MEMBERS)
    return {
        "denied-restricted-record": story.access(restricted, story.request(restricted, 41)),
        "denied-erased-record": story.access(erased, story.request(erased, 42)),
    }


@dataclass(frozen=True)
class RealBundles:
    """Every kind of true bundle, and the trust root they hold against."""

    trust: TrustRoot
    bundles: dict[str, Bundle]


@cache
def build_real() -> RealBundles:
    """Runs the story and proves its accesses."""
    story = Story()
    verifiers = story.suite.verifiers
    account = story.case(PATIENT, "account")
    device = story.case(p256.P256Key(curve_key(b"bundles: device"), verifiers.p256), "device", named=True)
    passkey = story.case(SoftwarePasskey(curve_key(b"bundles: passkey"), verifiers.webauthn), "passkey")
    histories = {
        "permitted-account": story.access(account, story.request(account, 1)),
        "permitted-device-key": story.access(device, story.request(device, 2)),
        "permitted-passkey": story.access(passkey, story.request(passkey, 3)),
        "denied-action": story.access(account, story.request(account, 4, action=Action.STORE)),
        "denied-expired-request": story.access(account, story.request(account, 5, expires_at=NOW)),
        "denied-no-consent": story.access(account, story.request(account, 6, consent_id=ConsentId(ZERO_32))),
        "permitted-emergency": story.emergency(account, 20),
        "permitted-authorised": story.authorised(account, 21),
    }
    unknown = replace(account, leaf=replace(account.leaf, commitment=samples.word(0xE)))
    history = story.access(unknown, story.request(unknown, 7))
    together = story.accesses(account, [story.request(account, number) for number in (8, 9, 10)])
    by_keys = {"permitted-by-new-signer": rotated, "permitted-by-guardian": guarded, "permitted-by-card": carded}
    for number, (name, change) in enumerate(by_keys.items(), start=28):
        case = story.case(PATIENT, name, change)
        histories[name] = story.access(case, story.request(case, number))
    histories |= {"permitted-in-batch-first": together[0], "permitted-in-batch-last": together[2]}
    histories["denied-unknown-record"] = replace(history, anchored=None, granted=None, enrolled=None, scope_proof=())
    histories |= _of_records_that_ended(story)
    story.rotate()
    histories["permitted-after-rotation"] = story.access(account, story.request(account, 11))
    story.reset()
    histories["permitted-after-reset"] = story.access(account, story.request(account, 12))
    case = story.case(PATIENT, "recovered", recovered)
    late = {"issued_at": NOW + 8 * samples.DAY, "expires_at": NOW + 9 * samples.DAY}
    histories["permitted-after-recovery"] = story.access(case, story.request(case, 31, **late))
    return RealBundles(story.trust(), {name: story.bundle(history) for name, history in histories.items()})
