"""The state machine: acts, their refusals, and what each decision changes."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from consentry.core import heads
from consentry.core.acts import Acts, Item
from consentry.core.admissions import Admissions
from consentry.core.authorities import Authorities, found
from consentry.core.codes import ConsentStatus, Reason, RecordStatus, Standing
from consentry.core.events import AccessDecided, RequestRejected
from consentry.core.state import LedgerState
from consentry.core.terms import ZERO_32, Enrolment, Material
from consentry.core.typed_data import consent_id, record_id, struct_hash
from consentry.errors import LedgerRejectedError
from tests.support import samples
from tests.support.samples import AUTHORITY, CUSTODIAN, HOSPITAL, NOW, RELAY, SUBJECT, address, place

SIGNER = address(0x11)
NATIONAL, SECOND = address(0x12), address(0x13)


def _ledger() -> Acts:
    state = LedgerState()
    admissions, authorities = Admissions(state), Authorities(state)
    found(state, NATIONAL, SECOND, [], place())
    for officer in (NATIONAL, SECOND):
        authorities.admit_authority(AUTHORITY, 440000, officer=officer, place=place())
    for officer in (AUTHORITY, NATIONAL):
        for institution in (CUSTODIAN, HOSPITAL):
            facts = institution, 440300, institution, samples.RELEASE_KEY
            admissions.admit_institution(*facts, officer=officer, place=place())
    for officer in (AUTHORITY, NATIONAL):
        admissions.admit_relay(RELAY, CUSTODIAN, officer=officer, place=place())
    acts = Acts(state)
    acts.enrol(
        Enrolment(SUBJECT, SIGNER, CUSTODIAN, NOW + 1),
        subject_signature_valid=True,
        custodian_signature_valid=True,
        relay=RELAY,
        place=place(),
    )
    acts.anchor(samples.leaf(), signature_valid=True, relay=RELAY, place=place())
    acts.grant(samples.terms(), b"s", signature_valid=True, relay=RELAY, place=place())
    return acts


def _item(request_id: int = 1, *, signature_valid: bool = True) -> Item:
    leaf, terms = samples.leaf(), samples.terms()
    key_hash = hashlib.sha256(samples.RELEASE_KEY).digest()
    request = replace(samples.request(record_id(leaf), consent_id(terms), key_hash), request_id=request_id)
    return Item(request, Material(leaf, terms), signature_valid)


def _error(caught: pytest.ExceptionInfo[LedgerRejectedError]) -> str:
    return str(caught.value.details["solidity"])


def test_decide_permitted_moves_uses_heads_and_request_id() -> None:
    acts = _ledger()
    item = _item()
    [event] = acts.decide([item], relay=RELAY, place=place())
    assert isinstance(event, AccessDecided)
    assert event.entry.reason == Reason.NONE
    assert (event.entry.subject_sequence, event.entry.institution_sequence) == (1, 1)
    assert acts.state.consent(consent_id(samples.terms())).uses == 1
    expected = heads.entry_hash(struct_hash(item.request), SUBJECT, 0, NOW)
    assert acts.state.subject_head(SUBJECT) == heads.advance(SUBJECT, ZERO_32, expected)
    assert heads.sequence_of(acts.state.institution_head(HOSPITAL)) == 1
    [again] = acts.decide([item], relay=RELAY, place=place())
    assert isinstance(again, RequestRejected)
    assert again.reason == Reason.REQUEST_REPLAYED
    assert heads.sequence_of(acts.state.institution_head(HOSPITAL)) == 1


def test_decide_rejected_uses_up_nothing() -> None:
    acts = _ledger()
    [event] = acts.decide([_item(signature_valid=False)], relay=RELAY, place=place())
    assert isinstance(event, RequestRejected)
    assert acts.state.subject_head(SUBJECT) == ZERO_32
    [event] = acts.decide([_item()], relay=RELAY, place=place())
    assert isinstance(event, AccessDecided)


def test_decide_unknown_record_concerns_no_subject() -> None:
    acts = _ledger()
    other = replace(samples.leaf(), commitment=samples.word(1))
    item = _item()
    request = replace(item.request, record_id=record_id(other))
    [event] = acts.decide(
        [Item(request, Material(other, samples.terms()), signature_valid=True)], relay=RELAY, place=place()
    )
    assert isinstance(event, AccessDecided)
    assert event.entry.reason == Reason.RECORD_UNKNOWN
    assert (event.entry.subject_id, event.entry.subject_sequence) == (ZERO_32, 0)
    assert acts.state.subject_heads == {}
    assert heads.sequence_of(acts.state.institution_head(HOSPITAL)) == 1


def test_decide_last_use_in_a_batch_denies_the_next() -> None:
    acts = _ledger()
    once = replace(samples.terms(), max_uses=1, nonce=8)
    acts.grant(once, b"s", signature_valid=True, relay=RELAY, place=place())
    items = [
        replace(i, request=replace(i.request, consent_id=consent_id(once)), material=Material(samples.leaf(), once))
        for i in (_item(1), _item(2))
    ]
    decided = acts.decide(items, relay=RELAY, place=place())
    reasons = [e.entry.reason for e in decided if isinstance(e, AccessDecided)]
    assert reasons == [Reason.NONE, Reason.USES_EXHAUSTED]


def test_revoke_before_grant_forbids_it_for_good() -> None:
    acts = _ledger()
    terms = replace(samples.terms(), nonce=99)
    acts.revoke(terms, b"r", signature_valid=True, relay=RELAY, place=place())
    assert acts.state.consent(consent_id(terms)).status == ConsentStatus.REVOKED
    with pytest.raises(LedgerRejectedError) as caught:
        acts.grant(terms, b"s", signature_valid=True, relay=RELAY, place=place())
    assert _error(caught) == "ConsentsAlreadyRevoked"


def test_revoke_then_decide_is_denied() -> None:
    acts = _ledger()
    acts.revoke(samples.terms(), b"r", signature_valid=True, relay=RELAY, place=place())
    [event] = acts.decide([_item()], relay=RELAY, place=place())
    assert isinstance(event, AccessDecided)
    assert event.entry.reason == Reason.CONSENT_REVOKED


def test_supersede_keeps_lineage_and_retires_the_version() -> None:
    acts = _ledger()
    first = samples.leaf()
    second = replace(first, previous=record_id(first), lineage=record_id(first), version=2)
    acts.supersede(first, second, signature_valid=True, relay=RELAY, place=place())
    assert acts.state.record_status(record_id(first)) == RecordStatus.SUPERSEDED
    [event] = acts.decide([_item()], relay=RELAY, place=place())
    assert isinstance(event, AccessDecided)
    assert event.entry.reason == Reason.RECORD_SUPERSEDED
    with pytest.raises(LedgerRejectedError) as caught:
        acts.supersede(
            first, replace(second, commitment=samples.word(3)), signature_valid=True, relay=RELAY, place=place()
        )
    assert _error(caught) == "RecordsPreviousNotCurrent"


def test_act_without_active_relay_is_refused() -> None:
    acts = _ledger()
    for officer in (AUTHORITY, NATIONAL):
        Admissions(acts.state).change_institution(CUSTODIAN, Standing.SUSPENDED, officer=officer, place=place())
    with pytest.raises(LedgerRejectedError) as caught:
        acts.decide([_item()], relay=RELAY, place=place())
    assert _error(caught) == "AccessLedgerRelayRequired"


def test_admit_institution_outside_the_region_is_refused() -> None:
    acts = _ledger()
    with pytest.raises(LedgerRejectedError) as caught:
        Admissions(acts.state).admit_institution(address(9), 110000, address(9), b"k", officer=AUTHORITY, place=place())
    assert _error(caught) == "ParticipantsRegionForbidden"
