"""One bundle with both proofs, forged in every place and with every false proof: each forgery ends at its step."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from consentry.core.terms import Address
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence import steps
from consentry.evidence.bundle import Bundle
from consentry.evidence.trust import LogRootPin, NationalTrust, TrustedBlock, TrustRoot
from consentry.evidence.validator_trail import Anchor
from consentry.evidence.verify import VerifiedAccess, verify
from tests.support.log_people import ROOT_HOLDERS, cosigned
from tests.vectors.bundles.false_proofs import false_proofs
from tests.vectors.bundles.forgeries import Forgery
from tests.vectors.bundles.real import build_real
from tests.vectors.bundles.table import all_forgeries, forged_everywhere, table
from tests.vectors.bundles.vouched import CHECKED, build_vouched

WORLD = build_vouched()
BUNDLE = WORLD.bundles["permitted-account"]
FORGED = forged_everywhere()
FALSE = false_proofs(WORLD, build_real())
DOCUMENT = Path(__file__).parents[3] / "docs" / "forgeries.md"
DECIDED = BUNDLE.decision.block_hash
LEAST = 200


def _verified(bundle: Bundle, trust: TrustRoot = WORLD.trust, *files: bytes) -> VerifiedAccess:
    return verify(bundle.to_json(), TrustRoot.from_json(trust.to_json()), log_roots=files, now=CHECKED)


def _step_that_refuses(forgery: Forgery) -> int | None:
    with pytest.raises(VerificationError, match=r"do(es)? not (match|hold)") as caught:
        verify(forgery.content, forgery.trust, log_roots=forgery.log_roots, now=forgery.now)
    return caught.value.step


@pytest.mark.parametrize("forgery", FALSE, ids=lambda forgery: forgery.name)
def test_verify_false_proof_is_refused_at_its_step(forgery: Forgery) -> None:
    assert _step_that_refuses(forgery) == forgery.step


def test_verify_bundle_forged_in_any_place_is_refused_at_its_step() -> None:
    found = {forgery.name: (forgery.step, _step_that_refuses(forgery)) for forgery in FORGED}
    assert {name: pair for name, pair in found.items() if pair[0] != pair[1]} == {}


def test_forgeries_are_many_distinct_and_meet_every_step() -> None:
    every = [forgery for _, forgery in all_forgeries()]
    shown = {(one.content, one.trust.to_json(), one.log_roots, one.now) for one in every}
    assert len(shown) == len(every) >= LEAST
    assert len({one.name for one in every}) == len(every)
    assert {one.step for one in every} == set(range(steps.FORM, steps.LAST + 1))
    # Also without those that break the form alone.
    assert sum(one.step > steps.FORM for one in every) >= LEAST


def test_document_has_the_table_of_these_forgeries() -> None:
    assert table() in DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", WORLD.bundles)
def test_verify_bundle_with_both_proofs_needs_no_checkpoint(name: str) -> None:
    found = _verified(WORLD.bundles[name])

    assert found.entry == WORLD.bundles[name].entry
    assert found.vouched.seals
    assert found.vouched.witnesses
    assert not found.vouched.leads_to_trusted_block
    assert found.vouched.in_words() == (
        "6 validators sealed its block, followed from pinned block 0; "
        "3 of 5 witnesses vouch for it in a log of 39 entries"
    )


@pytest.mark.parametrize(
    ("without", "says"),
    [
        ({"log_proof": None}, "6 validators sealed its block, followed from pinned block 0"),
        ({"qbft_proof": None}, "3 of 5 witnesses vouch for it in a log of 39 entries"),
    ],
)
def test_verify_bundle_with_one_proof_says_which(without: dict[str, Any], says: str) -> None:
    bundle = replace(BUNDLE, **without)
    assert Bundle.from_json(bundle.to_json()) == bundle
    assert _verified(bundle).vouched.in_words() == says


def test_verify_cosignatures_of_clocks_that_are_a_little_behind_count() -> None:
    note = cosigned(WORLD.head(len(WORLD.leaves)), dict.fromkeys(range(3), BUNDLE.entry.decided_at - 300))
    bundle = replace(BUNDLE, qbft_proof=None, log_proof=replace(WORLD.log_proof("permitted-account"), note=note))
    assert _verified(bundle).vouched.witnesses


def test_verify_bundle_with_a_checkpoint_alone_says_that_nobody_else_vouches() -> None:
    bare = replace(BUNDLE, qbft_proof=None, log_proof=None)
    trust = replace(WORLD.trust, checkpoints=(TrustedBlock(10, DECIDED),))

    assert _verified(bare, trust).vouched.in_words() == (
        "consistent, but neither validators nor witnesses vouch for its block; "
        "it leads to a checkpoint of the trust root"
    )


def test_verify_proofs_nobody_is_to_be_believed_about_prove_nothing() -> None:
    trust = replace(WORLD.trust, qbft_anchor=None, log_root=None, checkpoints=(TrustedBlock(10, DECIDED),))

    found = _verified(BUNDLE, trust)

    assert (found.vouched.seals, found.vouched.witnesses, found.vouched.leads_to_trusted_block) == (None, None, True)


def test_verify_on_a_chain_without_seals_says_so() -> None:
    real = build_real()
    found = verify(real.bundles["permitted-account"].to_json(), real.trust, now=CHECKED)
    assert found.vouched.in_words().endswith("; blocks of this chain have no seals")


def test_verify_with_the_log_root_beside_the_trust_root_and_its_next_version() -> None:
    content = WORLD.log_root.to_json()
    trust = replace(WORLD.trust, log_root=LogRootPin(1, hashlib.sha256(content).digest()))
    second = replace(WORLD.log_root, version=2, signatures=()).sign(ROOT_HOLDERS[0]).sign(ROOT_HOLDERS[1])

    for files in ((content,), (content, second.to_json())):
        assert _verified(BUNDLE, trust, *files).vouched.witnesses


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b'"qbftAnchor"', b'"from":"us","qbftAnchor"', "members of a trust root do not match"),
        (b'"qbftAnchor":{', b'"qbftAnchor":{"from":"us",', "anchor does not match"),
        (b'"epochLength":100', b'"epochLength":0', "number does not match"),
        (b'"epochLength":100', b'"epochLength":"100"', "number does not match"),
        (b'"headerForm":"qbft"', b'"headerForm":"ethereum"', "whose blocks have no seals"),
        (b'"logRoot":{', b'"logRoot":{"from":"us",', "log root"),
        (b'"logRoot":{', b'"logRoot":null,"x":{', "no usable"),
    ],
)
def test_trust_root_that_says_something_else_is_refused(old: bytes, new: bytes, says: str) -> None:
    content = WORLD.trust.to_json()
    assert old in content
    with pytest.raises(InvalidInputError, match=says):
        TrustRoot.from_json(content.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b'"number":26', b'"number":26.7', "number does not match"),
        (b'"number":26', b'"number":26.0', "number does not match"),
        (b'"number":26', b'"number":"26"', "number does not match"),
        (b'"number":26', b'"number":true', "number does not match"),
        (b'"number":26', b'"number":-1', "number does not match"),
        (b'"number":26', b'"number":27,"number":26', "'number' twice"),
        (b'"number":26', b'"number":26,"until":30', "checkpoint does not match"),
        (b'"checkpoints":[{', b'"checkpoints":[5,{', "checkpoint does not match"),
        (b'[{"hash":"0x%s","number":26}]' % (b"00" * 32), b'""', "checkpoints do not match"),
        (b'[{"hash":"0x%s","number":26}]' % (b"00" * 32), b"{}", "checkpoints do not match"),
        (b'"chainId":"2026"', b'"chainId":2026', "chain id does not match"),
        (b'"chainId":"2026"', b'"chainId":2026.5', "chain id does not match"),
        (b'"chainId":"2026"', b'"chainId":"02026"', "chain id does not match"),
        (b'"chainId":"2026"', b'"chainId":" 2026"', "chain id does not match"),
        (b'"chainId":"2026"', b'"chainId":"2_026"', "chain id does not match"),
        (b'"chainId":"2026"', '"chainId":"٢026"'.encode(), "chain id does not match"),
        (b'"chainId":"2026"', b'"chainId":"2027","chainId":"2026"', "'chainId' twice"),
        (b'"origin":"here.example"', b'"origin":null', "origin does not match"),
    ],
)
def test_trust_root_has_exact_numbers_and_members(old: bytes, new: bytes, says: str) -> None:
    believed = (TrustedBlock(26, bytes(32)),)
    nation = NationalTrust(2026, bytes(32), "ethereum", Address(bytes(20)), "here.example", believed)
    own = replace(WORLD.trust, chain_id=2026, checkpoints=believed)
    content = replace(own, national=nation).to_json()
    assert TrustRoot.from_json(content).national == nation

    for changed in (content.replace(old, new, 1), new.join(content.rsplit(old, 1))):
        assert changed != content
        with pytest.raises(InvalidInputError, match=says):
            TrustRoot.from_json(changed)


def test_trust_root_that_names_nobody_is_refused() -> None:
    trust = replace(WORLD.trust, qbft_anchor=None, log_root=None)
    with pytest.raises(InvalidInputError, match="no checkpoint, anchor or log root"):
        TrustRoot.from_json(trust.to_json())


@pytest.mark.parametrize(
    "trust",
    [
        WORLD.trust,
        replace(WORLD.trust, log_root=LogRootPin(3, bytes(32))),
        replace(WORLD.trust, qbft_anchor=None),
        replace(WORLD.trust, log_root=None, qbft_anchor=Anchor(7, bytes(32), 30_000)),
    ],
)
def test_trust_root_is_read_as_it_was_written(trust: TrustRoot) -> None:
    assert TrustRoot.from_json(trust.to_json()) == trust
