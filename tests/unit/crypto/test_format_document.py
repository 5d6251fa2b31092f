"""The bytes in ``docs/formats/sealed-object.md`` are those that the code and the vectors give."""

from __future__ import annotations

import json
import re
from pathlib import Path

from consentry.crypto.commitment import commit_plaintext
from consentry.crypto.sealing import Opener, sealing_context
from tests.vectors.commitment.build_commitment import GOOD
from tests.vectors.keywrap.build_keywrap import CONTEXT
from tests.vectors.sealing import build_sealing

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs/formats/sealed-object.md").read_text()
KEY, SEALING_CONTEXT, CIPHERTEXT, COMMITMENT, INFO = (
    bytes.fromhex("".join(block.split())) for block in re.findall(r"```\n([0-9a-f\n]+)```", DOCUMENT)
)


def test_example_of_a_sealed_object_opens() -> None:
    assert sealing_context(build_sealing.OBJECT, 1) == SEALING_CONTEXT
    opener = Opener(KEY, SEALING_CONTEXT)
    assert opener.update(CIPHERTEXT) + opener.finalize() == b"\x00"
    assert build_sealing.OBJECT.hex() in DOCUMENT


def test_example_of_a_commitment_holds() -> None:
    commitment = commit_plaintext(
        GOOD.blinding,
        object_id=GOOD.object_id,
        version=GOOD.version,
        size=GOOD.size,
        plaintext_sha256=GOOD.plaintext_sha256,
    )
    assert commitment == COMMITMENT
    assert all(text in DOCUMENT for text in (GOOD.blinding.hex(), GOOD.object_id.hex(), f"version {GOOD.version}"))


def test_example_of_an_info_is_that_of_the_first_vector() -> None:
    assert CONTEXT.info() == INFO
    first = json.loads((ROOT / "tests/vectors/keywrap/keywrap.json").read_text())["vectors"][0]
    assert first["info"] == INFO.hex()
