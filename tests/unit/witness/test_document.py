"""The document of witnesses against the code: its examples are made and read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import rfc8785

from consentry.core.log_tree import verify_consistency
from consentry.evidence.block_conflict import verify_block_conflict
from consentry.evidence.checkpoint import verify_signature
from consentry.evidence.note import NoteSignature
from consentry.witness.keeper import BLOCK_CONFLICT
from consentry.witness.submission import LARGEST_BODY, Submission
from consentry.witness.witness import CONTRADICTED, CONVICTION, REFUSED
from tests.support.log_people import LOG, NOW, WITNESSES, head

DOCUMENT = (Path(__file__).parents[3] / "docs" / "formats" / "witness.md").read_text(encoding="utf-8")
FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)


def test_example_is_a_body_that_is_cosigned_as_shown() -> None:
    (_, body), (_, line), *_ = FENCED
    sent = Submission.from_bytes(body.encode())
    key = WITNESSES[0].verifier_key

    assert sent.to_bytes() == body.encode()
    assert sent.checkpoint == head(5)
    verify_consistency(sent.old, sent.checkpoint.size, sent.proof, head(3).root, head(5).root)
    assert verify_signature(LOG.verifier_key, sent.note.text, sent.note.signatures[0]) is None
    assert verify_signature(key, sent.note.text, NoteSignature.parse(line.removesuffix("\n"))) == NOW
    assert f"more than {LARGEST_BODY:,} bytes" in DOCUMENT


def test_example_of_two_blocks_is_a_conflict_of_those_hashes() -> None:
    (shown,) = [text for kind, text in FENCED if kind == "json"]
    dispute = verify_block_conflict(rfc8785.dumps(json.loads(shown)))

    assert dispute.number == 1
    assert re.findall(r"^`([0-9a-f]{64})`", DOCUMENT, re.MULTILINE) == [dispute.first.hex(), dispute.second.hex()]


def test_kinds_of_evidence_are_those_kept() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| .* \| .* \|$", DOCUMENT.partition("## 5.")[2], re.MULTILINE)
    assert sorted(rows) == sorted([CONVICTION, REFUSED, CONTRADICTED, BLOCK_CONFLICT])
