"""True bundles are accepted, lying ones refused at the step that finds the lie."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence import steps
from consentry.evidence import verify as verification
from consentry.evidence.bundle import LARGEST, Bundle
from consentry.evidence.trust import TrustRoot
from consentry.evidence.verify import verify
from tests.vectors.bundles.build_bundles import TRUE, TRUST_ROOT
from tests.vectors.bundles.forgeries import Forgery, forgeries
from tests.vectors.bundles.real import HOSPITAL, PATIENT, build_real
from tests.vectors.bundles.rogue import Rogue

TRUST = TrustRoot.from_json(TRUST_ROOT.read_bytes())
FILES = sorted(TRUE.glob("*.json"))
FORGED = forgeries(build_real())
SOURCES = Path(__file__).parents[3] / "src"
FORMAT = SOURCES.parent / "docs" / "formats" / "bundle.md"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_verify_true_bundle_gives_its_decision(path: Path) -> None:
    content = path.read_bytes()
    found = verify(content, TRUST)
    assert found.entry == Bundle.from_json(content).entry
    assert (found.entry.reason == 0) == path.stem.startswith("permitted")
    assert found.block.time == found.entry.decided_at


def test_files_are_what_the_generator_writes() -> None:
    real = build_real()
    assert {path.stem: path.read_bytes() for path in FILES} == {n: b.to_json() for n, b in real.bundles.items()}
    assert real.trust == TRUST


@pytest.mark.parametrize("forgery", FORGED, ids=lambda forgery: forgery.name)
def test_verify_forgery_is_refused_at_its_step(forgery: Forgery) -> None:
    with pytest.raises(VerificationError, match=r"do(es)? not match") as caught:
        verify(forgery.content, forgery.trust)
    assert caught.value.step == forgery.step


def test_forgeries_are_many_distinct_and_meet_every_step_of_an_access() -> None:
    assert len({forgery.content for forgery in FORGED}) == len(FORGED) >= 30
    assert {forgery.step for forgery in FORGED} == set(range(steps.FORM, steps.CLAIM + 1))


def test_verify_rogue_chain_without_a_lie_is_accepted() -> None:
    """Shows that the rogue forgeries fail by their lie and not by how they are made."""
    real = build_real()
    rogue = Rogue(real.bundles["permitted-account"], real.trust, HOSPITAL, PATIENT)
    for changed in ({}, rogue.permitted_under()):
        bundle, trust = rogue.mine(changed)
        assert verify(bundle.to_json(), trust).entry.reason == 0


def test_verify_smart_account_names_the_limit() -> None:
    [forgery] = [f for f in FORGED if f.name == "rogue-grant-of-a-smart-account"]
    with pytest.raises(VerificationError, match=r"smart account \(ERC-1271\) cannot be repeated offline"):
        verify(forgery.content, forgery.trust)


@pytest.mark.parametrize("field", ["chain_id", "genesis_hash", "contracts", "checkpoints"])
def test_verify_against_another_trust_root_is_refused(field: str) -> None:
    other: dict[str, Any] = {
        "chain_id": 1,
        "genesis_hash": bytes(32),
        "contracts": tuple((name, bytes(20)) for name, _ in TRUST.contracts),
        "checkpoints": tuple(replace(c, hash=bytes(32)) for c in TRUST.checkpoints),
    }
    with pytest.raises(VerificationError):
        verify(FILES[0].read_bytes(), replace(TRUST, **{field: other[field]}))


def test_read_bundle_beyond_the_largest_size_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="size of bundle"):
        Bundle.from_json(b" " * (LARGEST + 1))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "got no usable JSON"),
        (b"[]", "got no usable 'list' object"),
        (b"{}", "format of the trust root does not match .got None, expected consentry.trust-root/v1"),
        (b'{"chainId":1962461801,"version":1}', "format of the trust root does not match .got None, expected"),
        (TRUST.to_json().replace(b'"chainId"', b'"chainIs"'), "got no usable 'chainId'"),
        (TRUST.to_json().replace(b'"headerForm":"ethereum"', b'"headerForm":"x"'), "header form does not match"),
        (TRUST.to_json().replace(b"root/v1", b"root/v2"), "got 'consentry.trust-root/v2', expected"),
        (TRUST.to_json().replace(b'"Records"', b'"Rekords"'), r"got none of \['Records'\]"),
    ],
)
def test_read_malformed_trust_root_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        TrustRoot.from_json(content)


def test_steps_have_the_numbers_of_the_format_document() -> None:
    documented = re.findall(r"^(\d+)\. \*\*(.+?)\.\*\*", FORMAT.read_text(encoding="utf-8"), re.MULTILINE)
    own = re.findall(r"^ ?(\d+)\. (.+?)\. ", verification.__doc__ or "", re.MULTILINE)
    assert documented == own
    assert [int(number) for number, _ in own] == list(range(steps.FORM, steps.LAST + 1))


def test_import_verification_loads_no_network_library() -> None:
    modules = "consentry.evidence.verify, consentry.evidence.qbft_proof, consentry.evidence.state_proof"
    code = f"import sys, {modules}; print(sorted(m.split('.')[0] for m in sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, env=environment)
    assert not {"web3", "fastapi", "sqlalchemy", "sqlmodel", "httpx", "aiohttp"} & set(ast.literal_eval(found.stdout))


def test_texts_that_differ_late_are_shown_where_they_differ() -> None:
    real = build_real()
    bundle = real.bundles["permitted-account"]
    changed = replace(bundle, claim=bundle.claim.replace("legal basis CONSENT", "legal basis EMERGENCY"))

    with pytest.raises(VerificationError) as caught:
        verify(changed.to_json(), real.trust)

    assert "CONSENT" in caught.value.message
    assert "EMERGENCY" in caught.value.message
