"""Behaviour of a subject's keys in `Subjects`: rotated, a card, lost and recovered in public."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from web3 import Web3

from consentry.core.codes import GuardianKind, GuardianRemover, GuardianScope, RecoveryObjector, RecoveryProposer, bits
from consentry.core.guardianship import (
    Circumstances,
    Directive,
    GuardianAppointment,
    GuardianRemoval,
    ProofOfLife,
)
from consentry.core.signed_act import SignedAct
from consentry.core.signer_keys import (
    CardRegistration,
    CardRemoval,
    RecoveryCompletion,
    RecoveryObjection,
    RecoveryProposal,
    SignerRotation,
)
from consentry.core.subject_facts import RECOVERY_DELAY, TIME_TO_COMPLETE
from consentry.core.terms import ZERO_32, SubjectId
from consentry.core.typed_data import members_of, struct_hash
from tests.contracts.guardian_acts import (
    EVIDENCE,
    MOTHER,
    QUARTER,
    appoint,
    note,
    perform,
    refusal,
)
from tests.support.contract_suite import appoint_authority, by_two
from tests.support.contract_world import DAY, World, key_of, values_of
from tests.support.signers import AccountSigner, PasskeySigner

NEW = AccountSigner(key_of("new phone"))
CARD = AccountSigner(key_of("card"))
STRANGER = AccountSigner(key_of("stranger"))
UNKNOWN = SubjectId(b"\x77" * 32)
UNFIT = [b"", bytes(20), b"\x01" * 19, b"\x02" * 84]
GUANGDONG_AUTHORITY = AccountSigner(key_of("authority of guangdong"))
BEIJING_AUTHORITY = AccountSigner(key_of("authority of beijing"))


def rotation(world: World, **changes: Any) -> SignerRotation:  # noqa: ANN401 - members by name
    now = world.suite.now()
    return replace(SignerRotation(world.patient.subject_id, NEW.identity, 1, now + DAY), **changes)


def card(world: World, **changes: Any) -> CardRegistration:  # noqa: ANN401 - members by name
    now = world.suite.now()
    return replace(CardRegistration(world.patient.subject_id, CARD.identity, 1, now + DAY), **changes)


def proposal(world: World, by: int, proposer: bytes, **changes: Any) -> RecoveryProposal:  # noqa: ANN401 - members by name
    now = world.suite.now()
    who = proposer.rjust(32, b"\0")
    made = RecoveryProposal(world.patient.subject_id, NEW.identity, by, who, EVIDENCE, now, now + DAY)
    return replace(made, **changes)


def objection(world: World, recovery: bytes, by: int) -> RecoveryObjection:
    return RecoveryObjection(world.patient.subject_id, recovery, by, 1, world.suite.now() + DAY)


def completion(world: World, recovery: bytes) -> RecoveryCompletion:
    return RecoveryCompletion(world.patient.subject_id, recovery, world.suite.now() + DAY)


def signer_of(world: World) -> bytes:
    found: bytes = world.suite.read("Subjects", "signerOf", world.patient.subject_id)
    return found


def propose(world: World, guardian: bytes | None = None) -> bytes:
    """Has a guardian propose, and gives the name of the recovery."""
    act = proposal(
        world, RecoveryProposer.GUARDIAN, guardian or appoint(world, valid_until=world.suite.now() + 99 * DAY)
    )
    perform(world, act, NEW, MOTHER)
    return struct_hash(act)


@pytest.fixture
def authorities(world: World) -> World:
    """Gives authorities that can sign."""
    for authority, region in ((GUANGDONG_AUTHORITY, 440_000), (BEIJING_AUTHORITY, 110_000)):
        deputy = Account.from_key(key_of(f"deputy of {region}")).address
        appoint_authority(world.suite, Web3.to_checksum_address(authority.identity), region, deputy)
    return world


# Rotation.


def test_rotate_gives_the_subject_another_signer(world: World) -> None:
    act = rotation(world)
    receipt = perform(world, act, world.patient.signer, NEW)

    [event] = world.suite.events(receipt)
    assert (event.name, event.args["actHash"]) == ("SignerRotated", struct_hash(act))
    assert tuple(event.args["act"].values()) == values_of(act)
    assert signer_of(world) == NEW.identity
    subject = world.patient.subject_id
    assert world.suite.read("Subjects", "signerFor", subject, ZERO_32, GuardianScope.GRANT) == NEW.identity
    back = rotation(world, signer=world.patient.signer.identity)
    assert refusal(world, back, world.patient.signer, world.patient.signer) == (
        "ActSignatureInvalid",
        (struct_hash(back), 0),
    )


def test_rotate_to_a_longer_signer_and_back_keeps_it_whole(world: World) -> None:
    passkey = PasskeySigner(world.suite.address("ERC7913WebAuthnVerifier"), b"new passkey")
    perform(world, rotation(world, signer=passkey.identity), world.patient.signer, passkey)
    assert signer_of(world) == passkey.identity
    perform(world, rotation(world), passkey, NEW)
    assert signer_of(world) == NEW.identity


@pytest.mark.parametrize("signer", UNFIT)
def test_rotate_to_what_is_no_signer_is_refused(world: World, signer: bytes) -> None:
    refused = refusal(world, rotation(world, signer=signer), world.patient.signer, NEW)
    assert refused == ("SignerKeysSignerInvalid", (signer,))


def test_rotate_is_refused_in_this_order(world: World) -> None:
    patient = world.patient.signer
    unknown = rotation(world, subject_id=UNKNOWN, signer=b"")
    assert refusal(world, unknown, STRANGER, STRANGER) == ("SignerKeysSubjectUnknown", (UNKNOWN,))
    same = rotation(world, signer=patient.identity)
    assert refusal(world, same, STRANGER, STRANGER) == ("SignerKeysSignerInvalid", (patient.identity,))
    act = rotation(world)
    assert refusal(world, act, NEW, patient) == ("ActSignatureInvalid", (struct_hash(act), 0))
    assert refusal(world, act, patient, patient) == ("ActSignatureInvalid", (struct_hash(act), 1))


def test_rotate_after_death_is_refused_and_as_a_minor_is_not(world: World) -> None:
    note(world)
    perform(world, rotation(world), world.patient.signer, NEW)
    note(world, deceased=True)
    act = rotation(world, signer=STRANGER.identity)
    assert refusal(world, act, NEW, STRANGER) == ("ActSignatureInvalid", (struct_hash(act), 0))


def test_rotate_ends_an_open_recovery(world: World) -> None:
    recovery = propose(world)
    perform(world, rotation(world, signer=CARD.identity), world.patient.signer, CARD)
    assert world.suite.read("Subjects", "recoveryOf", world.patient.subject_id)[0] == ZERO_32
    world.suite.travel(world.suite.now() + RECOVERY_DELAY)
    assert refusal(world, completion(world, recovery)) == ("SignerKeysRecoveryUnknown", (recovery,))


# Cards.


def card_for(world: World, scope: GuardianScope) -> bytes:
    found: bytes = world.suite.read("Subjects", "cardSignerFor", world.patient.subject_id, scope)
    return found


def test_card_is_registered_replaced_and_removed(world: World) -> None:
    patient, subject = world.patient.signer, world.patient.subject_id
    act = card(world)
    receipt = perform(world, act, patient, CARD)
    [event] = world.suite.events(receipt)
    assert (event.name, event.args["actHash"]) == ("CardRegistered", struct_hash(act))
    assert world.suite.read("Subjects", "cardSignerOf", subject) == CARD.identity
    assert signer_of(world) == patient.identity
    perform(world, card(world, signer=NEW.identity), patient, NEW)
    assert world.suite.read("Subjects", "cardSignerOf", subject) == NEW.identity
    gone = CardRemoval(subject, 1, world.suite.now() + DAY)
    [event] = world.suite.events(perform(world, gone, patient))
    assert (event.name, event.args["actHash"]) == ("CardRemoved", struct_hash(gone))
    assert world.suite.read("Subjects", "cardSignerOf", subject) == b""
    again = replace(gone, nonce=2)
    assert refusal(world, again, patient) == ("SignerKeysCardMissing", (subject,))


def test_card_acts_are_refused_in_this_order(world: World) -> None:
    patient = world.patient.signer
    unknown = card(world, subject_id=UNKNOWN)
    assert refusal(world, unknown, STRANGER, STRANGER) == ("SignerKeysSubjectUnknown", (UNKNOWN,))
    for signer in (*UNFIT, patient.identity):
        unfit = card(world, signer=signer)
        assert refusal(world, unfit, STRANGER, STRANGER) == ("SignerKeysSignerInvalid", (signer,))
    act = card(world)
    assert refusal(world, act, CARD, CARD) == ("ActSignatureInvalid", (struct_hash(act), 0))
    assert refusal(world, act, patient, patient) == ("ActSignatureInvalid", (struct_hash(act), 1))
    perform(world, act, patient, CARD)
    twice = card(world, nonce=2)
    assert refusal(world, twice, patient, CARD) == ("SignerKeysSignerInvalid", (CARD.identity,))
    as_signer = rotation(world, signer=CARD.identity)
    assert refusal(world, as_signer, patient, CARD) == ("SignerKeysSignerInvalid", (CARD.identity,))
    gone = CardRemoval(UNKNOWN, 1, world.suite.now() + DAY)
    assert refusal(world, gone, STRANGER) == ("SignerKeysSubjectUnknown", (UNKNOWN,))
    gone = replace(gone, subject_id=world.patient.subject_id)
    assert refusal(world, gone, CARD) == ("ActSignatureInvalid", (struct_hash(gone), 0))


def test_card_may_what_the_subject_itself_may(world: World) -> None:
    perform(world, card(world), world.patient.signer, CARD)
    grant, revoke = GuardianScope.GRANT, GuardianScope.REVOKE
    assert (card_for(world, grant), card_for(world, revoke)) == (CARD.identity, CARD.identity)
    note(world)
    assert (card_for(world, grant), card_for(world, revoke)) == (b"", CARD.identity)
    note(world, shielded=True)
    assert card_for(world, grant) == CARD.identity
    note(world, shielded=True, deceased=True)
    assert (card_for(world, grant), card_for(world, revoke)) == (b"", b"")


# Recovery.


def test_recovery_by_a_guardian_counts_after_the_delay_and_not_a_second_before(world: World) -> None:
    guardian = appoint(world, valid_until=world.suite.now() + 99 * DAY)
    act = proposal(world, RecoveryProposer.GUARDIAN, guardian, evidence_hash=ZERO_32)
    receipt = perform(world, act, NEW, MOTHER)
    recovery, opened = struct_hash(act), world.suite.w3.eth.get_block(receipt["blockNumber"])["timestamp"]

    [event] = world.suite.events(receipt)
    assert (event.name, event.args["actHash"]) == ("RecoveryProposed", recovery)
    due = opened + RECOVERY_DELAY
    kept = (recovery, due, act.by, act.proposer, act.signer)
    assert tuple(world.suite.read("Subjects", "recoveryOf", world.patient.subject_id)) == kept
    assert world.suite.read("Subjects", "recoveryDelay") == RECOVERY_DELAY
    assert signer_of(world) == world.patient.signer.identity

    world.suite.travel(due - 1)
    early = ("SignerKeysRecoveryEarly", (due, due - 1))
    assert refusal(world, completion(world, recovery)) == early
    world.suite.travel(due)
    done = completion(world, recovery)
    [event] = world.suite.events(perform(world, done))
    assert (event.name, event.args["actHash"]) == ("RecoveryCompleted", struct_hash(done))
    assert signer_of(world) == NEW.identity
    assert world.suite.read("Subjects", "recoveryOf", world.patient.subject_id)[0] == ZERO_32
    assert refusal(world, completion(world, recovery)) == ("SignerKeysRecoveryUnknown", (recovery,))


def test_recovery_by_the_authority_over_the_custodian_needs_evidence(authorities: World) -> None:
    world, authority = authorities, RecoveryProposer.AUTHORITY
    act = proposal(world, authority, GUANGDONG_AUTHORITY.identity)
    bare = replace(act, evidence_hash=ZERO_32)
    missing = ("SignerKeysEvidenceMissing", (world.patient.subject_id,))
    assert refusal(world, bare, NEW, GUANGDONG_AUTHORITY) == missing
    elsewhere = proposal(world, authority, BEIJING_AUTHORITY.identity)
    foreign = ("SignerKeysProposerInvalid", (authority, elsewhere.proposer))
    assert refusal(world, elsewhere, NEW, BEIJING_AUTHORITY) == foreign
    perform(world, act, NEW, GUANGDONG_AUTHORITY)
    world.suite.travel(world.suite.now() + RECOVERY_DELAY)
    perform(world, completion(world, struct_hash(act)))
    assert signer_of(world) == NEW.identity


def test_recovery_is_proposed_by_nobody_else(authorities: World) -> None:
    world = authorities
    seeing = appoint(world, scopes=bits(GuardianScope.SEE))
    for by, who in (
        (0, GUANGDONG_AUTHORITY.identity),
        (3, GUANGDONG_AUTHORITY.identity),
        (RecoveryProposer.GUARDIAN, ZERO_32),
        (RecoveryProposer.GUARDIAN, seeing),
        (RecoveryProposer.GUARDIAN, b"\x05" * 32),
        (RecoveryProposer.AUTHORITY, STRANGER.identity),
        (RecoveryProposer.AUTHORITY, b"\x01" + bytes(11) + GUANGDONG_AUTHORITY.identity),
        (RecoveryProposer.AUTHORITY, ZERO_32),
    ):
        act = proposal(world, by, who)
        refused = refusal(world, act, NEW, world.patient.signer)
        assert refused == ("SignerKeysProposerInvalid", (by, act.proposer))
    national = world.suite.national, world.suite.second
    by_two(world.suite, national, "suspendAuthority", GUANGDONG_AUTHORITY.identity, ZERO_32)
    act = proposal(world, RecoveryProposer.AUTHORITY, GUANGDONG_AUTHORITY.identity)
    refused = refusal(world, act, NEW, GUANGDONG_AUTHORITY)
    assert refused == ("SignerKeysProposerInvalid", (RecoveryProposer.AUTHORITY, act.proposer))


def test_proposal_is_refused_in_this_order(authorities: World) -> None:
    world, by = authorities, RecoveryProposer.AUTHORITY
    open_ = propose(world)
    bad = proposal(world, 9, STRANGER.identity, subject_id=UNKNOWN, signer=b"", evidence_hash=ZERO_32)
    assert refusal(world, bad, STRANGER, STRANGER) == ("SignerKeysSubjectUnknown", (UNKNOWN,))
    bad = replace(bad, subject_id=world.patient.subject_id)
    assert refusal(world, bad, STRANGER, STRANGER) == ("SignerKeysSignerInvalid", (b"",))
    bad = replace(bad, signer=NEW.identity)
    assert refusal(world, bad, STRANGER, STRANGER) == ("SignerKeysRecoveryOpen", (open_,))
    perform(world, objection(world, open_, RecoveryObjector.SIGNER), world.patient.signer)
    assert refusal(world, bad, STRANGER, STRANGER) == ("SignerKeysProposerInvalid", (9, bad.proposer))
    bad = replace(bad, by=by, proposer=GUANGDONG_AUTHORITY.identity.rjust(32, b"\0"))
    missing = ("SignerKeysEvidenceMissing", (world.patient.subject_id,))
    assert refusal(world, bad, STRANGER, STRANGER) == missing
    act = replace(bad, evidence_hash=EVIDENCE)
    assert refusal(world, act, STRANGER, STRANGER) == ("ActSignatureInvalid", (struct_hash(act), 0))
    assert refusal(world, act, NEW, NEW) == ("ActSignatureInvalid", (struct_hash(act), 1))


@pytest.mark.parametrize("by", list(RecoveryObjector))
def test_objection_of_signer_or_card_stops_a_recovery(world: World, by: RecoveryObjector) -> None:
    perform(world, card(world), world.patient.signer, CARD)
    recovery = propose(world)
    note(world, minor_until=0, deceased=True)  # a wrong note keeps nobody from objecting
    key, other = (CARD, world.patient.signer) if by == RecoveryObjector.CARD else (world.patient.signer, CARD)
    act = objection(world, recovery, by)

    assert refusal(world, act, other) == ("ActSignatureInvalid", (struct_hash(act), 0))
    [event] = world.suite.events(perform(world, act, key))

    assert (event.name, event.args["actHash"]) == ("RecoveryObjected", struct_hash(act))
    world.suite.travel(world.suite.now() + RECOVERY_DELAY)
    assert refusal(world, completion(world, recovery)) == ("SignerKeysRecoveryUnknown", (recovery,))


def test_objection_is_refused_in_this_order(world: World) -> None:
    recovery = propose(world)
    bad = replace(objection(world, ZERO_32, 9), subject_id=UNKNOWN)
    assert refusal(world, bad, STRANGER) == ("SignerKeysSubjectUnknown", (UNKNOWN,))
    bad = replace(bad, subject_id=world.patient.subject_id)
    assert refusal(world, bad, STRANGER) == ("SignerKeysRecoveryUnknown", (ZERO_32,))
    for by in (0, 3):
        act = objection(world, recovery, by)
        assert refusal(world, act, world.patient.signer) == ("SignerKeysObjectorInvalid", (by,))
    without_card = objection(world, recovery, RecoveryObjector.CARD)
    assert refusal(world, without_card, CARD) == ("ActSignatureInvalid", (struct_hash(without_card), 0))


def test_recovery_that_nobody_completes_lapses_and_another_may_be_proposed(world: World) -> None:
    guardian = appoint(world, valid_until=world.suite.now() + 99 * DAY)
    recovery = propose(world, guardian)
    until = world.suite.read("Subjects", "recoveryOf", world.patient.subject_id)[1] + TIME_TO_COMPLETE
    another = proposal(world, RecoveryProposer.GUARDIAN, guardian, nonce=77, sign_before=until + DAY)

    world.suite.travel(until - 1)
    assert refusal(world, another, NEW, MOTHER) == ("SignerKeysRecoveryOpen", (recovery,))
    world.suite.travel(until)
    lapsed = ("SignerKeysRecoveryUnknown", (recovery,))
    assert refusal(world, completion(world, recovery)) == lapsed
    assert refusal(world, objection(world, recovery, RecoveryObjector.SIGNER), world.patient.signer) == lapsed
    assert world.suite.read("Subjects", "recoveryOf", world.patient.subject_id)[0] == ZERO_32

    perform(world, another, NEW, MOTHER)
    assert world.suite.read("Subjects", "recoveryOf", world.patient.subject_id)[0] == struct_hash(another)


def test_recovery_is_completed_in_the_last_second(world: World) -> None:
    guardian = appoint(world, valid_until=world.suite.now() + 99 * DAY)
    recovery = propose(world, guardian)
    until = world.suite.read("Subjects", "recoveryOf", world.patient.subject_id)[1] + TIME_TO_COMPLETE
    act = RecoveryCompletion(world.patient.subject_id, recovery, until + DAY)
    world.suite.travel(until - 1)
    perform(world, act)
    assert signer_of(world) == NEW.identity


def test_completion_is_refused_without_an_open_recovery(world: World) -> None:
    unknown = replace(completion(world, ZERO_32), subject_id=UNKNOWN)
    assert refusal(world, unknown) == ("SignerKeysSubjectUnknown", (UNKNOWN,))
    assert refusal(world, completion(world, ZERO_32)) == ("SignerKeysRecoveryUnknown", (ZERO_32,))
    recovery = propose(world)
    other = b"\x09" * 32
    assert refusal(world, completion(world, other)) == ("SignerKeysRecoveryUnknown", (other,))
    assert refusal(world, completion(world, recovery), STRANGER) == ("ActSignaturesMismatch", (1, 0))


def test_completion_needs_who_proposed_to_stand_still(world: World) -> None:
    guardian = appoint(world, valid_until=world.suite.now() + 99 * DAY)
    recovery = propose(world, guardian)
    gone = GuardianRemoval(guardian, world.patient.subject_id, GuardianRemover.SUBJECT, 1, world.suite.now() + DAY)
    perform(world, gone, world.patient.signer)
    world.suite.travel(world.suite.now() + RECOVERY_DELAY)
    refused = refusal(world, completion(world, recovery))
    assert refused == ("SignerKeysProposerInvalid", (RecoveryProposer.GUARDIAN, guardian))


def test_parent_recovers_the_key_of_a_child_but_not_of_a_shielded_one(world: World) -> None:
    note(world)
    parent = appoint(world, GuardianKind.PARENT, valid_until=QUARTER)
    propose(world, parent)
    note(world, shielded=True)
    world.suite.travel(world.suite.now() + RECOVERY_DELAY)
    recovery = world.suite.read("Subjects", "recoveryOf", world.patient.subject_id)[0]
    refused = refusal(world, completion(world, recovery))
    assert refused == ("SignerKeysProposerInvalid", (RecoveryProposer.GUARDIAN, parent))


# What every act of `Subjects` has in common.

ACTS: list[tuple[type[SignedAct], str]] = [
    (GuardianAppointment, "appointGuardian"),
    (GuardianRemoval, "removeGuardian"),
    (Circumstances, "noteCircumstances"),
    (ProofOfLife, "proveLife"),
    (Directive, "giveDirective"),
    (SignerRotation, "rotateSigner"),
    (CardRegistration, "registerCard"),
    (CardRemoval, "removeCard"),
    (RecoveryProposal, "proposeRecovery"),
    (RecoveryObjection, "objectToRecovery"),
    (RecoveryCompletion, "completeRecovery"),
]


def blank(kind: type[SignedAct], sign_before: int) -> SignedAct:
    """Gives an act about nobody: it is refused before anything of it is looked at."""
    zeros = {"bytes32": ZERO_32, "bytes": b"", "bool": False}
    members = [zeros.get(member.split(" ")[0], 0) for member in members_of(kind)]
    made: Any = kind
    act: SignedAct = made(*members[:-1], sign_before)
    return act


@pytest.mark.parametrize(("kind", "function"), ACTS)
def test_act_is_refused_before_it_is_looked_at(world: World, kind: type[SignedAct], function: str) -> None:
    assert kind.FORM.function == function
    now, needed = world.suite.now(), len(kind.FORM.signers)
    act, late = blank(kind, now + DAY), blank(kind, now)

    def refused(given: SignedAct, count: int, sender: str = world.relay) -> tuple[str, tuple[Any, ...]]:
        return world.suite.refusal("Subjects", function, values_of(given), [b""] * count, sender=sender)

    assert refused(late, needed + 1, world.stranger) == ("ActRelayRequired", (world.stranger,))
    assert refused(late, needed + 1) == ("ActSignaturesMismatch", (needed + 1, needed))
    assert refused(late, needed) == ("ActExpired", (now, now))
    assert refused(act, needed)[0].removeprefix("Guardianship").removeprefix("SignerKeys") in {
        "SubjectUnknown",
        "Unknown",
    }


def test_act_counts_once(world: World) -> None:
    act = rotation(world)
    assert not world.suite.read("Subjects", "isPerformed", struct_hash(act))
    perform(world, act, world.patient.signer, NEW)
    assert world.suite.read("Subjects", "isPerformed", struct_hash(act))
    perform(world, rotation(world, signer=world.patient.signer.identity), NEW, world.patient.signer)
    assert refusal(world, act, world.patient.signer, NEW) == ("ActRepeated", (struct_hash(act),))
