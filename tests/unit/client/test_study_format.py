"""The example in ``docs/formats/imaging-study.md``, computed by hand from its own text, and by the code."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from pathlib import Path

from eth_hash.auto import keccak

from consentry.client.studies import read_study

DOCUMENT = (Path(__file__).parents[3] / "docs/formats/imaging-study.md").read_text()
MANIFEST = re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)[0]
HASH, *DIGESTS, ROOT = (bytes.fromhex(found) for found in re.findall(r"\| `0x([0-9a-f]{64})` \|", DOCUMENT))


def keyed(key: bytes, label: bytes, *fields: bytes) -> bytes:
    """Hashes as the document says."""
    message = label + b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    return hmac.new(key, message, hashlib.sha256).digest()


def test_example_follows_from_its_manifest() -> None:
    manifest = json.loads(MANIFEST)
    key = bytes.fromhex(manifest["key"][2:])
    fields = [(bytes.fromhex(i["file"][2:]), bytes.fromhex(i["pixels"][2:])) for i in manifest["instances"]]

    assert keyed(key, b"consentry/study/v1", manifest["studyUid"].encode()) == HASH
    assert [keyed(key, b"consentry/study-instance/v1", *pair) for pair in fields] == DIGESTS
    first, second, third = (keccak(b"\x00" + digest) for digest in DIGESTS)
    assert keccak(b"\x01" + keccak(b"\x01" + first + second) + third) == ROOT


def test_code_reads_the_example_as_the_document_says() -> None:
    study = read_study(MANIFEST.encode())

    assert (study.hash, study.digests, study.root) == (HASH, DIGESTS, ROOT)
    assert json.loads(study.to_bytes()) == json.loads(MANIFEST)
