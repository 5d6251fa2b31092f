"""Bundles whose events the ledger log shows: true ones are accepted and small, lying ones end at their step."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import rfc8785

from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence import steps
from consentry.evidence.bundle import Bundle
from consentry.evidence.inclusion import Inclusion, LogInclusion
from consentry.evidence.log_tree_proof import LogTree
from consentry.evidence.trust import TrustedBlock, TrustRoot
from consentry.evidence.verify import verify
from tests.vectors.bundles.forgeries import forgeries
from tests.vectors.bundles.logged import CHECKED, build_logged, build_sealed_and_logged, in_a_log_of_its_own
from tests.vectors.bundles.real import build_real
from tests.vectors.bundles.vouched import build_vouched

PLAIN = build_logged()
SEALED = build_sealed_and_logged()
REAL = build_real()
WORLD = build_vouched()
BUNDLE = PLAIN.bundles["permitted-account"]
TYPICAL_BYTES = 25_000


def refused(content: bytes, trust: TrustRoot = PLAIN.trust) -> VerificationError:
    with pytest.raises(VerificationError, match=r"do(es)? not (match|hold)") as caught:
        verify(content, trust, now=CHECKED)
    return caught.value


@pytest.mark.parametrize("name", PLAIN.bundles)
def test_every_true_bundle_is_accepted_by_the_log_alone(name: str) -> None:
    bundle = PLAIN.bundles[name]
    content = bundle.to_json()
    assert Bundle.from_json(content) == bundle
    found = verify(content, PLAIN.trust, now=CHECKED)
    assert found.entry == REAL.bundles[name].entry
    assert found.block.time == found.entry.decided_at
    assert found.vouched.witnesses
    assert len(bundle.headers) == 1
    assert len(content) <= TYPICAL_BYTES


@pytest.mark.parametrize("name", SEALED.bundles)
def test_bundle_with_seals_keeps_the_receipt_of_its_decision(name: str) -> None:
    bundle = SEALED.bundles[name]
    found = verify(bundle.to_json(), SEALED.trust, now=CHECKED)
    assert isinstance(bundle.decision, Inclusion)
    assert all(isinstance(shown, LogInclusion) for shown in bundle.inclusions)
    assert found.vouched.seals
    assert found.vouched.witnesses


@pytest.mark.parametrize("name", WORLD.by_log)
def test_assembled_bundle_shows_by_the_log_what_the_one_with_headers_shows_by_receipts(name: str) -> None:
    bundle, full = WORLD.by_log[name], WORLD.bundles[name]
    assert verify(bundle.to_json(), WORLD.trust, now=CHECKED).entry == full.entry
    assert (bundle.log_proof, bundle.decision) == (full.log_proof, full.decision)
    assert all(isinstance(shown, LogInclusion) for shown in bundle.inclusions)
    assert len(bundle.to_json()) < len(replace(full, qbft_proof=None).to_json()) / 2


def test_log_that_does_not_reach_the_checkpoint_or_is_another_shows_nothing() -> None:
    note = WORLD.log_proof("permitted-account").note
    with pytest.raises(InvalidInputError, match="leaves do not match"):
        LogTree(note, WORLD.leaves[:-1])
    with pytest.raises(VerificationError, match="root of the log does not match"):
        LogTree(note, (*WORLD.leaves[:-1], bytes(32)))


def test_nodes_that_paths_share_stand_once() -> None:
    written = json.loads(BUNDLE.to_json())
    paths = [shown.path for shown in BUNDLE.log_inclusions]
    assert len(written["logNodes"]) == len({node for path in paths for node in path}) < sum(map(len, paths))
    assert written["decision"]["inclusion"]["path"] == []


def test_trust_root_without_a_log_root_accepts_nothing_the_log_alone_shows() -> None:
    block = BUNDLE.decision
    assert isinstance(block, LogInclusion)
    assert refused(BUNDLE.to_json(), REAL.trust).step == steps.HEADERS
    trust = replace(REAL.trust, checkpoints=(TrustedBlock(block.block_number, block.block_hash),))
    error = refused(BUNDLE.to_json(), trust)
    assert (error.step, "is shown by the log alone" in error.message) == (steps.INSTITUTION, True)


def test_log_proof_that_is_missing_leaves_the_paths_without_a_root() -> None:
    with pytest.raises(InvalidInputError, match="log proof does not match"):
        Bundle.from_json(replace(BUNDLE, log_proof=None).to_json())


def changed(bundle: Bundle, change: Any) -> bytes:  # noqa: ANN401 - a function of JSON
    document = json.loads(bundle.to_json())
    change(document)
    return bytes(rfc8785.dumps(document))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda doc: doc["consent"]["inclusion"]["path"].reverse(), "canonical"),
        (lambda doc: doc["logNodes"].append(doc["logNodes"][0]), "canonical"),
        (lambda doc: doc["logNodes"].append("0x" + "11" * 32), "canonical"),
        (lambda doc: doc["logNodes"].pop(), "index does not match"),
        (lambda doc: doc.pop("logNodes"), "index does not match"),
        (lambda doc: doc["record"]["inclusion"].update(path=[-1]), "index does not match"),
        (lambda doc: doc["record"]["inclusion"].update(path=[True]), "index does not match"),
        (lambda doc: doc["record"]["inclusion"].update(path=[0] * 64), "length of a path"),
        (lambda doc: doc["record"]["inclusion"].update(path=None), "list does not match"),
        (lambda doc: doc["record"]["inclusion"].update(leafIndex=1 << 48), "index does not match"),
        (lambda doc: doc["record"]["inclusion"].update(nodes=[]), "members of an inclusion"),
        (lambda doc: doc["decision"]["inclusion"].update(path=[0]), "inclusion of the decision"),
    ],
)
def test_paths_have_one_form(change: Any, says: str) -> None:  # noqa: ANN401 - a function of JSON
    with pytest.raises(InvalidInputError, match=says):
        Bundle.from_json(changed(BUNDLE, change))


def test_events_are_not_shown_in_two_ways() -> None:
    by_receipt, record = REAL.bundles["permitted-account"], BUNDLE.record
    assert record
    assert by_receipt.record
    for mixed in (
        replace(BUNDLE, record=by_receipt.record),
        replace(by_receipt, record=record, log_proof=BUNDLE.log_proof),
        replace(by_receipt, decision=BUNDLE.decision, log_proof=BUNDLE.log_proof),
    ):
        with pytest.raises(InvalidInputError, match=r"inclusions? of .* do(es)? not match"):
            Bundle.from_json(mixed.to_json())


def test_leaf_at_another_place_or_of_another_block_is_refused_where_its_event_is_asked_for() -> None:
    record = BUNDLE.record
    assert record
    assert isinstance(record.inclusion, LogInclusion)
    later: dict[str, Any] = {"leaf_index": record.inclusion.leaf_index + 1}
    for change in (later, {"block_number": 1}, {"block_hash": bytes(32)}):
        lying = replace(BUNDLE, record=replace(record, inclusion=replace(record.inclusion, **change)))
        error = refused(lying.to_json())
        assert (error.step, error.message.startswith("RecordAnchored: ")) == (steps.RECORD, True)


def test_debt_must_be_the_next_leaf_of_the_same_block() -> None:
    bundle = PLAIN.bundles["permitted-emergency"]
    assert isinstance(bundle.debt, LogInclusion)
    changes: tuple[dict[str, Any], ...] = ({"leaf_index": bundle.debt.leaf_index + 1}, {"block_number": 1})
    for change in changes:
        lying = replace(bundle, debt=replace(bundle.debt, **change))
        assert refused(lying.to_json()).step == steps.DECISION


def test_what_is_forged_by_hand_is_refused_at_the_same_step_when_the_log_shows_it() -> None:
    """Also by a chain that lies and is vouched for: broken rules, wrong order, false emitters, false signatures."""
    # Lies about headers and receipts themselves have nothing to stand in here.
    lies = [lie for lie in forgeries(REAL) if lie.step not in {steps.FORM, steps.HEADERS}]
    told = {lie.name: (lie.step, in_a_log_of_its_own(lie.content, lie.trust)) for lie in lies}
    found = {name: (step, refused(made[0].to_json(), made[1]).step) for name, (step, made) in told.items() if made}
    assert {name: pair for name, pair in found.items() if pair[0] != pair[1]} == {}
    assert len(found) >= len(lies) - 7
    assert {step for step, _ in found.values()} == {steps.CHAIN, *range(steps.INSTITUTION, steps.CLAIM + 1)}
