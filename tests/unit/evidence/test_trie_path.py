"""Ways down a trie, against tries of another implementation: what is there, what is not, and what proves neither."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
import rlp
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from trie.hexary import HexaryTrie

from consentry.core.codes import ConsentStatus, Standing
from consentry.core.terms import Address, ConsentId
from consentry.errors import InvalidInputError
from consentry.evidence import state_proof
from consentry.evidence.trie_path import EMPTY, value_at
from tests.support.contract_suite import artifact

FORMAT: Final = Path(__file__).parents[3] / "docs" / "formats" / "state-proof.md"
_Trie: Final[Any] = HexaryTrie
"""The library has no complete annotations."""
KEYS: Final = st.binary(min_size=2, max_size=2).map(lambda key: bytes(byte & 0x33 for byte in key))
"""Keys that share beginnings often."""
VALUES: Final = st.one_of(st.binary(min_size=1, max_size=3), st.binary(min_size=33, max_size=40))
"""Short ones stand in their parent."""


def trie_of(entries: dict[bytes, bytes]) -> Any:  # noqa: ANN401 - as _Trie
    """Makes a trie."""
    trie = _Trie({})
    for key, value in entries.items():
        trie[key] = value
    return trie


def way(trie: Any, key: bytes) -> list[bytes]:  # noqa: ANN401 - as _Trie
    """Gives the nodes down to a key, as ``eth_getProof`` does: without those that stand in their parent."""
    nodes = [bytes(rlp.encode(node)) for node in trie.get_proof(key)]
    return [node for place, node in enumerate(nodes) if place == 0 or len(node) >= 32]


@settings(deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=30), KEYS)
def test_value_at_any_key_is_what_the_trie_holds(entries: dict[bytes, bytes], other: bytes) -> None:
    trie = trie_of(entries)
    for key in {*entries, other}:
        assert value_at(trie.root_hash, key, way(trie, key)) == entries.get(key)


@settings(deadline=None)
@given(st.dictionaries(KEYS, VALUES, min_size=2, max_size=30), st.data())
def test_value_at_with_changed_nodes_is_refused(entries: dict[bytes, bytes], data: st.DataObject) -> None:
    trie = trie_of(entries)
    key = data.draw(st.sampled_from(sorted(entries)))
    nodes = way(trie, key)
    place = data.draw(st.integers(0, len(nodes) - 1))
    at = data.draw(st.integers(0, len(nodes[place]) - 1))
    flipped = nodes[place][:at] + bytes([nodes[place][at] ^ 1]) + nodes[place][at + 1 :]
    for changed in (
        nodes[:place],
        nodes[:place] + nodes[place + 1 :],
        [*nodes, nodes[place]],
        [*nodes[:place], flipped, *nodes[place + 1 :]],
    ):
        with pytest.raises(InvalidInputError, match="does not match"):
            value_at(trie.root_hash, key, changed)


def test_nodes_of_another_key_prove_nothing() -> None:
    entries = {bytes([n]) * 32: b"v" * 40 for n in range(64)}
    trie = trie_of(entries)
    with pytest.raises(InvalidInputError, match="trie proof does not match"):
        value_at(trie.root_hash, b"\1" * 32, way(trie, b"\x22" * 32))


def test_empty_trie_holds_nothing() -> None:
    assert trie_of({}).root_hash == EMPTY
    assert value_at(EMPTY, b"\1" * 32, []) is None
    assert value_at(EMPTY, b"\1" * 32, [b"\x80"]) is None
    with pytest.raises(InvalidInputError, match=r"nodes that end early"):
        value_at(b"\1" * 32, b"\1" * 32, [])


@pytest.mark.parametrize(
    ("node", "says"),
    [
        (rlp.encode([b"\x40", b"v" * 40]), "other flags"),
        (rlp.encode([b"\x21", b"v" * 40, b""]), "a node of 3 members"),
        (rlp.encode([b"", b"v" * 40]), "other flags"),
        (rlp.encode([b"\x2f", b"v" * 40]), "other flags"),
        (rlp.encode([b"\0", b"v" * 32]), "leads nowhere"),
        (rlp.encode([b"\x11", b""]), "leads nowhere"),
        (rlp.encode([b"\x10", b"v" * 31]), "a reference of 31 bytes"),
        (rlp.encode(b"v" * 40), "RLP does not match"),
        (b"\xc1" * 60 + b"\xc0", "RLP does not match"),
    ],
)
def test_node_that_is_none_is_refused(node: bytes, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        value_at(keccak(node), b"\x01\x23", [node])


ACCOUNT: Final = Address(b"\7" * 20)
BESIDE: Final = {keccak(bytes([n]) * 20): b"v" * 70 for n in range(20, 40)}


def _account(value: object) -> state_proof.Account | None:
    trie = trie_of(BESIDE | {keccak(ACCOUNT): bytes(rlp.encode(value))})
    return state_proof.account_at(trie.root_hash, ACCOUNT, way(trie, keccak(ACCOUNT)))


def test_account_is_read_as_it_stands() -> None:
    assert _account([b"\5", b"\1\0", b"s" * 32, b"c" * 32]) == state_proof.Account(5, 256, b"s" * 32, b"c" * 32)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([b"\5", b"", b"s" * 32], "account does not match"),
        ([b"\5", b"", b"s" * 31, b"c" * 32], "account does not match"),
        ([b"\5", b"", b"s" * 32, b"c" * 33], "account does not match"),
        ([b"\0", b"", b"s" * 32, b"c" * 32], "leading zero"),
        (b"account", "RLP does not match"),
    ],
)
def test_account_in_another_form_is_refused(value: object, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        _account(value)


SLOT: Final = (5).to_bytes(32, "big")


def _slot(value: bytes) -> bytes:
    trie = trie_of(BESIDE | {keccak(SLOT): value})
    return state_proof.slot_at(trie.root_hash, SLOT, way(trie, keccak(SLOT)))


def test_slot_is_a_word() -> None:
    assert _slot(b"\x82\1\2") == bytes(30) + b"\1\2"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b"\x82\0\2", "leading zero"),
        (b"\xc0", "RLP"),
        (b"\x80", "a zero that is written"),
        (b"\xa1" + b"\1" * 33, "at most 32"),
    ],
)
def test_slot_in_another_form_is_refused(value: bytes, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        _slot(value)


def test_slot_in_a_mapping_is_where_solidity_puts_it() -> None:
    """The example of the Solidity documentation's rule, keccak256(h(k) . p), written out."""
    key = b"\xaa" * 20
    assert state_proof.slot_in(4, key) == keccak(bytes(12) + key + bytes(31) + b"\4")


@pytest.mark.parametrize(
    ("contract", "variable", "place"),
    [
        ("AccessLedger", "_subjectHeads", state_proof.SUBJECT_HEADS),
        ("AccessLedger", "_institutionHeads", state_proof.INSTITUTION_HEADS),
        ("Consents", "_states", state_proof.CONSENT_STATES),
        ("Participants", "_institutions", state_proof.INSTITUTIONS),
    ],
)
def test_places_are_those_the_compiler_gave(contract: str, variable: str, place: int) -> None:
    layout = artifact(contract)["storageLayout"]["storage"]
    assert [entry["slot"] for entry in layout if entry["label"] == variable] == [str(place)]


@pytest.mark.parametrize(
    ("contract", "struct", "members"),
    [
        ("Consents", "ConsentState", [("status", 0), ("uses", 1), ("grantedAt", 5), ("revokedAt", 13)]),
        (
            "Participants",
            "Participants.Institution",
            [("standing", 0), ("region", 1), ("suspendedUntil", 5), ("dailyLimit", 13), ("emergencyLimit", 17)],
        ),
    ],
)
def test_members_of_a_slot_are_where_they_are_read(contract: str, struct: str, members: list[tuple[str, int]]) -> None:
    types = artifact(contract)["storageLayout"]["types"]
    [found] = [kind["members"] for kind in types.values() if kind["label"] == f"struct {struct}"]
    assert [(member["label"], member["offset"]) for member in found if member["slot"] == "0"] == members


def _stored(word: bytes, mapping: int, key: bytes) -> tuple[bytes, state_proof.SlotProof]:
    """A state in which one contract holds one word; gives its root and the way to the word."""
    slot = keccak(state_proof.slot_in(mapping, key))
    storage = trie_of(BESIDE | {slot: bytes(rlp.encode(word.lstrip(b"\0")))})
    account = bytes(rlp.encode([b"\1", b"", storage.root_hash, b"c" * 32]))
    state = trie_of(BESIDE | {keccak(ACCOUNT): account})
    proof = state_proof.SlotProof(tuple(way(state, keccak(ACCOUNT))), tuple(way(storage, slot)))
    return state.root_hash, proof


def test_consent_state_is_taken_apart_and_nothing_else_passes() -> None:
    consent = ConsentId(b"\x0c" * 32)
    word = bytes(11) + (9).to_bytes(8, "big") + (7).to_bytes(8, "big") + (3).to_bytes(4, "big") + b"\2"
    root, proof = _stored(word, state_proof.CONSENT_STATES, consent)
    found = state_proof.consent_state(root, ACCOUNT, consent, proof)
    assert found == state_proof.ConsentState(ConsentStatus.REVOKED, uses=3, granted_at=7, revoked_at=9)
    for wrong, says in ((word[:-1] + b"\3", "status of a consent"), (b"\1" + word[1:], "more than its members")):
        root, proof = _stored(wrong, state_proof.CONSENT_STATES, consent)
        with pytest.raises(InvalidInputError, match=says):
            state_proof.consent_state(root, ACCOUNT, consent, proof)


def test_institution_state_is_taken_apart_and_nothing_else_passes() -> None:
    institution = Address(b"\x0d" * 20)
    word = bytes(13) + (5).to_bytes(2, "big") + (6).to_bytes(4, "big") + (100).to_bytes(8, "big")
    word += (440300).to_bytes(4, "big") + b"\1"
    root, proof = _stored(word, state_proof.INSTITUTIONS, institution)
    found = state_proof.institution_state(root, ACCOUNT, institution, proof)
    assert found == state_proof.InstitutionState(Standing.ACTIVE, 440300, 100, daily_limit=6, emergency_limit=5)
    assert [found.standing_at(time) for time in (99, 100)] == [Standing.SUSPENDED, Standing.ACTIVE]
    root, proof = _stored(word[:-1] + b"\3", state_proof.INSTITUTIONS, institution)
    with pytest.raises(InvalidInputError, match="standing does not match"):
        state_proof.institution_state(root, ACCOUNT, institution, proof)


def test_format_document_shows_the_slot_of_its_example() -> None:
    text = FORMAT.read_text(encoding="utf-8")
    pattern = r"institution `0x([0-9a-f]{40})` .*?slot \| `0x([0-9a-f]{64})`.*?trie \| `0x([0-9a-f]{64})`"
    example = re.search(pattern, text, re.DOTALL)
    assert example
    institution, slot, key = map(bytes.fromhex, example.groups())
    assert state_proof.slot_in(state_proof.INSTITUTION_HEADS, institution) == slot
    assert keccak(slot) == key


def test_format_document_lists_the_places() -> None:
    listed = re.findall(r"^\| `\w+` \| `(_\w+)` \| (\d+) \|", FORMAT.read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(listed) == {
        "_subjectHeads": str(state_proof.SUBJECT_HEADS),
        "_institutionHeads": str(state_proof.INSTITUTION_HEADS),
        "_states": str(state_proof.CONSENT_STATES),
        "_institutions": str(state_proof.INSTITUTIONS),
    }
