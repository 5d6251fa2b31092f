"""Everything the suite knows beside enrolling, anchoring, granting, revoking and asking, as it comes up in a year.

Families and keys have a module of their own.

Patients exclude, deny, answer and complete what staff prepared; hospitals look in emergencies and pay for it, mark and
recognise results, restrict and erase; an authority authorises, reviews and links.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from random import Random
from typing import Any, Final

from consentry.core.asks import AskDenial, ConsentAsk, widest_answer
from consentry.core.assisted_grants import Assistance
from consentry.core.authorisations import AuthorisationWithdrawal, StandingAuthorisation, authorisation_id
from consentry.core.codes import (
    Action,
    Assurance,
    Category,
    Copies,
    EmergencyReason,
    ExclusionKind,
    LegalBasis,
    NoticeBy,
    Purpose,
    ReviewerRole,
    ReviewOutcome,
    bits,
)
from consentry.core.emergencies import EmergencyNotice, EmergencyReview, debt_id
from consentry.core.exclusions import Exclusion, ExclusionLift, target_of_category, target_of_institution
from consentry.core.persons import SubjectLink, SubjectUnlink
from consentry.core.revocations import ErasureAttestation, RevocationAcknowledgement
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, AccessRequest, ConsentTerms, Material, Revocation, SubjectId
from consentry.core.typed_data import consent_id, struct_hash
from consentry.crypto.person_links import commit_link, commit_unlink
from consentry.crypto.signing import SigningKey
from consentry.evidence.notice import with_notice
from tests.promises.beside import WORDS, Beside, soon
from tests.promises.ends import Ends
from tests.promises.families import Families
from tests.promises.recorded import Clinic
from tests.promises.schedule import HOUR, START, Act, Kind, Year, pseudonym
from tests.support import samples
from tests.support.evm import PAYER
from tests.support.samples import DAY
from tests.support.suite import plain

_EVERY_MONTH: Final = 65_535


class Episodes(Beside):
    """Plays a year with all that comes up beside it."""

    def __init__(self, clinic: Clinic, year: Year) -> None:
        super().__init__(clinic, Random(f"episodes {year.seed}"))
        self._year = year
        self._ends = Ends(self, {act.target for act in year.acts if act.kind is Kind.SUPERSEDE})
        self._enrolled: dict[int, set[int]] = {}
        self._authorised: dict[int, StandingAuthorisation] = {}
        self._asked: set[SubjectId] = set()

    def play(self) -> None:
        """Plays the year and what comes after it."""
        self.agenda.later(START, self._begin)
        last = START - 1
        for number, act in self._year.in_order():
            self.agenda.play_until(act.time, last)
            self.clinic.step(number, act)
            self._after(number, act)
            last = act.time
        self.agenda.play_until(float("inf"), last)

    def _begin(self, now: int) -> None:
        self._ends.admit_officers(now)
        Families(self).begin(now + 120)
        for hospital, basis in enumerate((LegalBasis.PUBLIC_HEALTH, LegalBasis.STATUTORY_DUTY)):
            self.agenda.later(now + 60, self._authorise, hospital, basis)

    def _after(self, number: int, act: Act) -> None:
        follow = {
            Kind.ENROL: self._after_enrolment,
            Kind.ANCHOR: self._after_anchoring,
            Kind.GRANT: self._after_grant,
            Kind.REVOKE: self._after_revocation,
        }.get(act.kind)
        if follow is not None:
            follow(number, act)

    # Patients.

    def _after_enrolment(self, _: int, act: Act) -> None:
        places = self._enrolled.setdefault(act.person, set())
        places.add(act.custodian)
        if len(places) > 1 and self.happens(0.5):
            self.agenda.later(act.time + DAY, self._link, act)
        if self.happens(0.6):
            self.agenda.later(act.time + 5 * DAY, self._exclude, act)

    def _exclude(self, now: int, act: Act) -> None:
        other = 1 - act.custodian
        kind = self.random.choice(tuple(ExclusionKind))
        target = {
            ExclusionKind.INSTITUTION: target_of_institution(self.hospital(other).key.address),
            ExclusionKind.GROUP: samples.group(self.authority, self.random.randrange(1, 9)),
            ExclusionKind.PRACTITIONER: self.staff(other, self.random.randrange(3)),
            ExclusionKind.CATEGORY: target_of_category(self.random.choice(tuple(Category))),
        }[kind]
        key, subject = self.clinic.signer_of(act), self.clinic.subject(act)
        self.perform(now, Exclusion(subject, ZERO_32, kind, target, self.nonce(), soon(now)), key)
        if self.happens(0.7):
            lift = ExclusionLift(subject, ZERO_32, kind, target, self.nonce(), now + 90 * DAY)
            self.agenda.later(now + 20 * DAY, self.perform, lift, key)

    def _link(self, now: int, act: Act) -> None:
        subjects = [pseudonym(self._year.seed, act.person, custodian) for custodian in (0, 1)]
        link = SubjectLink(self.authority, commit_link(self.random.randbytes(32), subjects), soon(now))
        self.perform(now, link, PAYER)
        if self.happens(0.4):
            why = commit_unlink(self.random.randbytes(32), struct_hash(link), WORDS[1])
            unlink = SubjectUnlink(self.authority, struct_hash(link), why, now + 90 * DAY)
            self.agenda.later(now + 30 * DAY, self.perform, unlink, PAYER)

    # Consents.

    def _after_grant(self, _: int, act: Act) -> None:
        if self.clinic.subject(act) not in self._asked and self.happens(0.6):
            self._asked.add(self.clinic.subject(act))
            self.agenda.later(act.time + DAY, self._ask_patient, act)
        if self.happens(0.3):
            self.agenda.later(act.time + 2 * DAY, self._assist, act)

    def ask_of(self, act: Act, now: int, **wrong: Any) -> ConsentAsk:  # noqa: ANN401 - members by name
        """Gives the ask of a hospital for research; ``wrong`` members take the place of its own."""
        asked = ConsentAsk(
            institution=self.hospital(act.institution).key.address,
            subject_id=self.clinic.subject(act),
            practitioner=self.staff(act.institution),
            purpose=Purpose.HRESCH,
            categories=bits(Category.LABORATORY, Category.PATHOLOGY),
            records_root=ZERO_32,
            actions=bits(Action.VIEW),
            max_sensitivity=3,
            data_from=0,
            data_until=_EVERY_MONTH,
            valid_until=now + 180 * DAY,
            max_uses=10,
            notice_hash=ZERO_32,
            notice_version=0,
            lapses_at=now + 14 * DAY,
            nonce=self.nonce(),
            sign_before=soon(now),
        )
        shown, _ = with_notice(replace(widest_answer(asked), valid_from=now), "zh")
        return replace(asked, notice_hash=shown.notice_hash, notice_version=shown.notice_version, **wrong)

    def _ask_patient(self, now: int, act: Act) -> None:
        asked, key = self.ask_of(act, now), self.clinic.signer_of(act)
        self.perform(now, asked, self.hospital(act.institution).key)
        denial = AskDenial(struct_hash(asked), asked.subject_id, ZERO_32, now + 10 * DAY)
        less = replace(widest_answer(asked), categories=bits(Category.LABORATORY), valid_from=now, max_uses=3)
        answer, _ = with_notice(less, "zh")
        outcome = self.random.random()
        if outcome < 0.45:
            self.agenda.later(now + 2 * DAY, self.perform, denial, key)
        elif outcome < 0.85:
            self.agenda.later(now + 3 * DAY, self.grant, answer, key)

    def assistance_of(self, act: Act, now: int, **wrong: Any) -> tuple[Assistance, ConsentTerms]:  # noqa: ANN401 - members by name
        """Gives what staff prepare at the desk with a patient, and the terms it is about."""
        drawn = self.clinic.terms(replace(act, time=now, days=60))
        terms, _ = with_notice(replace(drawn, assurance=Assurance.STAFF_ASSISTED), "zh")
        paper = hmac.digest(self.random.randbytes(32), self.clinic.people[act.person].name.encode(), "sha256")
        prepared = Assistance(
            consent_id=consent_id(terms),
            subject_id=terms.subject_id,
            institution=self.hospital(act.custodian).key.address,
            practitioner=self.staff(act.custodian, 2),
            evidence_hash=paper,
            nonce=self.nonce(),
            sign_before=soon(now),
        )
        return replace(prepared, **wrong), terms

    def _assist(self, now: int, act: Act) -> None:
        prepared, terms = self.assistance_of(act, now)
        key = self.clinic.signer_of(act)
        self.perform(now, prepared, self.hospital(act.custodian).key)
        self.agenda.later(now + 2 * HOUR, self.grant, terms, key)
        if self.happens(0.3):
            self.agenda.later(now + DAY, self._undo, terms, key)

    def _undo(self, now: int, terms: ConsentTerms, key: SigningKey) -> None:
        signature = self.clinic.signature(key, "Consents", Revocation(consent_id(terms), terms.subject_id, ZERO_32))
        self.clinic.send("Consents", "revoke", plain(terms), ZERO_32, signature, time=now)

    def _after_revocation(self, _: int, act: Act) -> None:
        terms = self.clinic.terms_of(act.target)
        for hospital, copies in ((act.institution, Copies.KEPT), (act.custodian, Copies.NONE)):
            owed = self.hospital(hospital).key
            known = RevocationAcknowledgement(
                consent_id(terms), owed.address, terms.subject_id, copies, act.time + 90 * DAY
            )
            self.agenda.later(act.time + DAY, self.perform, known, owed)
        self.agenda.later(act.time + 10 * DAY, self._attest_erasure, act, terms)

    def _attest_erasure(self, now: int, act: Act, terms: ConsentTerms) -> None:
        owed = self.hospital(act.institution).key
        staff = self.staff(act.institution, 1)
        done = ErasureAttestation(consent_id(terms), owed.address, terms.subject_id, 2, now - HOUR, staff, soon(now))
        self.perform(now, done, owed)

    # Accesses on other bases, and what they are owed.

    def _after_anchoring(self, number: int, act: Act) -> None:
        what = self.random.random()
        if what < 0.1:
            self.agenda.later(act.time + DAY, self._look_in_emergency, number, act)
        elif what < 0.2:
            self.agenda.later(act.time + DAY, self._look_by_authority, number, act)
        else:
            self._ends.after(number, act)

    def _look_in_emergency(self, now: int, number: int, act: Act) -> None:
        other = 1 - act.custodian
        request = self.request(
            *(now, number, act),
            legal_basis=LegalBasis.EMERGENCY,
            purpose=Purpose.ETREAT,
            reason_code=self.random.choice(tuple(EmergencyReason)),
            reason_hash=self.reason(other, WORDS[2]),
        )
        self.send(now, act, request, Material(self.clinic.leaf_of(number)))
        if any(log.name == "DebtOpened" for time, log in self.clinic.logs[-4:] if time == now):  # not if excluded
            self.agenda.later(now + HOUR, self._notice, act, request)
            self.agenda.later(now + 2 * DAY, self._review, act, request)

    def _notice(self, now: int, act: Act, request: AccessRequest) -> None:
        by = self.random.choice(tuple(NoticeBy))
        key = self.clinic.signer_of(act) if by is NoticeBy.PATIENT else self.hospital(act.custodian).key
        named = debt_id(request.institution, request.request_id)
        kept = hmac.digest(self.random.randbytes(32), self.clinic.people[act.person].card.encode(), "sha256")
        told = EmergencyNotice(
            *(named, self.clinic.subject(act), request.institution, ZERO_32, kept, now - 60, by, soon(now))
        )
        self.perform(now, told, key)

    def review_of(self, act: Act, request: AccessRequest, now: int, **wrong: Any) -> EmergencyReview:  # noqa: ANN401 - members by name
        """Gives the review of a second person of the hospital that looked."""
        made = EmergencyReview(
            debt_id=debt_id(request.institution, request.request_id),
            subject_id=self.clinic.subject(act),
            institution=request.institution,
            authority=ZERO_ADDRESS,
            reviewer=hmac.digest(self.hospital(1 - act.custodian).secret, b"privacy officer", "sha256"),
            role=ReviewerRole.PRIVACY_OFFICER,
            outcome=self.random.choice((ReviewOutcome.JUSTIFIED, ReviewOutcome.REFERRED)),
            reason_hash=self.reason(1 - act.custodian, WORDS[2]),
            sign_before=soon(now),
        )
        return replace(made, **wrong)

    def _review(self, now: int, act: Act, request: AccessRequest) -> None:
        made = self.review_of(act, request, now)
        self.perform(now, made, self.hospital(1 - act.custodian).key)
        if made.outcome == ReviewOutcome.REFERRED:
            final = replace(made, role=ReviewerRole.AUTHORITY, authority=self.authority)
            final = replace(final, outcome=ReviewOutcome.NOT_JUSTIFIED, sign_before=now + 90 * DAY)
            self.agenda.later(now + 5 * DAY, self.perform, final, PAYER)

    def _authorise(self, now: int, hospital: int, basis: LegalBasis) -> None:
        given = StandingAuthorisation(
            authority=self.authority,
            institution=self.hospital(hospital).key.address,
            basis=basis,
            purposes=bits(Purpose.PUBHLTH, Purpose.HLEGAL),
            categories=bits(*Category),
            actions=bits(Action.VIEW),
            max_sensitivity=3,
            data_from=0,
            data_until=_EVERY_MONTH,
            valid_from=now,
            valid_until=now + 365 * DAY,
            basis_text_hash=hashlib.sha256("传染病防治法 第三十八条".encode()).digest(),
            nonce=self.nonce(),
            sign_before=soon(now),
        )
        self._authorised[hospital] = given
        self.perform(now, given, PAYER)
        end = AuthorisationWithdrawal(authorisation_id(given), self.authority, given.institution, now + 400 * DAY)
        self.agenda.later(now + 300 * DAY, self.perform, end, PAYER)

    def _look_by_authority(self, now: int, number: int, act: Act) -> None:
        given = self._authorised[1 - act.custodian]
        named = {"authorisation_id": authorisation_id(given), "purpose": Purpose.PUBHLTH}
        request = self.request(now, number, act, legal_basis=given.basis, **named)
        self.send(now, act, request, Material(self.clinic.leaf_of(number), authorisation=given))
