"""Debts of emergency accesses as the suite of `Emergencies` opens and pays them."""

from __future__ import annotations

import dataclasses
from typing import Final

from web3.types import TxReceipt

from consentry.core.codes import NoticeBy, ReviewerRole, ReviewOutcome
from consentry.core.emergencies import EmergencyNotice, EmergencyReview, debt_id
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, Address
from tests.contracts.consent_acts import checksummed
from tests.support import samples
from tests.support.contract_suite import Value, appoint_authority
from tests.support.contract_world import World, key_of, values_of
from tests.support.signers import AccountSigner, Signer

REQUEST: Final = 77
OTHER: Final = b"\x55" * 32
REVIEWER: Final = b"\x66" * 32

Act = EmergencyNotice | EmergencyReview


def wire(world: World) -> str:
    """Deploys debts that an account opens in place of the access ledger; gives the account."""
    suite = world.suite
    ledger = suite.accounts[8]
    suite.contracts = dict(suite.contracts)
    made = suite.deploy("Emergencies", suite["Participants"].address, suite["Subjects"].address, ledger)
    suite.contracts["Emergencies"] = made
    return ledger


def opened(world: World, request_id: int = REQUEST) -> bytes:
    """Opens a debt of the hospital; gives its id."""
    arguments = (world.hospital.address, request_id, world.patient.subject_id, samples.PRACTITIONER)
    world.suite.send(
        "Emergencies", "open", *arguments, sender=world.suite["Emergencies"].functions.accessLedger().call()
    )
    return debt_id(world.hospital.address, request_id)


def authority_of(world: World, name: str, region: int) -> AccountSigner:
    """Appoints an authority with a key of its own."""
    signer = AccountSigner(key_of(name))
    deputy = AccountSigner(key_of(f"deputy of {name}"))
    appoint_authority(world.suite, checksummed(signer.identity), region, checksummed(deputy.identity))
    return signer


def notice(world: World, **changes: Value) -> EmergencyNotice:
    """Gives a notice by the custodian."""
    now = world.suite.now()
    act = EmergencyNotice(
        debt_id=debt_id(world.hospital.address, REQUEST),
        subject_id=world.patient.subject_id,
        institution=world.hospital.address,
        guardian=ZERO_32,
        notice_hash=OTHER,
        sent_at=now,
        by=NoticeBy.CUSTODIAN,
        sign_before=now + 3600,
    )
    return dataclasses.replace(act, **changes)


def review(world: World, **changes: Value) -> EmergencyReview:
    """Gives a review by the privacy officer of the hospital."""
    act = EmergencyReview(
        debt_id=debt_id(world.hospital.address, REQUEST),
        subject_id=world.patient.subject_id,
        institution=world.hospital.address,
        authority=ZERO_ADDRESS,
        reviewer=REVIEWER,
        role=ReviewerRole.PRIVACY_OFFICER,
        outcome=ReviewOutcome.JUSTIFIED,
        reason_hash=OTHER,
        sign_before=world.suite.now() + 3600,
    )
    return dataclasses.replace(act, **changes)


def by_authority(world: World, authority: Address, **changes: Value) -> EmergencyReview:
    """Gives a review by an authority."""
    return review(world, role=ReviewerRole.AUTHORITY, authority=authority, **changes)


def _usual(world: World, act: Act) -> Signer:
    if isinstance(act, EmergencyReview):
        return world.hospital.signer
    return world.patient.signer if act.by == NoticeBy.PATIENT else world.custodian.signer


def send(world: World, act: Act, signer: Signer | None = None) -> TxReceipt:
    """Has an act taken."""
    signature = world.sign("Emergencies", act, signer or _usual(world, act))
    return world.suite.send("Emergencies", act.FORM.function, values_of(act), [signature], sender=world.relay)


def refusal(world: World, act: Act, signer: Signer | None = None, **options: Value) -> tuple[str, tuple[Value, ...]]:
    """Gives the error with which an act is refused."""
    signature = world.sign("Emergencies", act, signer or _usual(world, act))
    signatures = options.get("signatures", [signature])
    sender = options.get("sender", world.relay)
    return world.suite.refusal("Emergencies", act.FORM.function, values_of(act), signatures, sender=sender)
