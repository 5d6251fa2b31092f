"""A province in memory, with real signatures: hospitals, patients, and a month of work in which nothing is wrong.

Tests copy it and go on with what should not be. Days are counted from 1 and hours are those of Shanghai.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from eth_hash.auto import keccak

from consentry.audit.ports import SubmittedRequest
from consentry.core.access import shown_of
from consentry.core.acts import Acts, Item
from consentry.core.asks import AskDenial, ConsentAsk
from consentry.core.assisted_grants import Assistance
from consentry.core.authorisations import StandingAuthorisation, authorisation_id
from consentry.core.authorities import found
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.codes import (
    DAY,
    Action,
    ActorKind,
    Assurance,
    Category,
    EmergencyReason,
    LegalBasis,
    MarkScope,
    NoticeBy,
    Purpose,
    RefusalReason,
    ReviewerRole,
    ReviewOutcome,
    bits,
)
from consentry.core.emergencies import EmergencyNotice, EmergencyReview, debt_id
from consentry.core.offices import FIRST_OFFICES
from consentry.core.recognitions import Recognition, ResultMark
from consentry.core.revocations import RevocationAcknowledgement
from consentry.core.state import LedgerState
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
    RecordLeaf,
    Revocation,
    SubjectId,
)
from consentry.core.typed_data import consent_id, record_id, struct_hash
from consentry.crypto.signing import AccountKey, sign
from tests.support import samples
from tests.support.memory_reader import COUNTRY, DEPUTY, NATIONAL, RELEASE_KEY_HASH, SECOND, Story, domain
from tests.support.samples import AUTHORITY, RELAY, address

START: Final = int(datetime(2027, 1, 31, 16, tzinfo=UTC).timestamp())
"""Midnight of 1 February 2027 in Shanghai."""
REGIONS: Final = (440_300, 440_300, 440_100, 110_100)
HOSPITALS: Final = tuple(AccountKey(keccak(b"province: hospital %d" % number)) for number in range(4))
REGULATOR: Final = AccountKey(keccak(b"province: regulator"))
NORTH, NORTH_DEPUTY = address(0x64), address(0x65)
PATIENTS: Final = 16
LAST_DAY: Final = 24
NEVER: Final = 2**62


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient with a laboratory report and an image at one custodian."""

    key: AccountKey
    subject: SubjectId
    custodian: AccountKey
    report: RecordLeaf
    image: RecordLeaf


def staff(hospital: int, number: int) -> bytes:
    """Gives the id of a practitioner: 0 to 3 work by day, 4 at night, 5 is a machine."""
    return keccak(b"province: staff %d of %d" % (number, hospital))


def patient(number: int) -> Patient:
    """Gives a patient of the hospital with the same number, modulo."""
    key, custodian = AccountKey(keccak(b"province: patient %d" % number)), HOSPITALS[number % len(HOSPITALS)]
    subject = SubjectId(keccak(b"province: subject %d" % number))
    base = replace(samples.leaf(), custodian=custodian.address, subject_id=subject)
    made = [
        replace(base, category=category, commitment=keccak(b"%d of %d" % (category, number)))
        for category in (Category.LABORATORY, Category.IMAGING)
    ]
    return Patient(key, subject, custodian, *made)


@dataclass
class Province(Story):
    """A story of many hospitals and patients."""

    clock: int = START
    grants: dict[tuple[SubjectId, Address], ConsentTerms] = field(default_factory=dict)
    requests: int = 0
    nonces: int = 0

    def copy(self) -> Province:
        """Gives the same province, to go on with."""
        state = LedgerState()
        for event in self.chain:
            state.fold(event)
        chain, calldata = [*self.chain], {key: [*items] for key, items in self.calldata.items()}
        return replace(self, state=state, chain=chain, calldata=calldata, grants={**self.grants})

    def at(self, day: int, hour: int, minute: int = 0) -> None:
        """Moves on to a time; never back."""
        self.clock = max(self.clock, START + (day - 1) * DAY + hour * 3600 + minute * 60)

    def place(self) -> EventPlace:
        """Gives the first place of the next block, a second later."""
        self.number, self.clock = self.number + 1, self.clock + 1
        block = BlockReference(self.number, keccak(self.number.to_bytes(4, "big")), self.clock)
        return EventPlace(block, keccak(block.hash), 0)

    def nonce(self) -> int:
        """Draws a number that no act had."""
        self.nonces += 1
        return self.nonces

    # Who there is.

    def admit(self) -> None:
        """Admits authorities, hospitals and a relay."""
        self.log(*found(self.state, NATIONAL, SECOND, [], self.place()))
        for authority, deputy, region in ((AUTHORITY, DEPUTY, 440_000), (NORTH, NORTH_DEPUTY, 110_000)):
            self.by_two("admit_authority", authority, region, officers=COUNTRY)
            self.by_two("appoint_officer", authority, deputy, FIRST_OFFICES, officers=COUNTRY)
        self.by_two("admit_authority", REGULATOR.address, 440_000, officers=COUNTRY)
        for key, region in zip(HOSPITALS, REGIONS, strict=True):
            officers = (AUTHORITY, DEPUTY) if region // 10_000 == 44 else (NORTH, NORTH_DEPUTY)
            self.by_two("admit_institution", key.address, region, key.address, samples.RELEASE_KEY, officers=officers)
        self.by_two("admit_relay", RELAY, HOSPITALS[0].address)

    def enrol(self, who: Patient) -> None:
        """Enrols a patient and anchors both records."""
        place = self.place()
        enrolment = Enrolment(who.subject, who.key.signer, who.custodian.address, place.block.time + 1)
        valid = {"subject_signature_valid": True, "custodian_signature_valid": True}
        self.log(Acts(self.state).enrol(enrolment, **valid, relay=RELAY, place=place))
        for leaf in (who.report, who.image):
            self.anchor(leaf)

    def give(self, who: Patient, hospital: AccountKey, **changes: Any) -> ConsentTerms:  # noqa: ANN401 - any term
        """Has a patient grant to a hospital: both classes, to look, for treatment, for half a year."""
        base = replace(
            samples.terms(),
            subject_id=who.subject,
            institution=hospital.address,
            categories=bits(Category.LABORATORY, Category.IMAGING),
            valid_from=START,
            valid_until=self.clock + 180 * DAY,
            nonce=self.nonce(),
        )
        terms = replace(base, **changes)
        signature = sign(who.key, domain("Consents"), terms)
        self.log(Acts(self.state).grant(terms, signature, signature_valid=True, relay=RELAY, place=self.place()))
        self.grants[who.subject, hospital.address] = terms
        return terms

    def assist(self, who: Patient, hospital: AccountKey) -> ConsentTerms:
        """Has staff prepare a consent, which the patient then grants."""
        wanted: dict[str, Any] = {
            "assurance": Assurance.STAFF_ASSISTED,
            "valid_until": self.clock + 60 * DAY,
            "nonce": self.nonce(),
        }
        base = replace(samples.terms(), subject_id=who.subject, institution=hospital.address, valid_from=START)
        terms = replace(base, categories=bits(Category.LABORATORY, Category.IMAGING), **wanted)
        word = samples.word(0x5B)
        act = Assistance(
            consent_id(terms), who.subject, hospital.address, staff(0, 0), word, self.nonce(), self.clock + 999
        )
        self.perform(act, hospital)
        signature = sign(who.key, domain("Consents"), terms)
        self.log(Acts(self.state).grant(terms, signature, signature_valid=True, relay=RELAY, place=self.place()))
        self.grants[who.subject, hospital.address] = terms
        return terms

    def take_back(self, who: Patient, hospital: AccountKey) -> ConsentTerms:
        """Has a patient revoke the last consent for a hospital, and both concerned acknowledge."""
        terms = self.grants.pop((who.subject, hospital.address))
        revocation = Revocation(consent_id(terms), who.subject)
        signature = sign(who.key, domain("Consents"), revocation)
        self.log(Acts(self.state).revoke(terms, signature, signature_valid=True, relay=RELAY, place=self.place()))
        return terms

    def acknowledge(self, terms: ConsentTerms, *institutions: AccountKey) -> None:
        """Has institutions say that they know of a revocation."""
        for key in institutions:
            named = consent_id(terms), key.address, terms.subject_id
            self.perform(RevocationAcknowledgement(*named, 0, self.clock + 999), key)

    # Who looks.

    def asked(self, hospital: AccountKey, leaf: RecordLeaf, person: bytes, **changes: Any) -> AccessRequest:  # noqa: ANN401 - any member
        """Gives a request for one record under the consent there is, or none."""
        terms = self.grants.get((leaf.subject_id, hospital.address))
        self.requests += 1
        base = samples.request(record_id(leaf), consent_id(terms) if terms else ZERO_32, RELEASE_KEY_HASH)
        times: dict[str, Any] = {"issued_at": self.clock, "expires_at": self.clock + 600}
        own: dict[str, Any] = {"institution": hospital.address, "request_id": self.requests, "practitioner": person}
        return replace(base, **own, **times, **changes)

    def look(self, hospital: AccountKey, leaf: RecordLeaf, person: bytes, **changes: Any) -> AccessRequest:  # noqa: ANN401 - any member
        """Has somebody look at a record; whether it is permitted depends."""
        request = self.asked(hospital, leaf, person, **changes)
        self.answer((request, leaf, hospital))
        return request

    def answer(
        self, *asked: tuple[AccessRequest, RecordLeaf, AccountKey], authorisation: StandingAuthorisation | None = None
    ) -> None:
        """Has requests decided in one transaction, each signed by the key beside it."""
        place, items, submitted = self.place(), [], []
        for request, leaf, key in asked:
            terms = self.grants.get((leaf.subject_id, request.institution)) if any(request.consent_id) else None
            material = Material(leaf, terms, authorisation=authorisation)
            signature = sign(key, domain("AccessLedger"), request)
            submitted.append(SubmittedRequest(request, signature, shown_of(request, material)))
            items.append(Item(request, material, key.address == request.institution))
        self.calldata[place.transaction_hash] = submitted
        self.log(*Acts(self.state).decide(items, relay=RELAY, place=place))

    def machine(self, number: int, *patients: Patient) -> None:
        """Has the machine of a hospital fetch records, all at once."""
        key, person = HOSPITALS[number], staff(number, 5)
        leaves = [leaf for each in patients for leaf in (each.report, each.image)]
        self.answer(*((self.asked(key, leaf, person, actor_kind=ActorKind.MACHINE), leaf, key) for leaf in leaves))

    def emergency(self, number: int, who: Patient, person: int = 0) -> AccessRequest:
        """Has a hospital look without a consent."""
        return self.look(
            HOSPITALS[number],
            who.image,
            staff(number, person),
            consent_id=ConsentId(ZERO_32),
            purpose=Purpose.ETREAT,
            legal_basis=LegalBasis.EMERGENCY,
            reason_code=EmergencyReason.UNCONSCIOUS,
            reason_hash=samples.word(0x31),
        )

    def notice(self, request: AccessRequest, who: Patient) -> None:
        """Has the custodian tell the patient of an emergency access."""
        debt = debt_id(request.institution, request.request_id)
        said = ZERO_32, samples.word(0x32), self.clock, NoticeBy.CUSTODIAN, self.clock + 999
        self.perform(EmergencyNotice(debt, who.subject, request.institution, *said), who.custodian)

    def review(self, request: AccessRequest, who: Patient, outcome: int = ReviewOutcome.JUSTIFIED) -> None:
        """Has a second person of the hospital review an emergency access."""
        debt = debt_id(request.institution, request.request_id)
        hospital = next(key for key in HOSPITALS if key.address == request.institution)
        said = ZERO_ADDRESS, samples.word(0x33), ReviewerRole.PRIVACY_OFFICER, outcome, samples.word(0x34)
        act = EmergencyReview(debt, who.subject, request.institution, *said, self.clock + 999)
        self.perform(act, hospital)

    # What else happens.

    def ask(self, number: int, who: Patient) -> bytes:
        """Has a hospital ask a patient for a consent; gives the ask's id."""
        ask = ConsentAsk(
            institution=HOSPITALS[number].address,
            subject_id=who.subject,
            practitioner=ZERO_32,
            purpose=Purpose.TREAT,
            categories=bits(Category.LABORATORY),
            records_root=ZERO_32,
            actions=bits(Action.VIEW),
            max_sensitivity=3,
            data_from=600,
            data_until=700,
            valid_until=self.clock + 30 * DAY,
            max_uses=10,
            notice_hash=samples.word(0xE0),
            notice_version=1,
            lapses_at=self.clock + 7 * DAY,
            nonce=self.nonce(),
            sign_before=self.clock + 999,
        )
        self.perform(ask, HOSPITALS[number])
        return struct_hash(ask)

    def deny(self, ask: bytes, who: Patient) -> None:
        """Has a patient deny what was asked."""
        self.perform(AskDenial(ask, who.subject, ZERO_32, self.clock + 999), who.key)

    def mark(self, who: Patient) -> None:
        """Has the custodian mark the laboratory report as good for the country."""
        named = record_id(who.report), who.custodian.address, who.subject
        act = ResultMark(*named, 7, MarkScope.NATIONAL, 0, self.clock, self.nonce(), self.clock + 999)
        self.perform(act, who.custodian)

    def recognise(self, number: int, who: Patient, *, accepted: bool) -> None:
        """Has a hospital say what it makes of a marked report."""
        named = record_id(who.report), HOSPITALS[number].address, who.subject, staff(number, 1)
        why = (True, 0, False) if accepted else (False, RefusalReason.STATE_HAS_CHANGED, True)
        self.perform(Recognition(*named, *why, self.nonce(), self.clock + 999), HOSPITALS[number])

    def authorise(self, number: int) -> StandingAuthorisation:
        """Has the regulator let a hospital look for public health."""
        act = StandingAuthorisation(
            authority=REGULATOR.address,
            institution=HOSPITALS[number].address,
            basis=LegalBasis.PUBLIC_HEALTH,
            purposes=bits(Purpose.PUBHLTH),
            categories=bits(Category.LABORATORY),
            actions=bits(Action.VIEW),
            max_sensitivity=3,
            data_from=600,
            data_until=700,
            valid_from=START,
            valid_until=START + 90 * DAY,
            basis_text_hash=samples.word(0x41),
            nonce=self.nonce(),
            sign_before=self.clock + 999,
        )
        self.perform(act, REGULATOR)
        return act

    def look_by_duty(self, number: int, who: Patient, given: StandingAuthorisation, person: int = 2) -> AccessRequest:
        """Has a hospital look at a laboratory report under an authorisation."""
        request = self.asked(
            HOSPITALS[number],
            who.report,
            staff(number, person),
            consent_id=ConsentId(ZERO_32),
            authorisation_id=AuthorisationId(authorisation_id(given)),
            purpose=Purpose.PUBHLTH,
            legal_basis=LegalBasis.PUBLIC_HEALTH,
        )
        self.answer((request, who.report, HOSPITALS[number]), authorisation=given)
        return request


def grantees(number: int) -> tuple[int, int]:
    """Gives the hospitals a patient grants to, beside its custodian."""
    return (number + 1) % len(HOSPITALS), (number + 2) % len(HOSPITALS)


@cache
def _told() -> Province:
    province = Province()
    province.admit()
    people = [patient(number) for number in range(PATIENTS)]
    for number, who in enumerate(people):
        province.enrol(who)
        for hospital in grantees(number):
            # Two of the thirty-two come to the desk.
            how = province.assist if number in (3, 9) and hospital == grantees(number)[0] else province.give
            how(who, HOSPITALS[hospital])
    for day in range(2, LAST_DAY + 1):
        _a_day(province, day, people)
    return province


def _a_day(province: Province, day: int, people: list[Patient]) -> None:
    readable = {h: [p for n, p in enumerate(people) if h in grantees(n)] for h in range(len(HOSPITALS))}
    province.at(day, 3)
    for hospital, theirs in readable.items():
        province.machine(hospital, theirs[day % len(theirs)])
    if day % 3 == 0:
        province.look(HOSPITALS[0], readable[0][day % len(readable[0])].image, staff(0, 4))
    for turn, hour in enumerate((9, 14)):
        province.at(day, hour, day % 7)
        for hospital, theirs in readable.items():
            who = theirs[(day * 2 + turn) % len(theirs)]
            province.look(HOSPITALS[hospital], who.report if turn else who.image, staff(hospital, (day + turn) % 4))
    _now_and_then(province, day, people)


def _now_and_then(province: Province, day: int, people: list[Patient]) -> None:
    province.at(day, 16)
    happens: Mapping[int, Callable[[], None]] = {
        **{each: lambda: _an_emergency(province, day % 3, people[day % 13]) for each in (4, 11, 18)},
        **{each: lambda: _two_denials(province, people[day], day) for each in (8, 15)},
        5: lambda: _a_duty(province, people),
        6: lambda: _marks(province, people),
        7: lambda: _recognitions(province, people),
        10: lambda: province.deny(province.ask(3, people[12]), people[12]),
        20: lambda: _a_revocation(province, 13, people[13]),
    }
    happens.get(day, lambda: None)()


def _an_emergency(province: Province, hospital: int, who: Patient) -> None:
    request = province.emergency(hospital, who)
    province.clock += 3 * 3600
    province.notice(request, who)
    province.review(request, who)


def _two_denials(province: Province, who: Patient, number: int) -> None:
    """Has somebody ask for a purpose nobody agreed to, and for a copy."""
    hospital = grantees(number)[0]
    province.look(HOSPITALS[hospital], who.image, staff(hospital, 1), purpose=Purpose.HRESCH)
    province.look(HOSPITALS[hospital], who.image, staff(hospital, 2), action=Action.STORE)


def _a_duty(province: Province, people: list[Patient]) -> None:
    given = province.authorise(2)
    for who in people[:2]:
        province.look_by_duty(2, who, given)


def _marks(province: Province, people: list[Patient]) -> None:
    for who in people[:8]:
        province.mark(who)


def _recognitions(province: Province, people: list[Patient]) -> None:
    for number, who in enumerate(people[:8]):
        province.recognise(grantees(number)[0], who, accepted=number % 4 != 3)


def _a_revocation(province: Province, number: int, who: Patient) -> None:
    hospital = HOSPITALS[grantees(number)[1]]
    terms = province.take_back(who, hospital)
    province.acknowledge(terms, hospital, who.custodian)


def ordinary_month() -> Province:
    """Gives a fresh copy of the clean province, at the evening of its last day."""
    return _told().copy()
