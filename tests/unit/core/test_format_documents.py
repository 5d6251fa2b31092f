"""The format documents against the code: examples, types, hashes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from consentry.core.terms import Address, ConsentId, RecordLeaf, Revocation, SubjectId
from consentry.core.typed_data import TYPES, Domain, digest, document, domain_separator, record_id, struct_hash
from consentry.evidence import notation
from tests.support import samples

FORMATS = Path(__file__).parents[3] / "docs" / "formats"
DOMAIN = Domain("Consentry Consents", 1337, Address(samples.address(5)))
REVOCATION = Revocation(ConsentId(b"\1" * 32), SubjectId(b"\2" * 32))


def _text(name: str) -> str:
    return (FORMATS / f"{name}.md").read_text(encoding="utf-8")


def _example(name: str) -> Any:  # noqa: ANN401 - any JSON
    found = re.search(r"```json\n(.*?)```", _text(name), re.DOTALL)
    assert found
    return json.loads(found[1])


def encoded_types() -> list[str]:
    """Gives the encodeType strings of all signed structs."""
    return [f"{struct.__name__}({','.join(members)})" for struct, members in TYPES.items()]


def test_typed_data_example_is_the_document_a_wallet_shows() -> None:
    assert _example("typed-data") == document(DOMAIN, REVOCATION)


def test_typed_data_hashes_are_those_of_the_example() -> None:
    hashes = [domain_separator(DOMAIN), struct_hash(REVOCATION), digest(DOMAIN, REVOCATION)]
    assert re.findall(r"`(0x[0-9a-f]{64})`", _text("typed-data")) == [notation.hex_of(value) for value in hashes]


def test_typed_data_lists_every_type() -> None:
    block = re.search(r"## Types\n\n```\n(.*?)```", _text("typed-data"), re.DOTALL)
    assert block
    assert block[1].splitlines() == encoded_types()


def test_record_leaf_example_has_the_record_id_it_names() -> None:
    leaf = notation.read(RecordLeaf, _example("record-leaf"))
    assert leaf == samples.leaf()
    assert f"Record id: `{notation.hex_of(record_id(leaf))}`" in _text("record-leaf")


def test_record_leaf_describes_every_member_in_order() -> None:
    described = re.findall(r"^\| `(\w+)` \|", _text("record-leaf"), re.MULTILINE)
    assert described == [member.split(" ")[1] for member in TYPES[RecordLeaf]]
