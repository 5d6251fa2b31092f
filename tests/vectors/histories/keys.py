"""Keys of a subject as histories: rotation, card, and recovery with its delay and objection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from consentry.core.codes import (
    Assurance,
    ExclusionKind,
    GuardianScope,
    RecoveryObjector,
    RecoveryProposer,
    bits,
)
from consentry.core.exclusions import Exclusion
from consentry.core.signed_act import SignedAct
from consentry.core.signer_keys import (
    CardRegistration,
    CardRemoval,
    RecoveryCompletion,
    RecoveryObjection,
    RecoveryProposal,
    SignerRotation,
)
from consentry.core.terms import ZERO_32
from consentry.core.typed_data import consent_id, struct_hash
from tests.support import samples
from tests.support.samples import DAY, NOW
from tests.vectors.histories.enrolments import UNACCEPTABLE
from tests.vectors.histories.family import (
    CUSTODIAN,
    DEATH,
    DELEGATE,
    HOSPITAL,
    LATER,
    MINORITY,
    MOTHER,
    OF_AGE,
    OTHER,
    PARENT,
    PATIENT,
    SHIELD,
    SUBJECT,
    UNCLE,
    begun,
    guarded,
    note,
    noted,
    removal,
    signer,
    with_delegate,
    with_parent,
)
from tests.vectors.histories.signing import signing
from tests.vectors.histories.story import (
    ACCEPTED,
    NATIONAL,
    START,
    STRANGER,
    Story,
    key_of,
    refused,
    subject_of,
    terms_of,
)

NEW: Final = "keys/new device"
NEWER: Final = "keys/newer device"
CARD: Final = "keys/card"
PROVINCE: Final = "keys/province"
NEIGHBOUR: Final = "keys/neighbouring province"
DELAY: Final = 7 * DAY
PROPOSED: Final = NOW + 1
"""When what `_proposed` gives was proposed: after the delegate was appointed."""
EFFECTIVE: Final = PROPOSED + DELAY
NOBODY: Final = subject_of("family/nobody")

ROTATION: Final = SignerRotation(SUBJECT, signer(NEW), 1, LATER)
REGISTRATION: Final = CardRegistration(SUBJECT, signer(CARD), 1, LATER)
CARD_REMOVAL: Final = CardRemoval(SUBJECT, 1, LATER)
OWN: Final = terms_of(PATIENT, HOSPITAL)


def _under(name: str) -> bytes:
    """Gives an authority as a proposer: its account, left-padded."""
    return key_of(name).address.rjust(32, b"\0")


PROPOSAL: Final = RecoveryProposal(
    SUBJECT, signer(NEW), RecoveryProposer.GUARDIAN, struct_hash(DELEGATE), ZERO_32, 1, LATER
)
BY_AUTHORITY: Final = replace(
    PROPOSAL, by=RecoveryProposer.AUTHORITY, proposer=_under(PROVINCE), evidence_hash=samples.word(0xE7)
)


def _objection(of: SignedAct = PROPOSAL, by: int = RecoveryObjector.SIGNER, **changes: Any) -> RecoveryObjection:  # noqa: ANN401 - members by name
    return replace(RecoveryObjection(SUBJECT, struct_hash(of), by, 1, LATER), **changes)


def _completion(of: SignedAct = PROPOSAL, **changes: Any) -> RecoveryCompletion:  # noqa: ANN401 - members
    return replace(RecoveryCompletion(SUBJECT, struct_hash(of), LATER), **changes)


def _carded(name: str) -> Story:
    return begun(name).act(REGISTRATION, PATIENT, CARD)


def _proposed(name: str) -> Story:
    return with_delegate(name).act(PROPOSAL, NEW, MOTHER)


def _governed(name: str) -> Story:
    story = begun(name).travel(START + 5_000).admit_authority(PROVINCE, 440_000)
    return story.admit_authority(NEIGHBOUR, 450_000).travel(NOW)


def _signs(story: Story, key: str, *, valid: bool, nonce: int = 7) -> Story:
    """Has a consent granted with a key that signs for the patient, or does not."""
    terms = replace(OWN, nonce=nonce, valid_until=NOW + 300 * DAY)
    return story.grant(
        terms, key, ACCEPTED if valid else refused("ConsentsSignatureInvalid", consent_id(terms), SUBJECT)
    )


def _of_rotation() -> Iterator[Story]:
    story = _signs(begun("rotated"), PATIENT, valid=True).act(ROTATION, PATIENT, NEW)
    _signs(_signs(story, PATIENT, valid=False, nonce=8), NEW, valid=True, nonce=8)
    first = replace(OWN, nonce=7, valid_until=NOW + 300 * DAY)
    yield story.revoke(first, PATIENT, refused("ConsentsSignatureInvalid", consent_id(first), SUBJECT)).revoke(
        first, NEW
    )
    back = SignerRotation(SUBJECT, signer(PATIENT), 2, LATER)
    yield _signs(begun("rotated-and-back").act(ROTATION, PATIENT, NEW).act(back, NEW, PATIENT), PATIENT, valid=True)
    own = refused("SignerKeysSignerInvalid", signer(PATIENT))
    same = replace(ROTATION, signer=signer(PATIENT))
    yield begun("rotated-to-the-same").act(same, PATIENT, PATIENT, expect=own)
    card = replace(ROTATION, signer=signer(CARD))
    yield _carded("rotated-to-the-card").act(
        card, PATIENT, CARD, expect=refused("SignerKeysSignerInvalid", signer(CARD))
    )
    forged = refused("ActSignatureInvalid", struct_hash(ROTATION), 0)
    yield _carded("rotated-with-the-card").act(ROTATION, CARD, NEW, expect=forged)
    yield with_delegate("rotated-by-a-delegate").act(ROTATION, MOTHER, NEW, expect=forged)
    yield noted("rotated-by-a-minor", MINORITY).act(ROTATION, PATIENT, NEW)
    yield noted("rotated-after-death", DEATH).act(ROTATION, PATIENT, NEW, expect=forged)
    yield begun("rotated-while-the-custodian-is-suspended").suspend(CUSTODIAN).act(ROTATION, PATIENT, NEW)
    yield begun("key-of-another-patient").act(replace(ROTATION, signer=signer(OTHER)), PATIENT, OTHER)


def _of_forms() -> Iterator[Story]:
    """What every act with a new signer is refused for."""
    for name, act, keys in (
        ("rotation", ROTATION, (PATIENT, NEW)),
        ("registration", REGISTRATION, (PATIENT, CARD)),
        ("proposal", PROPOSAL, (NEW, MOTHER)),
    ):
        for what, wrong in UNACCEPTABLE.items():
            error = refused("SignerKeysSignerInvalid", wrong)
            yield with_delegate(f"{name}-of-a-signer-{what}").act(replace(act, signer=wrong), *keys, expect=error)
        unknown = refused("SignerKeysSubjectUnknown", NOBODY)
        yield with_delegate(f"{name}-of-nobody").act(replace(act, subject_id=NOBODY), *keys, expect=unknown)
    for name, act_, key in (
        ("card-removal", CARD_REMOVAL, (PATIENT,)),
        ("objection", _objection(), (PATIENT,)),
        ("completion", _completion(), ()),
    ):
        unknown = refused("SignerKeysSubjectUnknown", NOBODY)
        yield with_delegate(f"{name}-of-nobody").act(replace(act_, subject_id=NOBODY), *key, expect=unknown)


def _of_cards_that_take_back() -> Iterator[Story]:
    carded = replace(OWN, assurance=Assurance.CARD_AND_CODE)
    forged = refused("ConsentsSignatureInvalid", consent_id(carded), SUBJECT)
    yield _carded("card-takes-back-what-it-granted").grant(carded, CARD).revoke(carded, CARD)
    kept = refused("ConsentsSignatureInvalid", consent_id(OWN), SUBJECT)
    story = begun("card-takes-back-what-the-device-granted").grant(OWN, PATIENT).revoke(OWN, CARD, kept)
    yield story.act(REGISTRATION, PATIENT, CARD).revoke(OWN, CARD)
    yield _carded("device-takes-back-what-the-card-granted").grant(carded, CARD).revoke(carded, PATIENT)
    yield _carded("card-takes-back-before-the-grant").revoke(carded, CARD)
    story = _carded("card-that-was-removed-takes-nothing-back").grant(carded, CARD).act(CARD_REMOVAL, PATIENT)
    yield story.revoke(carded, CARD, forged).revoke(carded, PATIENT)
    yield _carded("neither-signer-nor-card-takes-back").grant(carded, CARD).revoke(carded, NEW, forged)
    other = replace(carded, subject_id=subject_of(OTHER))
    invalid = refused("ConsentsSignatureInvalid", consent_id(other), other.subject_id)
    yield _carded("card-of-another-patient-takes-nothing-back").revoke(other, CARD, invalid)
    story = _carded("card-takes-nothing-back-for-a-guardian").act(DELEGATE, MOTHER, PATIENT).grant(carded, CARD)
    story.revoke(carded, CARD, forged, guardian=struct_hash(DELEGATE))
    yield story.revoke(carded, MOTHER, guardian=struct_hash(DELEGATE))
    story = _carded("card-takes-back-under-no-appointment-there-is").grant(carded, CARD)
    yield story.revoke(carded, CARD, forged, guardian=samples.word(3))
    story = _carded("card-of-a-minor-takes-back-what-it-cannot-grant").grant(carded, CARD).act(MINORITY, CUSTODIAN)
    again = replace(carded, nonce=8)
    story.grant(again, CARD, refused("ConsentsSignatureInvalid", consent_id(again), SUBJECT))
    yield story.revoke(carded, CARD)
    story = _carded("card-of-the-dead-takes-nothing-back").grant(carded, CARD)
    yield story.act(DEATH, CUSTODIAN).revoke(carded, CARD, forged)


def _of_cards() -> Iterator[Story]:
    carded = replace(OWN, assurance=Assurance.CARD_AND_CODE)
    forged = refused("ConsentsSignatureInvalid", consent_id(carded), SUBJECT)
    yield _carded("granted-with-the-card").grant(carded, PATIENT, forged).grant(carded, CARD)
    second = CardRegistration(SUBJECT, signer(NEWER), 2, LATER)
    story = _carded("another-card").act(second, PATIENT, NEWER).grant(carded, CARD, forged)
    yield story.grant(carded, NEWER)
    held = refused("SignerKeysSignerInvalid", signer(CARD))
    yield _carded("same-card-again").act(replace(REGISTRATION, nonce=2), PATIENT, CARD, expect=held)
    own = replace(REGISTRATION, signer=signer(PATIENT))
    error = refused("SignerKeysSignerInvalid", signer(PATIENT))
    yield begun("card-that-is-the-device").act(own, PATIENT, PATIENT, expect=error)
    missing = refused("SignerKeysCardMissing", SUBJECT)
    yield begun("card-removed-before").act(CARD_REMOVAL, PATIENT, expect=missing)
    again = replace(CARD_REMOVAL, nonce=2)
    story = _carded("card-removed").act(CARD_REMOVAL, PATIENT).act(again, PATIENT, expect=missing)
    yield story.grant(carded, CARD, forged).act(replace(REGISTRATION, nonce=2), PATIENT, CARD).grant(carded, CARD)
    yield _carded("card-stays-when-the-key-rotates").act(ROTATION, PATIENT, NEW).grant(carded, CARD)
    exclusion = Exclusion(SUBJECT, ZERO_32, ExclusionKind.PRACTITIONER, samples.PRACTITIONER, 1, LATER)
    invalid = refused("ActSignatureInvalid", struct_hash(exclusion), 0)
    yield _carded("card-signs-consents-alone").act(exclusion, CARD, expect=invalid)
    yield noted("card-of-a-minor", MINORITY).act(REGISTRATION, PATIENT, CARD).grant(carded, CARD, forged)
    yield noted("card-of-a-shielded-minor", SHIELD).act(REGISTRATION, PATIENT, CARD).grant(carded, CARD)
    yield _carded("card-after-death").act(DEATH, CUSTODIAN).grant(carded, CARD, forged)


def _of_proposals() -> Iterator[Story]:
    again = replace(PROPOSAL, nonce=2)
    open_ = refused("SignerKeysRecoveryOpen", struct_hash(PROPOSAL))
    yield _proposed("proposed-twice").act(again, NEW, MOTHER, expect=open_)
    yield _proposed("proposed-after-an-objection").act(_objection(), PATIENT).act(again, NEW, MOTHER)
    for by, proposer in (
        (0, struct_hash(DELEGATE)),
        (3, struct_hash(DELEGATE)),
        (RecoveryProposer.GUARDIAN, ZERO_32),
        (RecoveryProposer.GUARDIAN, samples.word(3)),
        (RecoveryProposer.GUARDIAN, _under(PROVINCE)),
        (RecoveryProposer.AUTHORITY, struct_hash(DELEGATE)),
        (RecoveryProposer.AUTHORITY, ZERO_32),
        (RecoveryProposer.AUTHORITY, _under(NEIGHBOUR)),
        (RecoveryProposer.AUTHORITY, _under(CUSTODIAN)),
        (RecoveryProposer.AUTHORITY, b"\1" + _under(PROVINCE)[1:]),
    ):
        act = replace(BY_AUTHORITY, by=by, proposer=proposer)
        wrong = refused("SignerKeysProposerInvalid", by, proposer)
        story = _governed(f"proposed-by-{int(by)}-{proposer.hex()[:4]}-{proposer.hex()[-4:]}").act(
            DELEGATE, MOTHER, PATIENT
        )
        yield story.act(act, NEW, MOTHER, expect=wrong)
    for scope in GuardianScope:
        given = replace(DELEGATE, scopes=bits(scope))
        act = replace(PROPOSAL, proposer=struct_hash(given))
        wrong = refused("SignerKeysProposerInvalid", act.by, act.proposer)
        may = ACCEPTED if scope == GuardianScope.RECOVER else wrong
        yield with_delegate(f"proposed-with-scope-{scope.name}".lower(), given).act(act, NEW, MOTHER, expect=may)
    by_parent = replace(PROPOSAL, proposer=struct_hash(PARENT))
    wrong = refused("SignerKeysProposerInvalid", PROPOSAL.by, by_parent.proposer)
    yield with_parent("proposed-by-a-parent").act(by_parent, NEW, MOTHER)
    yield with_parent("proposed-by-the-parent-of-a-shielded-minor", SHIELD).act(by_parent, NEW, MOTHER, expect=wrong)
    yield _governed("proposed-by-an-authority").act(BY_AUTHORITY, NEW, PROVINCE)
    nation = replace(BY_AUTHORITY, proposer=_under(NATIONAL))
    yield _governed("proposed-by-the-nation").act(nation, NEW, NATIONAL)
    bare = replace(BY_AUTHORITY, evidence_hash=ZERO_32)
    missing = refused("SignerKeysEvidenceMissing", SUBJECT)
    yield _governed("proposed-without-evidence").act(bare, NEW, PROVINCE, expect=missing)
    wrong = refused("SignerKeysProposerInvalid", BY_AUTHORITY.by, BY_AUTHORITY.proposer)
    yield (
        _governed("proposed-by-a-suspended-authority")
        .suspend_authority(PROVINCE)
        .act(BY_AUTHORITY, NEW, PROVINCE, expect=wrong)
    )
    yield _governed("proposed-after-death").act(DEATH, CUSTODIAN).act(BY_AUTHORITY, NEW, PROVINCE)


def _of_completions() -> Iterator[Story]:
    for seconds in (-1, 0, 1):
        early = refused("SignerKeysRecoveryEarly", EFFECTIVE, EFFECTIVE + seconds)
        story = _proposed(f"completed-{seconds}-seconds-after-the-delay").travel(EFFECTIVE + seconds)
        story.act(_completion(), expect=early if seconds < 0 else ACCEPTED)
        yield _signs(story, NEW, valid=seconds >= 0)
    story = _signs(_proposed("old-key-until-then"), PATIENT, valid=True).travel(EFFECTIVE).act(_completion())
    yield _signs(story, PATIENT, valid=False, nonce=8)
    unknown = refused("SignerKeysRecoveryUnknown", struct_hash(PROPOSAL))
    again = _completion(sign_before=LATER + 1)
    yield _proposed("completed-twice").travel(EFFECTIVE).act(_completion()).act(again, expect=unknown)
    yield with_delegate("completed-before-it-was-proposed").act(_completion(), expect=unknown)
    other = _completion(recovery=samples.word(9))
    error = refused("SignerKeysRecoveryUnknown", samples.word(9))
    yield _proposed("another-completed").travel(EFFECTIVE).act(other, expect=error)
    yield (
        _proposed("completed-after-an-objection")
        .act(_objection(), PATIENT)
        .travel(EFFECTIVE)
        .act(_completion(), expect=unknown)
    )
    yield (
        _proposed("completed-after-a-rotation")
        .act(ROTATION, PATIENT, NEW)
        .travel(EFFECTIVE)
        .act(_completion(), expect=unknown)
    )
    gone = refused("SignerKeysProposerInvalid", PROPOSAL.by, PROPOSAL.proposer)
    story = _proposed("completed-when-the-guardian-is-gone").act(removal(DELEGATE), PATIENT).travel(EFFECTIVE)
    yield story.act(_completion(), expect=gone)
    over = replace(DELEGATE, valid_until=EFFECTIVE)
    act = replace(PROPOSAL, proposer=struct_hash(over))
    gone = refused("SignerKeysProposerInvalid", act.by, act.proposer)
    story = with_delegate("completed-when-the-appointment-is-over", over).act(act, NEW, MOTHER)
    yield story.travel(EFFECTIVE).act(_completion(act), expect=gone)
    done = _completion(BY_AUTHORITY)
    yield _signs(
        _governed("completed-for-an-authority").act(BY_AUTHORITY, NEW, PROVINCE).travel(EFFECTIVE).act(done),
        NEW,
        valid=True,
    )
    gone = refused("SignerKeysProposerInvalid", BY_AUTHORITY.by, BY_AUTHORITY.proposer)
    story = _governed("completed-when-the-authority-is-suspended").act(BY_AUTHORITY, NEW, PROVINCE)
    yield story.suspend_authority(PROVINCE).travel(EFFECTIVE).act(done, expect=gone)
    story = _governed("completed-when-the-authority-is-back").act(BY_AUTHORITY, NEW, PROVINCE)
    story.suspend_authority(PROVINCE).govern("reinstateAuthority", authority=key_of(PROVINCE).address)
    yield story.travel(EFFECTIVE).act(done)
    parent = replace(PARENT, valid_until=OF_AGE)
    act = replace(PROPOSAL, proposer=struct_hash(parent))
    shielded = refused("SignerKeysProposerInvalid", act.by, act.proposer)
    story = with_parent("completed-when-the-minor-is-shielded", act=parent).act(act, NEW, MOTHER)
    yield (
        story.act(note(shielded=True, nonce=5), CUSTODIAN).travel(EFFECTIVE + 1).act(_completion(act), expect=shielded)
    )
    granted = guarded(DELEGATE)
    yield _proposed("guardian-stays-after-a-recovery").travel(EFFECTIVE).act(_completion()).grant(granted, MOTHER)


def _of_objections() -> Iterator[Story]:
    unknown = refused("SignerKeysRecoveryUnknown", struct_hash(PROPOSAL))
    again = _objection(nonce=2)
    yield _proposed("objected-twice").act(_objection(), PATIENT).act(again, PATIENT, expect=unknown)
    yield with_delegate("objected-before").act(_objection(), PATIENT, expect=unknown)
    yield _proposed("objected-in-the-last-second").travel(EFFECTIVE + 3 * DAY).act(_objection(), PATIENT)
    by_card = _objection(by=RecoveryObjector.CARD)
    yield (
        begun("objected-with-the-card")
        .travel(NOW - 1)
        .act(REGISTRATION, PATIENT, CARD)
        .act(DELEGATE, MOTHER, PATIENT)
        .act(PROPOSAL, NEW, MOTHER)
        .act(by_card, PATIENT, expect=refused("ActSignatureInvalid", struct_hash(by_card), 0))
        .act(_objection(), CARD, expect=refused("ActSignatureInvalid", struct_hash(_objection()), 0))
        .act(by_card, CARD)
    )
    invalid = refused("ActSignatureInvalid", struct_hash(by_card), 0)
    yield _proposed("objected-with-no-card").act(by_card, CARD, expect=invalid)
    for by in (0, 3, 255):
        wrong = refused("SignerKeysObjectorInvalid", by)
        yield _proposed(f"objected-by-{by}").act(_objection(by=by), PATIENT, expect=wrong)
    yield _proposed("objected-after-a-noted-death").act(DEATH, CUSTODIAN).act(_objection(), PATIENT)
    yield _proposed("objected-while-the-custodian-is-suspended").suspend(CUSTODIAN).act(_objection(), PATIENT)
    story = _proposed("objected-after-a-second-proposal").act(_objection(), PATIENT)
    second = replace(PROPOSAL, nonce=2)
    yield story.act(second, NEW, MOTHER).act(again, PATIENT, expect=unknown).act(_objection(second), PATIENT)


def histories() -> Iterator[Story]:
    """Gives every history of keys."""
    cards = _of_cards, _of_cards_that_take_back
    for topic in (_of_rotation, _of_forms, *cards, _of_proposals, _of_completions, _of_objections):
        yield from topic()
    yield from signing(begun, "rotation", ROTATION, (PATIENT, NEW), (OTHER, CUSTODIAN), (PATIENT, NEWER))
    yield from signing(begun, "registration", REGISTRATION, (PATIENT, CARD), (OTHER, CUSTODIAN), (PATIENT, NEWER))
    yield from signing(_carded, "card-removal", CARD_REMOVAL, (PATIENT,), (CARD, CUSTODIAN), now=NOW + 1)
    yield from signing(
        with_delegate, "proposal", PROPOSAL, (NEW, MOTHER), (PATIENT, MOTHER), (UNCLE, PATIENT), now=PROPOSED
    )
    yield from signing(
        _governed, "proposal-by-an-authority", BY_AUTHORITY, (NEW, PROVINCE), (NEWER,), (NATIONAL, STRANGER)
    )
    yield from signing(_proposed, "objection", _objection(), (PATIENT,), (MOTHER, NEW, CUSTODIAN), now=PROPOSED + 1)

    def due(name: str) -> Story:
        return _proposed(name).travel(EFFECTIVE)

    yield from signing(due, "completion", _completion(), (), now=EFFECTIVE)
