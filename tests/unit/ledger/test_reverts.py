"""Every custom error of the contracts becomes exactly one Python error."""

from __future__ import annotations

import json
import typing
from importlib import resources
from typing import Any

import pytest

from consentry.core.act_table import BY_EVENT
from consentry.core.events import LedgerEvent
from consentry.errors import ConsentryError, LedgerRejectedError, NotAuthenticError
from consentry.ledger import reverts
from consentry.ledger.abi import CONTRACTS, MANAGER, NATIONAL, VERIFIERS, Signature, all_errors, artifact
from consentry.ledger.events import IGNORED
from tests.support.answers import encode_members

TOGETHER = "Together.json"
TABLES = ("governance.json", "national.json")
SIGNATURES = sorted(all_errors().values(), key=lambda signature: signature.name)
ZERO = {"bytes": b"\x01", "address": b"\x11" * 20, "string": "", "bool": False}


def sample(signature: Signature) -> bytes:
    """Gives revert data of an error with some arguments."""
    values = []
    for member in signature.inputs:
        kind = str(member["type"])
        values.append(bytes([7]) * 32 if kind == "bytes32" else ZERO.get(kind, bytes(4) if kind == "bytes4" else 1))
    return signature.selector + encode_members(signature.inputs, values)


def test_every_error_of_the_contracts_is_mapped_and_no_other() -> None:
    assert {signature.name for signature in SIGNATURES} == set(reverts.ERRORS)


def test_every_committed_artifact_is_walked() -> None:
    """An artifact that no list names would bring errors and events that nobody maps; `Together` is never deployed.

    Events of the national ledger stand on another chain and are no part of a province's.
    """
    folder = resources.files("consentry.ledger") / "artifacts"
    found: dict[str, list[Any]] = {"error": [], "event": []}
    for entry in folder.iterdir():
        for part in json.loads(entry.read_text())["abi"] if entry.name not in (*TABLES, TOGETHER) else ():
            found.setdefault(part["type"], []).append((entry.name.removesuffix(".json"), part.get("name", "")))
    assert {name for _, name in found["error"]} == set(reverts.ERRORS)
    own = {name for contract, name in found["event"] if contract not in (MANAGER, NATIONAL)} - IGNORED
    assert own == {kind.__name__ for kind in typing.get_args(LedgerEvent)} - {"ActPerformed"} | set(BY_EVENT)


def test_moments_of_an_error_are_written_as_dates() -> None:
    """In its message alone: programs get seconds."""
    [cooling] = [signature for signature in SIGNATURES if signature.name == "AsksCoolingDown"]
    ends = [bytes(12) + b"\x11" * 20, bytes(32), (1).to_bytes(32, "big"), (1_795_654_923).to_bytes(32, "big")]
    error = reverts.from_data(cooling.selector + b"".join(ends))

    assert "purpose 1, ends 2026-11-26 01:02:03 UTC)" in str(error)
    assert error.details["arguments"]["ends"] == 1_795_654_923


def test_whatever_is_64_bits_wide_in_an_error_is_a_moment_or_a_role() -> None:
    wide = {m["name"] for signature in SIGNATURES for m in signature.inputs if m["type"] == "uint64"}
    endings = "Time", "At", "Until", "until", "Before", "From", "By"
    moments = (*endings, "ends", "earliest", "latest", "current", "needed")

    assert wide >= reverts.ROLES
    assert {name for name in wide - reverts.ROLES if not name.endswith(moments)} == set()


def test_selectors_of_errors_do_not_collide() -> None:
    named = [
        (s.selector, s.name)
        for contract in (MANAGER, *VERIFIERS, *CONTRACTS, NATIONAL)
        for s in artifact(contract).errors.values()
    ]
    assert len({selector for selector, _ in named}) == len(set(named))


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda s: s.name)
def test_revert_data_becomes_its_error_with_arguments(signature: Signature) -> None:
    error = reverts.from_data(sample(signature))

    assert type(error) is reverts.ERRORS[signature.name]
    assert error.details["solidity"] == signature.name
    arguments: Any = error.details["arguments"]
    assert len(arguments) == len(signature.inputs)


def test_unknown_revert_data_is_told_as_such() -> None:
    error = reverts.from_data(b"\xde\xad\xbe\xef")

    assert type(error) is LedgerRejectedError
    assert error.details["solidity"] is None


class TransactionFailed(Exception):  # noqa: N818 - named as eth-tester names it
    """What eth-tester raises: the repr of the revert bytes inside a text."""


class Refused(Exception):  # noqa: N818 - stands for a provider's error
    """What a provider raises for JSON-RPC error data."""

    def __init__(self, data: str) -> None:
        super().__init__("execution reverted")
        self.data = data


def _signature_invalid() -> bytes:
    return sample(next(s for s in SIGNATURES if s.name == "ConsentsSignatureInvalid"))


@pytest.mark.parametrize("raised", [TransactionFailed, Refused])
def test_both_ways_of_giving_revert_data_are_read(raised: type[Exception]) -> None:
    data = _signature_invalid()
    error: ConsentryError | None = reverts.from_exception(
        Refused("0x" + data.hex()) if raised is Refused else TransactionFailed(repr(data))
    )

    assert type(error) is NotAuthenticError


def test_foreign_exception_is_no_refusal() -> None:
    assert reverts.from_exception(OSError("no route")) is None
