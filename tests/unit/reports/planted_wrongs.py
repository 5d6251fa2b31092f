"""Wrongs that break a rule: each is planted alone, in the log, in what was submitted, or in what a custodian keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from consentry.audit.erasures import ATTESTATION_SECONDS
from consentry.audit.findings import Kind
from consentry.audit.ports import KeptRelease, KeptRow, StoredObject
from consentry.core import events, heads
from consentry.core.authorisations import AuthorisationWithdrawal
from consentry.core.codes import ActorKind, LegalBasis, Purpose, Reason, RecordStatus
from consentry.core.emergencies import EmergencyReview
from consentry.core.erasures import DeletionAttestation
from consentry.core.events import AccessDecided, LedgerEvent
from consentry.core.guardianship import Directive, GuardianRemoval
from consentry.core.signed_act import SignedAct
from consentry.core.signer_keys import CardRegistration
from consentry.core.terms import AccessRequest, SubjectId
from consentry.core.typed_data import record_id
from tests.support import samples
from tests.support.audit_folder import Keeping
from tests.support.memory_reader import MemoryReader
from tests.support.province import HOSPITALS, Province
from tests.support.province_life import CORRECTED, ERASED

STRANGER: Final = samples.address(0xEE)


@dataclass
class Scene:
    """A province with what one custodian keeps, to be spoiled; the audit may read no calldata, or come later."""

    reader: MemoryReader
    keeping: Keeping
    with_calldata: bool = True
    later: int = 0
    first_index: dict[type, int] = field(default_factory=dict)

    def where(self, kind: type[Any], number: int = 0) -> int:
        """Gives the place of an event among all, by kind and number."""
        return [i for i, event in enumerate(self.reader.chain) if isinstance(event, kind)][number]

    def which(self, fits: Callable[[AccessDecided], bool]) -> int:
        """Gives the place of the first decision that fits."""
        found = (i for i, e in enumerate(self.reader.chain) if isinstance(e, AccessDecided) and fits(e))
        return next(found)

    def act(self, kind: type[SignedAct]) -> int:
        """Gives the place of the last act of a kind."""
        chain = self.reader.chain
        acts = [i for i, e in enumerate(chain) if isinstance(e, events.ActPerformed) and isinstance(e.act, kind)]
        return acts[-1]


def scene_of(province: Province) -> Scene:
    """Gives the scene in which the custodian keeps exactly what the chain says."""
    reader, custodian = province.reader(), HOSPITALS[0].address
    records = province.state.records
    objects = [
        StoredObject(identifier, known.leaf.ciphertext_digest, known.leaf.ciphertext_size)
        for identifier, known in records.items()
        if known.leaf.custodian == custodian and known.status != RecordStatus.ERASED
    ]
    released = [
        KeptRelease(e.request.record_id, e.request.institution, e.request.request_id, heads.hash_of(e), e.decided_at)
        for e in (event.entry for event in reader.chain if isinstance(event, AccessDecided))
        if e.reason == Reason.NONE and records[e.request.record_id].leaf.custodian == custodian
    ]
    head = max((event.place.block for event in reader.chain), key=lambda block: block.number)
    rows = [KeptRow(e.place.block.number, e.place.log_index, e) for e in reader.chain]
    return Scene(reader, Keeping(custodian, head, rows, objects, released))


Spoil = Callable[[Scene], object]


@dataclass(frozen=True, slots=True)
class PlantedWrong:
    """A wrong: a name for it, what is done, and the kind it is found as."""

    name: str
    does: str
    spoil: Spoil
    kind: Kind


def _change(kind: type[Any], number: int = 0, **changes: Any) -> Spoil:  # noqa: ANN401 - fields of the event
    def spoil(scene: Scene) -> None:
        at = scene.where(kind, number)
        scene.reader.chain[at] = replace(scene.reader.chain[at], **changes)

    return spoil


def _entry(fits: Callable[[AccessDecided], bool], **changes: Any) -> Spoil:  # noqa: ANN401 - fields of the entry
    def spoil(scene: Scene) -> None:
        at = scene.which(fits)
        event = scene.reader.chain[at]
        assert isinstance(event, AccessDecided)
        scene.reader.chain[at] = replace(event, entry=replace(event.entry, **changes))

    return spoil


def _request(fits: Callable[[AccessDecided], bool], **changes: Any) -> Spoil:  # noqa: ANN401 - fields of the request
    def spoil(scene: Scene) -> None:
        at = scene.which(fits)
        event = scene.reader.chain[at]
        assert isinstance(event, AccessDecided)
        request = replace(event.entry.request, **changes)
        scene.reader.chain[at] = replace(event, entry=replace(event.entry, request=request))

    return spoil


def _drop(kind: type[Any], number: int = 0) -> Spoil:
    return lambda scene: scene.reader.chain.pop(scene.where(kind, number))


def _drop_act(kind: type[SignedAct]) -> Spoil:
    return lambda scene: scene.reader.chain.pop(scene.act(kind))


def _denied(reason: Reason) -> Callable[[AccessDecided], bool]:
    return lambda event: event.entry.reason == reason


def _permitted(event: AccessDecided) -> bool:
    return event.entry.reason == Reason.NONE and event.entry.request.actor_kind == ActorKind.HUMAN


def _emergency(event: AccessDecided) -> bool:
    return event.entry.request.legal_basis == LegalBasis.EMERGENCY


def _swap(scene: Scene) -> None:
    chain, at = scene.reader.chain, scene.which(_permitted)
    chain[at], chain[at + 1] = chain[at + 1], chain[at]


def _other_block(scene: Scene) -> None:
    at = scene.where(AccessDecided, 1)
    place = scene.reader.chain[at].place
    other = replace(place, block=replace(place.block, hash=samples.word(9)))
    scene.reader.chain[at] = replace(scene.reader.chain[at], place=other)


def _append(scene: Scene, event: LedgerEvent) -> None:
    last = scene.reader.chain[-1].place
    block = replace(last.block, number=last.block.number + 1, hash=samples.word(10))
    scene.reader.chain.append(replace(event, place=replace(last, block=block, transaction_hash=samples.word(1))))


def _again(scene: Scene) -> None:
    _append(scene, scene.reader.chain[scene.which(_permitted)])


def _forge_request(scene: Scene) -> None:
    items = next(items for items in scene.reader.calldata.values() if items[0].within is None)
    items[0] = replace(items[0], signature=items[0].signature[::-1])


def _lose_an_item(scene: Scene) -> None:
    next(items for items in scene.reader.calldata.values() if len(items) > 1).pop()


def _widen(scene: Scene) -> None:
    at = scene.where(events.ConsentGranted, 3)
    event = scene.reader.chain[at]
    assert isinstance(event, events.ConsentGranted)
    scene.reader.chain[at] = replace(event, terms=replace(event.terms, max_uses=9))


def _other_practitioner(event: AccessDecided) -> AccessRequest:
    return replace(event.entry.request, practitioner=samples.word(5))


def _unread(spoil: Spoil) -> Spoil:
    def both(scene: Scene) -> None:
        scene.with_calldata = False
        spoil(scene)

    return both


def _unattested(scene: Scene) -> None:
    """Takes the attestation out of the log and the contracts, and looks a month later."""
    at = scene.act(DeletionAttestation)
    scene.reader.chain.pop(at)
    ends, erased = scene.reader.state.erasures.ends, record_id(ERASED)
    ends[erased] = replace(ends[erased], attested_at=0)
    scene.later = ATTESTATION_SECONDS


def _kept(change: Callable[[Keeping], object]) -> Spoil:
    return lambda scene: change(scene.keeping)


def _stored(**changes: Any) -> Spoil:  # noqa: ANN401 - fields of the object
    def spoil(scene: Scene) -> None:
        scene.keeping.objects[0] = replace(scene.keeping.objects[0], **changes)

    return spoil


def _differ(keeping: Keeping) -> None:
    at = next(i for i, row in enumerate(keeping.kept) if isinstance(row.event, AccessDecided))
    event = keeping.kept[at].event
    assert isinstance(event, AccessDecided)
    other = replace(event, entry=replace(event.entry, reason=Reason.EXCLUDED))
    keeping.kept[at] = replace(keeping.kept[at], event=other)


def _behind(keeping: Keeping) -> None:
    event = keeping.kept[-1].event
    assert event is not None
    keeping.position_ = replace(event.place.block, number=event.place.block.number - 1)


def _release_late(keeping: Keeping) -> None:
    row = replace(keeping.released[0], record_id=record_id(ERASED), released_at=2**40)
    keeping.released.append(row)


W = PlantedWrong
WRONGS: Final = (
    W(
        "permitted-without-purpose",
        "permitted for a purpose nobody agreed to",
        _entry(_denied(Reason.PURPOSE_NOT_GRANTED), reason=0),
        Kind.DECISION,
    ),
    W(
        "copy-never-granted",
        "a copy permitted though only reading was granted",
        _entry(_denied(Reason.ACTION_NOT_GRANTED), reason=0),
        Kind.DECISION,
    ),
    W(
        "permitted-without-consent",
        "permitted after the revocation, on no consent",
        _entry(_denied(Reason.CONSENT_MISSING), reason=0),
        Kind.DECISION,
    ),
    W(
        "denied-though-covered",
        "denied though the consent covers it",
        _entry(_permitted, reason=int(Reason.CONSENT_REVOKED)),
        Kind.DECISION,
    ),
    W(
        "denied-for-another-reason",
        "denied with another reason than the rules give",
        _entry(_denied(Reason.PURPOSE_NOT_GRANTED), reason=int(Reason.CONSENT_EXPIRED)),
        Kind.DECISION,
    ),
    W("unknown-reason", "an answer no rule knows", _entry(_permitted, reason=77), Kind.DECISION),
    W("grant-hidden", "the grant an access rests on is missing", _drop(events.ConsentGranted, 2), Kind.DECISION),
    W(
        "admission-hidden",
        "the admission of a hospital is missing",
        _drop(events.InstitutionAdmitted, 1),
        Kind.DECISION,
    ),
    W(
        "other-subject",
        "logged under another patient",
        _entry(_permitted, subject_id=SubjectId(samples.word(7))),
        Kind.DECISION_SUBJECT,
    ),
    W("other-time", "decided at another time than its block", _entry(_permitted, decided_at=5), Kind.DECISION_TIME),
    W(
        "access-hidden",
        "an access is missing",
        lambda s: s.reader.chain.pop(s.which(_permitted)),
        Kind.SUBJECT_SEQUENCE,
    ),
    W(
        "access-hidden-from-the-hospital",
        "an access is missing in the hospital's log",
        lambda s: s.reader.chain.pop(s.which(_permitted)),
        Kind.INSTITUTION_SEQUENCE,
    ),
    W("last-access-hidden", "the last access is missing", _drop(AccessDecided, -1), Kind.SUBJECT_HEAD),
    W(
        "last-access-hidden-from-the-hospital",
        "the last access is missing in the hospital's log",
        _drop(AccessDecided, -1),
        Kind.INSTITUTION_HEAD,
    ),
    W("accesses-swapped", "two events in the wrong order", _swap, Kind.ORDER),
    W("two-chains", "two events of one block name different blocks", _other_block, Kind.BLOCK),
    W("decided-twice", "a request is decided once more", _again, Kind.REPLAY),
    W(
        "purpose-exchanged",
        "another purpose in the log than was asked for",
        _request(_permitted, purpose=Purpose.COC),
        Kind.MATERIAL,
    ),
    W(
        "practitioner-exchanged",
        "another practitioner in the log, nothing to compare",
        _unread(_request(_permitted, practitioner=samples.word(5))),
        Kind.SUBJECT_HEAD,
    ),
    W("item-lost", "an answer to nothing that was asked", _lose_an_item, Kind.MATERIAL),
    W("request-forged", "a request its hospital did not sign", _forge_request, Kind.REQUEST_SIGNATURE),
    W("grant-widened", "terms that are not those of their id", _widen, Kind.IDENTITY),
    W(
        "grant-forged",
        "a grant signed by nobody",
        _change(events.ConsentGranted, 3, signature=b"\1" * 65),
        Kind.SIGNATURE,
    ),
    W(
        "revocation-forged",
        "a revocation signed by nobody",
        _change(events.ConsentRevoked, signature=b""),
        Kind.SIGNATURE,
    ),
    W(
        "signer-exchanged",
        "another signer of a patient",
        _change(events.SubjectEnrolled, signer=STRANGER),
        Kind.SIGNATURE,
    ),
    W("enrolment-hidden", "the enrolment of a patient is missing", _drop(events.SubjectEnrolled), Kind.ACT),
    W("supersession-hidden", "a second version beside the first", _drop(events.RecordSuperseded), Kind.ACT),
    W("debt-hidden", "an emergency without its debt", _drop(events.DebtOpened), Kind.BROUGHT),
    W("debt-closed-in-the-dark", "a debt closed without a review", _drop_act(EmergencyReview), Kind.BROUGHT),
    W(
        "debt-review-hidden",
        "the review and the end of a debt are missing",
        lambda s: (s.reader.chain.pop(s.where(events.DebtClosed, -1)), s.reader.chain.pop(s.act(EmergencyReview))),
        Kind.DEBT_STATE,
    ),
    W("revocation-hidden", "a revocation is missing", _drop(events.ConsentRevoked), Kind.CONSENT_STATE),
    W(
        "withdrawal-hidden",
        "the withdrawal of an authorisation is missing",
        _drop_act(AuthorisationWithdrawal),
        Kind.AUTHORISATION_STATE,
    ),
    W(
        "record-still-current",
        "an old version that is still current",
        _drop(events.RecordSuperseded),
        Kind.RECORD_STATE,
    ),
    W(
        "custodian-exchanged",
        "another custodian of a patient",
        _change(events.SubjectEnrolled, -1, custodian=HOSPITALS[0].address),
        Kind.SUBJECT_STATE,
    ),
    W("directive-hidden", "a patient's directive is missing", _drop_act(Directive), Kind.SUBJECT_FACTS),
    W("card-hidden", "a patient's new card is missing", _drop_act(CardRegistration), Kind.CARD_STATE),
    W("guardian-kept", "the removal of a delegate is missing", _drop_act(GuardianRemoval), Kind.GUARDIAN_STATE),
    W(
        "limit-raised",
        "a hospital's limit is not the one set",
        _change(events.InstitutionLimited, daily_limit=9_999),
        Kind.INSTITUTION_STATE,
    ),
    W(
        "region-exchanged",
        "a hospital of another city",
        _change(events.InstitutionAdmitted, region=440_600),
        Kind.INSTITUTION_STATE,
    ),
    W(
        "authority-countrywide",
        "a provincial authority for the whole country",
        _change(events.AuthorityAdmitted, 1, region=0),
        Kind.AUTHORITY_STATE,
    ),
    W("officer-kept", "the dismissal of an officer is missing", _drop(events.OfficerDismissed), Kind.OFFICER_STATE),
    W(
        "relay-of-a-stranger",
        "a relay nobody admitted",
        _change(events.RelayAdmitted, relay=STRANGER),
        Kind.RELAY_STATE,
    ),
    W(
        "verifier-of-a-stranger",
        "a verifier of signatures nobody admitted",
        _change(events.VerifierAdmitted, -1, verifier=STRANGER),
        Kind.VERIFIER_STATE,
    ),
    W(
        "membership-kept",
        "a hospital that never left its group",
        _drop(events.GroupMembershipChanged, -1),
        Kind.MEMBERSHIP,
    ),
    W(
        "rejected-for-another-reason",
        "a request rejected with another reason",
        _change(events.RequestRejected, reason=Reason.REQUEST_REPLAYED),
        Kind.REJECTION,
    ),
    W(
        "batch-exchanged",
        "a batch with another root than its requests",
        _change(events.BatchSubmitted, root=samples.word(5)),
        Kind.BATCH,
    ),
    W("scope-unproven", "a named record, and no proof to be had", _unread(lambda _: None), Kind.SCOPE_UNPROVEN),
    W("database-behind", "a database that stopped before the head", _kept(_behind), Kind.PROJECTION_BEHIND),
    W("row-missing", "a row is missing in the database", _kept(lambda k: k.kept.pop(40)), Kind.ROW_MISSING),
    W(
        "row-added",
        "a row of nothing in the database",
        _kept(lambda k: k.kept.append(KeptRow(3, 0, k.kept[0].event))),
        Kind.ROW_UNKNOWN,
    ),
    W("row-changed", "a decision is another one in the database", _kept(_differ), Kind.ROW_DIFFERS),
    W(
        "object-of-nothing",
        "an object of no record",
        _kept(lambda k: k.objects.append(replace(k.objects[0], record_id=record_id(replace(CORRECTED, version=7))))),
        Kind.OBJECT_UNANCHORED,
    ),
    W("object-lost", "a record without its object", _kept(lambda k: k.objects.pop()), Kind.OBJECT_MISSING),
    W("object-exchanged", "an object of other bytes", _stored(digest=samples.word(4)), Kind.OBJECT_DIFFERS),
    W("object-unreadable", "an object that cannot be read", _stored(fault="cut off"), Kind.OBJECT_MISSING),
    W(
        "object-kept",
        "an object whose deletion was attested",
        _kept(
            lambda k: k.objects.append(
                StoredObject(record_id(ERASED), ERASED.ciphertext_digest, ERASED.ciphertext_size)
            )
        ),
        Kind.OBJECT_KEPT,
    ),
    W(
        "released-for-nothing",
        "keys given out without a decision",
        _kept(lambda k: k.released.append(replace(k.released[0], decision_id=samples.word(9)))),
        Kind.RELEASE_WITHOUT_DECISION,
    ),
    W(
        "released-to-another",
        "keys given out to another hospital than was permitted",
        _kept(lambda k: k.released.append(replace(k.released[0], institution=STRANGER))),
        Kind.RELEASE_WITHOUT_DECISION,
    ),
    W("released-after-erasure", "keys of an erased record", _kept(_release_late), Kind.RELEASE_AFTER_ERASURE),
    W(
        "deletion-unattested",
        "an erasure, and a month later nobody attested the deletion",
        _unattested,
        Kind.ATTESTATION_MISSING,
    ),
)
