"""Items for every reason, each with all it needs on chain; shared by the suites of the access ledger."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from eth_hash.auto import keccak

from consentry.core.codes import UNLIMITED_USES, Action, Category, LegalBasis, Purpose, Reason, bits
from consentry.core.merkle import proof_of, root_of
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, Address
from consentry.core.typed_data import digest, record_id
from tests.support.contract_suite import Value
from tests.support.contract_world import DAY, Item, World, group_of, key_of
from tests.support.signers import AccountSigner

OTHER = b"\x55" * 32
Case = Callable[[World], Item]


def prepared(world: World, leaf_changes: dict[str, Value], terms_changes: dict[str, Value]) -> Item:
    """Anchors a record, grants a consent, and gives a request that fits both but for what was changed."""
    leaf = world.leaf(**leaf_changes)
    world.anchor(leaf)
    terms = world.terms(**terms_changes)
    world.grant(terms)
    return world.item(leaf, terms)


def permitted(world: World) -> Item:
    return prepared(world, {}, {})


def changed(world: World, **changes: Value) -> Item:
    """Gives the permitted item with another request, signed anew."""
    item = permitted(world)
    assert item.terms is not None
    return world.item(item.leaf, item.terms, **changes)


# Rejections


def unknown_institution(world: World) -> Item:
    stranger = AccountSigner(key_of("stranger"))
    item = permitted(world)
    return world.item(item.leaf, item.terms, signer=stranger, institution=Address(stranger.identity))


def wrong_signer(world: World) -> Item:
    item = permitted(world)
    return world.item(item.leaf, item.terms, signer=world.custodian.signer)


def empty_signature(world: World) -> Item:
    return dataclasses.replace(permitted(world), signature=b"")


def malleable_signature(world: World) -> Item:
    item = permitted(world)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    r, s, v = item.signature[:32], int.from_bytes(item.signature[32:64], "big"), item.signature[64]
    return dataclasses.replace(item, signature=r + (order - s).to_bytes(32, "big") + bytes([55 - v]))


def foreign_domain(world: World) -> Item:
    item = permitted(world)
    foreign = dataclasses.replace(world.suite.domain("AccessLedger"), chain_id=1)
    return dataclasses.replace(item, signature=world.hospital.signer.sign(digest(foreign, item.request)))


def altered_request(world: World) -> Item:
    item = permitted(world)
    return dataclasses.replace(item, request=dataclasses.replace(item.request, action=Action.STORE))


def other_terms(world: World) -> Item:
    item = permitted(world)
    assert item.terms is not None
    return dataclasses.replace(item, terms=dataclasses.replace(item.terms, nonce=8))


def not_in_root(world: World) -> Item:
    return prepared(world, {}, {"records_root": root_of([OTHER]), "categories": 0})


REJECTED: list[tuple[Reason, Case]] = [
    (Reason.INSTITUTION_UNKNOWN, unknown_institution),
    (Reason.SIGNATURE_INVALID, wrong_signer),
    (Reason.SIGNATURE_INVALID, empty_signature),
    (Reason.SIGNATURE_INVALID, malleable_signature),
    (Reason.SIGNATURE_INVALID, foreign_domain),
    (Reason.SIGNATURE_INVALID, altered_request),
    (Reason.SIGNATURE_INVALID, other_terms),
    (Reason.SCOPE_PROOF_INVALID, not_in_root),
]


# Denials


def suspended(world: World) -> Item:
    item = permitted(world)
    world.suspend(world.hospital)
    return item


def expired(world: World) -> Item:
    return changed(world, expires_at=world.suite.now())


def early(world: World) -> Item:
    item = permitted(world)
    # The block of the decision is the next one: one second beyond the tolerance of its clock.
    return world.item(item.leaf, item.terms, issued_at=world.suite.now() + 61)


def unknown_record(world: World) -> Item:
    item = permitted(world)
    return world.item(world.leaf(sensitivity=1), item.terms)


def superseded(world: World) -> Item:
    item = permitted(world)
    world.supersede(item.leaf)
    return item


def no_consent(world: World) -> Item:
    return world.item(permitted(world).leaf, None)


def ungranted(world: World) -> Item:
    return world.item(permitted(world).leaf, world.terms(nonce=9))


def revoked(world: World) -> Item:
    item = permitted(world)
    assert item.terms is not None
    world.revoke(item.terms)
    return item


def not_yet_valid(world: World) -> Item:
    return prepared(world, {}, {"valid_from": world.suite.now() + DAY})


def no_longer_valid(world: World) -> Item:
    item = permitted(world)
    assert item.terms is not None
    world.suite.travel(item.terms.valid_until)
    return world.item(item.leaf, item.terms)


def other_subject(world: World) -> Item:
    item = permitted(world)
    first, world.patient = world.patient, world.enrol("second", AccountSigner(key_of("second")))
    terms = world.terms()
    world.grant(terms)
    world.patient = first
    return world.item(item.leaf, terms)


def other_institution(world: World) -> Item:
    return prepared(world, {}, {"institution": world.custodian.address})


def not_in_group(world: World) -> Item:
    return prepared(world, {}, {"institution": ZERO_ADDRESS, "group": group_of(world.beijing)})


def other_practitioner(world: World) -> Item:
    return prepared(world, {}, {"practitioner": OTHER})


def not_granted_to_store(world: World) -> Item:
    return changed(world, action=Action.STORE)


def other_category(world: World) -> Item:
    return prepared(world, {"category": Category.LABORATORY}, {})


def level_five_by_category(world: World) -> Item:
    return prepared(world, {"sensitivity": 5}, {"max_sensitivity": 4})


def too_sensitive(world: World) -> Item:
    return prepared(world, {"sensitivity": 4}, {})


def too_old(world: World) -> Item:
    return prepared(world, {"data_month": 599}, {})


def too_new(world: World) -> Item:
    return prepared(world, {"data_month": 701}, {})


def to_be_erased(world: World) -> Item:
    item = permitted(world)
    terms = world.storing(erase_by=world.suite.now() + 10)
    world.grant(terms)
    world.suite.travel(terms.erase_by)
    return world.item(item.leaf, terms, action=Action.STORE)


def used_up(world: World) -> Item:
    item = prepared(world, {}, {"max_uses": 1})
    assert world.reasons([item]) == [Reason.NONE]
    return world.item(item.leaf, item.terms, request_id=2)


def request_with(**changes: Value) -> Case:
    def case(world: World) -> Item:
        return changed(world, **changes)

    case.__name__ = f"request with {changes}"
    return case


def without_consent(basis: LegalBasis) -> Case:
    def case(world: World) -> Item:
        return world.item(permitted(world).leaf, None, legal_basis=basis)

    case.__name__ = f"without consent, {basis.name}"
    return case


DENIED: list[tuple[Reason, Case]] = [
    (Reason.INSTITUTION_SUSPENDED, suspended),
    (Reason.REQUEST_EXPIRED, expired),
    (Reason.REQUEST_NOT_YET_VALID, early),
    (Reason.RELEASE_KEY_MISMATCH, request_with(release_key_hash=OTHER)),
    (Reason.PURPOSE_UNKNOWN, request_with(purpose=0)),
    (Reason.PURPOSE_UNKNOWN, request_with(purpose=16)),
    (Reason.PURPOSE_UNKNOWN, request_with(purpose=255)),
    (Reason.ACTION_UNKNOWN, request_with(action=0)),
    (Reason.ACTION_UNKNOWN, request_with(action=3)),
    (Reason.ACTOR_UNKNOWN, request_with(actor_kind=0)),
    (Reason.ACTOR_UNKNOWN, request_with(actor_kind=3)),
    (Reason.ACTOR_UNKNOWN, request_with(practitioner=ZERO_32)),
    (Reason.LEGAL_BASIS_UNSUPPORTED, request_with(legal_basis=0)),
    (Reason.LEGAL_BASIS_UNSUPPORTED, request_with(legal_basis=5)),
    (Reason.LEGAL_BASIS_UNSUPPORTED, request_with(legal_basis=255)),
    (Reason.EMERGENCY_INCOMPLETE, without_consent(LegalBasis.EMERGENCY)),
    (Reason.AUTHORISATION_MISSING, without_consent(LegalBasis.STATUTORY_DUTY)),
    (Reason.AUTHORISATION_MISSING, without_consent(LegalBasis.PUBLIC_HEALTH)),
    (Reason.RECORD_UNKNOWN, unknown_record),
    (Reason.RECORD_SUPERSEDED, superseded),
    (Reason.CONSENT_MISSING, no_consent),
    (Reason.CONSENT_UNKNOWN, ungranted),
    (Reason.CONSENT_REVOKED, revoked),
    (Reason.CONSENT_NOT_YET_VALID, not_yet_valid),
    (Reason.CONSENT_EXPIRED, no_longer_valid),
    (Reason.SUBJECT_MISMATCH, other_subject),
    (Reason.GRANTEE_MISMATCH, other_institution),
    (Reason.GRANTEE_MISMATCH, not_in_group),
    (Reason.PRACTITIONER_MISMATCH, other_practitioner),
    (Reason.PURPOSE_NOT_GRANTED, request_with(purpose=Purpose.HRESCH)),
    (Reason.ACTION_NOT_GRANTED, not_granted_to_store),
    (Reason.RECORD_NOT_IN_SCOPE, other_category),
    (Reason.LEVEL_FIVE_WILDCARD, level_five_by_category),
    (Reason.SENSITIVITY_EXCEEDED, too_sensitive),
    (Reason.DATA_PERIOD_EXCEEDED, too_old),
    (Reason.DATA_PERIOD_EXCEEDED, too_new),
    (Reason.ERASE_DATE_PASSED, to_be_erased),
    (Reason.USES_EXHAUSTED, used_up),
]


# Permissions at the borders of the rules


def by_group(world: World) -> Item:
    item = not_in_group(world)
    membership = (group_of(world.beijing), world.hospital.address, True)
    world.suite.send("Participants", "changeGroupMembership", *membership, sender=world.beijing)
    return item


def by_practitioner(world: World) -> Item:
    item = permitted(world)
    terms = world.terms(practitioner=item.request.practitioner)
    world.grant(terms)
    return world.item(item.leaf, terms)


def by_single_record(world: World) -> Item:
    leaf = world.leaf(sensitivity=5)
    root = root_of([record_id(leaf)])
    return prepared(world, {"sensitivity": 5}, {"records_root": root, "categories": 0, "max_sensitivity": 5})


def by_tree(world: World) -> Item:
    keys = [record_id(world.leaf()), *(keccak(bytes([number])) for number in range(6))]
    item = prepared(world, {}, {"records_root": root_of(keys), "categories": 0})
    return world.item(item.leaf, item.terms, proof=proof_of(keys, keys[0]))


def by_tree_after_correction(world: World) -> Item:
    item = by_tree(world)
    second = world.supersede(item.leaf)
    return world.item(second, item.terms, proof=item.proof)


def by_category_after_correction(world: World) -> Item:
    item = permitted(world)
    return world.item(world.supersede(item.leaf), item.terms)


def to_store(world: World) -> Item:
    item = permitted(world)
    terms = world.storing()
    world.grant(terms)
    return world.item(item.leaf, terms, action=Action.STORE)


def to_view_after_the_erase_date(world: World) -> Item:
    item = to_be_erased(world)
    return world.item(item.leaf, item.terms, action=Action.VIEW)


def last_second_of_the_request(world: World) -> Item:
    item = permitted(world)
    return world.item(item.leaf, item.terms, expires_at=world.suite.now() + 1)


def earliest_second_of_the_request(world: World) -> Item:
    item = permitted(world)
    return world.item(item.leaf, item.terms, issued_at=world.suite.now() + 60)


def first_second_of_the_consent(world: World) -> Item:
    item = not_yet_valid(world)
    assert item.terms is not None
    world.suite.travel(item.terms.valid_from)
    return world.item(item.leaf, item.terms)


def last_second_of_the_consent(world: World) -> Item:
    item = permitted(world)
    assert item.terms is not None
    world.suite.travel(item.terms.valid_until - 1)
    return world.item(item.leaf, item.terms)


def by_a_machine(world: World) -> Item:
    return changed(world, actor_kind=2)


def highest_codes(world: World) -> Item:
    changes = {"purposes": bits(Purpose.HTEST), "categories": bits(Category.BILLING), "max_uses": UNLIMITED_USES}
    item = prepared(world, {"category": Category.BILLING, "sensitivity": 3, "data_month": 700}, changes)
    return world.item(item.leaf, item.terms, purpose=Purpose.HTEST)


PERMITTED: list[Case] = [
    permitted, by_group, by_practitioner, by_single_record, by_tree, by_tree_after_correction,
    by_category_after_correction, to_store, to_view_after_the_erase_date, last_second_of_the_request,
    earliest_second_of_the_request, first_second_of_the_consent, last_second_of_the_consent, by_a_machine,
    highest_codes,
]  # fmt: skip
