"""What the acts cost, as flat figures: gas of a transaction, or of one access where a batch is shared.

Everything that is signed, and every time, is the same on every run, so the figures are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from web3.types import TxReceipt

from consentry.core.codes import Reason
from consentry.core.terms import ZERO_32, Address, ConsentTerms, RecordLeaf, Revocation
from consentry.core.typed_data import consent_id, record_id
from tests.support.contract_world import Item, Patient, World, key_of, reason_of, values_of
from tests.support.signers import AccountSigner, P256Signer, PasskeySigner, Signer, SmartAccountSigner

KINDS = ("account", "smart_account", "p256", "passkey")
BATCH = 100
SHARED_CONSENTS = 20


def signer_of(world: World, kind: str) -> Signer:
    """Gives a signer of a kind."""
    owner = AccountSigner(key_of("payer of gas"))
    if kind == "smart_account":
        deployed = world.suite.deploy("SmartAccount", owner.identity)
        return SmartAccountSigner(Address(bytes.fromhex(deployed.address[2:])), owner)
    if kind == "p256":
        return P256Signer(world.suite.address("ERC7913P256Verifier"), b"payer of gas")
    if kind == "passkey":
        return PasskeySigner(world.suite.address("ERC7913WebAuthnVerifier"), b"payer of gas")
    return owner


def measure_acts(world: World, kind: str) -> dict[str, int]:
    """Measures the acts of a patient with a signer of a kind."""
    signer = signer_of(world, kind)
    act = world.enrolment(kind, signer)
    signatures = [world.sign("Subjects", act, each) for each in (signer, world.custodian.signer)]
    enrolled = world.suite.send("Subjects", "enrol", values_of(act), *signatures, sender=world.relay)
    terms = world.terms(subject_id=act.subject_id)
    signature = world.sign("Consents", terms, signer)
    granted = world.suite.send("Consents", "grant", values_of(terms), signature, sender=world.relay)
    signature = world.sign("Consents", Revocation(consent_id(terms), act.subject_id), signer)
    revoked = world.suite.send("Consents", "revoke", values_of(terms), ZERO_32, signature, sender=world.relay)
    receipts = {"enrol": enrolled, "grant": granted, "revoke": revoked}
    return {f"{name}_{kind}": receipt["gasUsed"] for name, receipt in receipts.items()}


def measure_kinds(world: World, kinds: Sequence[str]) -> dict[str, int]:
    """Measures the acts of a patient with signers of some kinds, each in the same state of the chain.

    Whoever revokes first also opens the lists of duties of both institutions, so somebody else does before.
    """
    terms = world.terms()
    world.grant(terms)
    world.revoke(terms)
    costs: dict[str, int] = {}
    for kind in kinds:
        costs |= measure_acts(world, kind)
    return costs


def cost_of_records(world: World) -> dict[str, int]:
    """Measures anchoring and superseding."""
    first = world.leaf(ciphertext_size=99)
    signature = world.sign("Records", first, world.custodian.signer)
    anchored = world.suite.send("Records", "anchor", values_of(first), signature, sender=world.relay)
    second = world.successor(first)
    signature = world.sign("Records", second, world.custodian.signer)
    arguments = (values_of(first), values_of(second), signature)
    superseded = world.suite.send("Records", "supersede", *arguments, sender=world.relay)
    return {"anchor": anchored["gasUsed"], "supersede": superseded["gasUsed"]}


@dataclass(frozen=True, slots=True)
class Case:
    """A patient with a consent and anchored records."""

    patient: Patient
    terms: ConsentTerms
    leaves: tuple[RecordLeaf, ...]


def prepare_case(world: World, number: int, records: int) -> Case:
    """Enrols a patient, grants a consent and anchors records."""
    world.patient = world.enrol(f"patient {number}", AccountSigner(key_of(f"patient {number}")))
    leaves = tuple(world.leaf(ciphertext_size=size + 1) for size in range(records))
    for leaf in leaves:
        assert world.anchor(leaf) == record_id(leaf)
    terms = world.terms(nonce=number)
    world.grant(terms)
    return Case(world.patient, terms, leaves)


def cost_of_batch(world: World, cases: list[Case], first_id: int, *, one_signature: bool = False) -> int:
    """Measures one batch that asks for every record of the cases, each request signed or all of them at once."""
    pairs = [(case.terms, leaf) for case in cases for leaf in case.leaves]
    items: list[Item] = [
        world.item(leaf, terms, request_id=first_id + place) for place, (terms, leaf) in enumerate(pairs)
    ]
    receipt: TxReceipt = world.decide_batch(items, world.sign_batch(items)) if one_signature else world.decide(items)
    reasons = [reason_of(event) for event in world.suite.events(receipt) if event.name != "BatchSubmitted"]
    assert reasons == [Reason.NONE] * len(items), "every access of the measurement is permitted"
    return receipt["gasUsed"]


def cost_of_decisions(world: World) -> dict[str, int]:
    """Measures batches of requests, each for another record under another consent of another patient."""
    cases = [prepare_case(world, number, records=1) for number in range(BATCH + 11)]
    shared = [prepare_case(world, 1_000 + number, BATCH // SHARED_CONSENTS) for number in range(SHARED_CONSENTS)]
    first_word = 2**64  # client-made ids; a batch fills bits of one or two words
    batches = {
        "decide_batch1": (cases[BATCH : BATCH + 1], 0),
        "decide_batch10": (cases[BATCH + 1 :], 1_000),
        f"decide_batch{BATCH}_all_new": (cases[:BATCH], 2_000),
        f"decide_batch{BATCH}_known_subjects": (cases[:BATCH], 3_000),
        f"decide_batch{BATCH}_{SHARED_CONSENTS}consents": (shared, 4_000),
        f"decide_batch{BATCH}": (shared, 5_000),
    }
    costs = {}
    for name, (chosen, offset) in batches.items():
        count = sum(len(case.leaves) for case in chosen)
        costs[f"{name}_per_access"] = cost_of_batch(world, chosen, first_word + offset) // count
    whole = cost_of_batch(world, shared, first_word + 6_000, one_signature=True)
    costs[f"decide_batch{BATCH}_one_signature_per_access"] = whole // BATCH
    return costs


def measure(world: World) -> dict[str, int]:
    """Measures everything on a chain without the P-256 precompile, or with it."""
    costs = cost_of_records(world) | measure_kinds(world, KINDS)
    return dict(sorted((costs | cost_of_decisions(world)).items()))
