"""Acts of guardians and keys as the suites of `Subjects` try them, each such that every rule permits it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from web3 import Web3
from web3.types import TxReceipt

from consentry.core.codes import GuardianKind, GuardianScope, bits
from consentry.core.guardianship import Circumstances, GuardianAppointment
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32
from consentry.core.typed_data import struct_hash
from tests.support.contract_suite import Value
from tests.support.contract_world import DAY, Patient, World, key_of, values_of
from tests.support.signers import AccountSigner, Signer

QUARTER = 2_003_788_800
"""1 July 2033, the first second of it; the tests begin in May of that year."""
NEXT = 2_011_737_600
"""1 October 2033."""
EVIDENCE = b"\x3e" * 32
ALL = bits(*GuardianScope)
MOTHER = AccountSigner(key_of("mother"))


def perform(world: World, act: SignedAct, *signers: Signer) -> TxReceipt:
    """Has an act taken."""
    form = act.FORM
    signatures = [world.sign(form.contract, act, signer) for signer in signers]
    return world.suite.send(form.contract, form.function, values_of(act), signatures, sender=world.relay)


def refusal(world: World, act: SignedAct, *signers: Signer, sender: str | None = None) -> tuple[str, tuple[Value, ...]]:
    """Gives the error with which an act is refused."""
    form = act.FORM
    signatures = [world.sign(form.contract, act, signer) for signer in signers]
    return world.suite.refusal(form.contract, form.function, values_of(act), signatures, sender=sender or world.relay)


def appointment(world: World, kind: int = GuardianKind.DELEGATE, **changes: Any) -> GuardianAppointment:  # noqa: ANN401 - members by name
    """Gives an appointment of the mother for ten days, with every scope."""
    now = world.suite.now()
    scopes = bits(GuardianScope.SEE, GuardianScope.REVOKE) if kind == GuardianKind.NEAR_RELATIVE else ALL
    made = GuardianAppointment(
        subject_id=world.patient.subject_id,
        guardian=MOTHER.identity,
        kind=kind,
        scopes=scopes,
        valid_from=now,
        valid_until=now + 10 * DAY,
        evidence_hash=EVIDENCE,
        nonce=1,
        sign_before=now + DAY,
    )
    return replace(made, **changes)


def circumstances(world: World, **changes: Any) -> Circumstances:  # noqa: ANN401 - members
    """Gives a note that the patient is a minor until July."""
    now = world.suite.now()
    made = Circumstances(
        world.patient.subject_id,
        QUARTER,
        shielded=False,
        deceased=False,
        evidence_hash=EVIDENCE,
        nonce=1,
        sign_before=now + DAY,
    )
    return replace(made, **changes)


def note(world: World, **changes: Any) -> None:  # noqa: ANN401 - members
    """Notes circumstances of the patient."""
    perform(world, circumstances(world, nonce=world.suite.now(), **changes), world.custodian.signer)


def appoint(world: World, kind: int = GuardianKind.DELEGATE, signer: Signer = MOTHER, **changes: Any) -> bytes:  # noqa: ANN401 - members by name
    """Appoints a guardian of the patient and gives the appointment's name."""
    act = appointment(world, kind, **{"guardian": signer.identity, **changes})
    appointer = world.patient.signer if kind == GuardianKind.DELEGATE else world.custodian.signer
    perform(world, act, signer, appointer)
    return struct_hash(act)


def signer_for(world: World, guardian: bytes, scope: GuardianScope, patient: Patient | None = None) -> bytes:
    """Reads who may act for the patient."""
    subject = (patient or world.patient).subject_id
    found: bytes = world.suite.read("Subjects", "signerFor", subject, guardian, scope)
    return found


def own(world: World, scope: GuardianScope) -> bytes:
    """Reads the patient's own signer as far as it may act."""
    return signer_for(world, ZERO_32, scope)


def checksummed(address: bytes) -> str:
    """Gives an address as the errors show it."""
    return Web3.to_checksum_address(address)
