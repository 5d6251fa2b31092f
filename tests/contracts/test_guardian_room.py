"""How many guardians stand at once in `Subjects`: eight delegates, and eight others beside them."""

from __future__ import annotations

from consentry.core.codes import GuardianKind, GuardianRemover, GuardianScope
from consentry.core.terms import ZERO_32
from consentry.core.typed_data import struct_hash
from tests.contracts.guardian_acts import MOTHER, appoint, appointment, note, perform, refusal, signer_for
from tests.contracts.test_guardians import removal
from tests.support.contract_world import DAY, World


def test_appoint_a_ninth_is_refused_until_one_is_over_or_removed(world: World) -> None:
    now = world.suite.now()
    names = [
        appoint(world, nonce=number, valid_until=now + (2 * DAY if number == 3 else 10 * DAY)) for number in range(8)
    ]
    ninth = appointment(world, nonce=8, valid_until=now + 10 * DAY)
    both = MOTHER, world.patient.signer

    assert refusal(world, ninth, *both) == ("GuardianshipFull", (world.patient.subject_id, 8))
    perform(world, removal(world, names[0], GuardianRemover.GUARDIAN), MOTHER)
    perform(world, ninth, *both)
    tenth = appointment(world, nonce=9, valid_until=now + 10 * DAY, sign_before=now + 5 * DAY)
    assert refusal(world, tenth, *both) == ("GuardianshipFull", (world.patient.subject_id, 8))
    world.suite.travel(now + 2 * DAY)
    perform(world, tenth, *both)

    kept = {*names[1:3], *names[4:], struct_hash(ninth), struct_hash(tenth)}
    assert set(world.suite.read("Subjects", "guardiansOf", world.patient.subject_id)) == kept
    assert world.suite.read("Subjects", "appointmentOf", names[3])[0] == ZERO_32


def test_eight_delegates_lock_out_nobody_whom_the_custodian_appoints(world: World) -> None:
    until = world.suite.now() + 10 * DAY
    for number in range(8):
        appoint(world, nonce=number)
    courts = [appoint(world, GuardianKind.COURT_APPOINTED, nonce=number) for number in range(8)]
    ninth = appointment(world, GuardianKind.COURT_APPOINTED, nonce=8, valid_until=until)
    full = ("GuardianshipFull", (world.patient.subject_id, 8))
    assert refusal(world, ninth, MOTHER, world.custodian.signer) == full
    delegate = appointment(world, nonce=9, valid_until=until)
    assert refusal(world, delegate, MOTHER, world.patient.signer) == full

    perform(world, removal(world, courts[3], GuardianRemover.CUSTODIAN), world.custodian.signer)
    assert refusal(world, delegate, MOTHER, world.patient.signer) == full
    perform(world, ninth, MOTHER, world.custodian.signer)

    assert len(world.suite.read("Subjects", "guardiansOf", world.patient.subject_id)) == 16


def test_delegate_has_room_beside_eight_others(world: World) -> None:
    for number in range(8):
        appoint(world, GuardianKind.COURT_APPOINTED, nonce=number)
    appoint(world)


def test_near_relative_is_appointed_though_there_are_eight_delegates(world: World) -> None:
    for number in range(8):
        appoint(world, nonce=number, valid_until=2**63)
    note(world, minor_until=0, deceased=True)

    name = appoint(world, GuardianKind.NEAR_RELATIVE)

    assert signer_for(world, name, GuardianScope.REVOKE) == MOTHER.identity
