"""Signed acts on the in-process chain: sent, refused, and the people they need."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TypeVar

from web3.types import TxReceipt

from consentry.core.asks import ConsentAsk, widest_answer
from consentry.core.assisted_grants import Assistance
from consentry.core.codes import Assurance
from consentry.core.exclusions import Exclusion
from consentry.core.revocations import ErasureAttestation, RevocationAcknowledgement
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32, ConsentTerms
from consentry.core.typed_data import consent_id, struct_hash
from tests.support import samples
from tests.support.contract_suite import Event, Value
from tests.support.contract_world import DAY, World, values_of
from tests.support.signers import Signer

Refusal = tuple[str, tuple[Value, ...]]
Act = TypeVar("Act", bound=SignedAct)
STAFF = samples.word(0x5A)
EVIDENCE = samples.word(0x5B)


def signed(world: World, act: SignedAct, signers: Sequence[Signer]) -> tuple[Value, ...]:
    """Gives the arguments of the function that takes an act."""
    return values_of(act), [world.sign(act.FORM.contract, act, signer) for signer in signers]


def perform(world: World, act: SignedAct, *signers: Signer) -> TxReceipt:
    """Has an act taken."""
    return world.suite.send(act.FORM.contract, act.FORM.function, *signed(world, act, signers), sender=world.relay)


def refusal(world: World, act: SignedAct, *signers: Signer, sender: str | None = None) -> Refusal:
    """Gives the error with which an act is refused."""
    form = act.FORM
    return world.suite.refusal(form.contract, form.function, *signed(world, act, signers), sender=sender or world.relay)


def event_of(world: World, receipt: TxReceipt) -> Event:
    """Gives the one event of an act."""
    [event] = world.suite.events(receipt)
    return event


def changed(act: Act, **changes: Value) -> Act:
    """Gives an act with other members."""
    return dataclasses.replace(act, **changes)


def exclusion_of(world: World, kind: int, target: bytes, **changes: Value) -> Exclusion:
    """Gives an exclusion by the patient, good for an hour."""
    now = world.suite.now()
    return changed(Exclusion(world.patient.subject_id, ZERO_32, kind, target, 7, now + 3600), **changes)


def ask_of(world: World, **changes: Value) -> ConsentAsk:
    """Gives an ask of the hospital for laboratory reports and images of the patient, open for a week."""
    now = world.suite.now()
    ask = ConsentAsk(
        institution=world.hospital.address,
        subject_id=world.patient.subject_id,
        practitioner=ZERO_32,
        purpose=1,
        categories=1 << 3 | 1 << 4,
        records_root=ZERO_32,
        actions=1 << 1 | 1 << 2,
        max_sensitivity=3,
        data_from=600,
        data_until=680,
        valid_until=now + 30 * DAY,
        max_uses=10,
        notice_hash=samples.word(0x11),
        notice_version=1,
        lapses_at=now + 7 * DAY,
        nonce=1,
        sign_before=now + 3600,
    )
    return changed(ask, **changes)


def answer_to(world: World, ask: ConsentAsk, **changes: Value) -> ConsentTerms:
    """Gives terms that answer an ask, as wide as it is."""
    own: dict[str, Value] = {"erase_by": world.suite.now() + 10 * DAY, **changes}
    return dataclasses.replace(widest_answer(ask), **own)


def id_of(ask: ConsentAsk) -> bytes:
    """Gives the id of an ask."""
    return struct_hash(ask)


def assisted_terms(world: World, **changes: Value) -> ConsentTerms:
    """Gives terms that staff may prepare."""
    return world.terms(**{"assurance": Assurance.STAFF_ASSISTED, "max_sensitivity": 3, **changes})


def assistance_for(world: World, terms: ConsentTerms, **changes: Value) -> Assistance:
    """Says that staff of the hospital prepared terms."""
    before = world.suite.now() + 3600
    parties = consent_id(terms), terms.subject_id, world.hospital.address
    return changed(Assistance(*parties, STAFF, EVIDENCE, 3, before), **changes)


def acknowledgement_of(world: World, terms: ConsentTerms, **changes: Value) -> RevocationAcknowledgement:
    """Lets the hospital acknowledge the revocation of some terms."""
    before = world.suite.now() + 3600
    parties = consent_id(terms), world.hospital.address, terms.subject_id
    return changed(RevocationAcknowledgement(*parties, 0, before), **changes)


def attestation_of(world: World, terms: ConsentTerms, **changes: Value) -> ErasureAttestation:
    """Lets the hospital attest that it erased two copies just now."""
    now = world.suite.now()
    parties = consent_id(terms), world.hospital.address, terms.subject_id
    return changed(ErasureAttestation(*parties, 2, now - 1, STAFF, now + 3600), **changes)
