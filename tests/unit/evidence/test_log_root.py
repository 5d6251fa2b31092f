"""The log-root file: its one form, and who may put another in its place."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import rfc8785

from consentry.core.terms import Address
from consentry.crypto.ed25519 import Ed25519Key
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence.log_root import LogRoot, follow, verify_next, verify_root
from consentry.evidence.witnesses import WitnessPolicy
from tests.support.log_people import POLICY, ROOT, ROOT_HOLDERS, WITNESSES, key

FIRST = ROOT.sign(ROOT_HOLDERS[0]).sign(ROOT_HOLDERS[1])
# The second version exchanges one root key, and a witness.
SECOND = replace(
    ROOT,
    version=2,
    policy=replace(POLICY, witnesses=POLICY.witnesses[:4], valid_from=POLICY.valid_from + 1),
    root_keys=tuple(holder.public for holder in ROOT_HOLDERS[1:]),
)


def _signed(root: LogRoot, *holders: int | Ed25519Key) -> LogRoot:
    for holder in holders:
        root = root.sign(ROOT_HOLDERS[holder] if isinstance(holder, int) else holder)
    return root


def test_file_is_read_as_it_was_written() -> None:
    assert LogRoot.from_json(FIRST.to_json()) == FIRST
    verify_root(LogRoot.from_json(FIRST.to_json()))


def test_signed_bytes_are_the_label_and_the_canonical_json() -> None:
    signed = json.loads(FIRST.to_json())["signed"]
    assert FIRST.signed_bytes == b"consentry.log-root/v1\n" + rfc8785.dumps(signed)
    assert set(signed) == {
        *("version", "chainId", "genesisHash", "contracts", "origin", "logKeys", "witnesses"),
        *("threshold", "validFrom", "validUntil", "rootKeys", "rootThreshold"),
    }


@pytest.mark.parametrize("holders", [(), (0,), (3,), (0, 0)])
def test_root_signed_by_too_few_of_its_own_keys_is_refused(holders: tuple[int, ...]) -> None:
    with pytest.raises(VerificationError, match="match"):
        verify_root(_signed(ROOT, *holders))


def test_root_with_a_false_signature_is_refused_though_enough_hold() -> None:
    signatures = tuple(sorted([*FIRST.signatures, (ROOT_HOLDERS[2].public, ROOT_HOLDERS[2].sign(b"other"))]))
    with pytest.raises(VerificationError, match="signature of version 1 does not hold"):
        verify_root(replace(FIRST, signatures=signatures))


def test_root_signed_by_a_stranger_too_is_refused() -> None:
    with pytest.raises(VerificationError, match="expected a root key"):
        verify_root(_signed(FIRST, key(77)))


@pytest.mark.parametrize("holders", [(0, 1, 2, 3), (1, 2), (0, 1, 3)])
def test_next_root_signed_by_enough_of_both_is_accepted(holders: tuple[int, ...]) -> None:
    verify_next(FIRST, _signed(SECOND, *holders))


@pytest.mark.parametrize(
    ("holders", "who"), [((1, 3), "version 1"), ((2, 3), "version 1"), ((0, 1), "its own root keys"), ((), "version 1")]
)
def test_next_root_signed_by_too_few_of_either_is_refused(holders: tuple[int, ...], who: str) -> None:
    with pytest.raises(VerificationError, match=f"number of signatures by .*{who} does not match"):
        verify_next(FIRST, _signed(SECOND, *holders))


def test_next_root_signed_by_a_stranger_too_is_refused() -> None:
    with pytest.raises(VerificationError, match="expected a root key"):
        verify_next(FIRST, _signed(SECOND, 1, 2, key(77)))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"version": 1}, "version"),
        ({"version": 3}, "version"),
        ({"chain_id": 1}, "chain id"),
        ({"genesis_hash": b"\0" * 32}, "genesis hash"),
        ({"contracts": ROOT.contracts[:1]}, "contracts"),
        ({"contracts": (*ROOT.contracts, Address(b"\xff" * 20))}, "contracts"),
        ({"policy": replace(POLICY, valid_from=POLICY.valid_from - 1)}, "begin"),
    ],
)
def test_next_root_of_something_else_is_refused(change: dict[str, Any], what: str) -> None:
    with pytest.raises(VerificationError, match=f"^{what} of a log root does not match"):
        verify_next(FIRST, _signed(replace(SECOND, **change), 1, 2))


def test_signature_over_one_version_does_not_hold_for_another() -> None:
    with pytest.raises(VerificationError, match="signature of version 2 does not hold"):
        verify_next(FIRST, replace(SECOND, signatures=FIRST.signatures))


def test_follow_goes_through_every_version() -> None:
    second = _signed(SECOND, 1, 2)
    third = _signed(replace(SECOND, version=3, policy=replace(SECOND.policy, threshold=4)), 1, 3)

    assert follow(FIRST, []) == FIRST
    assert follow(FIRST, [second.to_json(), third.to_json()]) == third
    with pytest.raises(VerificationError, match="got 3, expected 2"):
        follow(FIRST, [third.to_json()])
    with pytest.raises(VerificationError, match="got 2, expected 3"):
        follow(FIRST, [second.to_json(), second.to_json()])


def _changed(**members: object) -> bytes:
    document = json.loads(FIRST.to_json())
    document["signed"].update(members)
    return rfc8785.dumps(document)


FILE = FIRST.to_json()
MALFORMED = {
    "nothing": b"",
    "no object": b"[]",
    "null": b"null",
    "indented": json.dumps(json.loads(FILE), indent=1).encode(),
    "line end": FILE + b"\n",
    "member twice": FILE.replace(b'"version":1', b'"version":1,"version":1'),
    "other format": FILE.replace(b"log-root/v1", b"log-root/v2"),
    "unknown member": _changed(more=1),
    "member outside": rfc8785.dumps({**json.loads(FILE), "more": 1}),
    "version as text": _changed(version="1"),
    "version as truth": _changed(version=True),
    "version 0": _changed(version=0),
    "fraction": FILE.replace(b'"version":1', b'"version":1.0'),
    "huge number": _changed(validUntil="x").replace(b'"x"', b"9007199254740992"),
    "chain id as number": _changed(chainId=5),
    "chain id below 0": _changed(chainId="-1"),
    "chain id with zeros": _changed(chainId="01"),
    "chain id too wide": _changed(chainId=str(1 << 256)),
    "no contract": _changed(contracts=[]),
    "contract twice": _changed(contracts=["0x" + "01" * 20] * 2),
    "contracts descending": _changed(contracts=["0x" + "02" * 20, "0x" + "01" * 20]),
    "short contract": _changed(contracts=["0x01"]),
    "capital digits": _changed(genesisHash="0x" + "AB" * 32),
    "root keys descending": _changed(rootKeys=[f"0x{k.hex()}" for k in reversed(ROOT.root_keys)]),
    "no root key": _changed(rootKeys=[], rootThreshold=0),
    "root threshold 0": _changed(rootThreshold=0),
    "root threshold too high": _changed(rootThreshold=4),
    "threshold 0": _changed(threshold=0),
    "threshold too high": _changed(threshold=6),
    "threshold of half or less": _changed(threshold=2),
    "witness twice": _changed(witnesses=[str(WITNESSES[0].verifier_key)] * 3),
    "witness as number": _changed(witnesses=[1, 2, 3]),
    "other origin": _changed(origin="ledger.example.org/yunnan"),
    "origin as list": _changed(origin=[]),
    "no signatures": FILE.partition(b',"signatures"')[0] + b"}",
    "deep": b"[" * 100_000,
    "deep within": FILE[:-1] + b',"x":' + b'{"x":' * 100_000,
    "too large": b" " * ((1 << 20) + 1),
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
def test_file_in_another_form_is_refused(content: bytes) -> None:
    assert content != FILE
    with pytest.raises(InvalidInputError):
        LogRoot.from_json(content)


@pytest.mark.parametrize("bit", [0, 3, 5])
def test_file_with_any_bit_flipped_is_refused(bit: int) -> None:
    for place in range(len(FILE)):
        flipped = bytearray(FILE)
        flipped[place] ^= 1 << bit
        with pytest.raises((InvalidInputError, VerificationError)):
            verify_root(LogRoot.from_json(bytes(flipped)))


def test_more_than_a_hundred_witnesses_are_refused() -> None:
    many = tuple(replace(WITNESSES[0].verifier_key, name=f"w{n}", public=bytes([n]) * 32) for n in range(101, 202))
    policy = WitnessPolicy(POLICY.origin, POLICY.log_keys, many, len(many), 0, 1)
    with pytest.raises(InvalidInputError, match="more than 100 witnesses"):
        replace(ROOT, policy=policy)
