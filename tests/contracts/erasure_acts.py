"""Acts at the end of a record, as they are taken unless a test changes them."""

from __future__ import annotations

from typing import Any, Final

from consentry.core.codes import ErasureReason, RecordStatus, RestrictionReason
from consentry.core.erasures import (
    CorrectionRequest,
    DeletionAttestation,
    Erasure,
    ErasureOfficerAdmission,
    ErasureOfficerRemoval,
    ErasureRequest,
    Restriction,
)
from consentry.core.terms import ZERO_32, RecordLeaf
from consentry.core.typed_data import record_id
from tests.contracts.act_calls import perform
from tests.support.contract_suite import Value
from tests.support.contract_world import World, key_of
from tests.support.signers import AccountSigner, Signer

OTHER: Final = b"\x55" * 32
FIRST: Final = AccountSigner(key_of("first officer"))
SECOND: Final = AccountSigner(key_of("second officer"))
LONG_AGO: Final = 300
"""January 1995: neither class has to be kept any more."""


def _end(world: World) -> dict[str, int]:
    return {"nonce": 7, "sign_before": world.suite.now() + 3600}


def _about(world: World, leaf: RecordLeaf) -> dict[str, Any]:
    return {
        "record_id": record_id(leaf),
        "institution": world.custodian.address,
        "subject_id": leaf.subject_id,
        **_end(world),
    }


def admission(world: World, officer: Signer = FIRST, **changes: Value) -> ErasureOfficerAdmission:
    own = {"institution": world.custodian.address, "officer": officer.identity, **_end(world)}
    return ErasureOfficerAdmission(**{**own, **changes})


def removal(world: World, officer: Signer = FIRST, **changes: Value) -> ErasureOfficerRemoval:
    own = {"institution": world.custodian.address, "officer": officer.identity, **_end(world)}
    return ErasureOfficerRemoval(**{**own, **changes})


def restriction(world: World, leaf: RecordLeaf, **changes: Value) -> Restriction:
    own = {**_about(world, leaf), "restricted": True, "reason_code": RestrictionReason.RETENTION_RUNS}
    return Restriction(**{**own, **changes})


def request(world: World, leaf: RecordLeaf, **changes: Value) -> ErasureRequest:
    return ErasureRequest(**{**_about(world, leaf), "guardian": ZERO_32, **changes})


def correction(world: World, leaf: RecordLeaf, **changes: Value) -> CorrectionRequest:
    return CorrectionRequest(**{**_about(world, leaf), "guardian": ZERO_32, "reason_hash": OTHER, **changes})


def erasure(world: World, leaf: RecordLeaf, **changes: Value) -> Erasure:
    own = {
        **_about(world, leaf),
        "reason_code": ErasureReason.RETENTION_OVER,
        "keys_destroyed": OTHER,
        "first_officer": FIRST.identity,
        "second_officer": SECOND.identity,
    }
    return Erasure(**{**own, **changes})


def attestation(world: World, leaf: RecordLeaf, **changes: Value) -> DeletionAttestation:
    own = {**_about(world, leaf), "deleted_at": world.suite.now(), "objects": 1}
    return DeletionAttestation(**{**own, **changes})


def staff(world: World) -> None:
    """Admits both officers."""
    for officer in (FIRST, SECOND):
        perform(world, admission(world, officer), world.custodian.signer, officer)


def old_leaf(world: World, **changes: Value) -> RecordLeaf:
    """Anchors a record whose retention is over."""
    leaf = world.leaf(**{"data_month": LONG_AGO, "category": 3, **changes})
    world.anchor(leaf)
    return leaf


def erased(world: World, **changes: Value) -> RecordLeaf:
    """Erases an old record."""
    staff(world)
    leaf = old_leaf(world, **changes)
    perform(world, erasure(world, leaf), FIRST, SECOND)
    return leaf


def suspend(world: World) -> None:
    """Suspends the custodian; another member's relay passes acts on from then on."""
    world.suspend(world.custodian)
    world.relay = world.hospital.relay


def status_of(world: World, leaf: RecordLeaf) -> RecordStatus:
    return RecordStatus(world.suite.read("Records", "statusOf", record_id(leaf)))


def end_of(world: World, leaf: RecordLeaf) -> tuple[int, ...]:
    return tuple(world.suite.read("Records", "endOf", record_id(leaf)))


def is_officer(world: World, officer: Signer) -> bool:
    return bool(world.suite.read("Records", "isErasureOfficer", world.custodian.address, officer.identity))
