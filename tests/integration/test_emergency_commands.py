"""An emergency at the command lines: asked for, listed, told to the patient, reviewed, proved."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from typing import Any

import pytest
from eth_hash.auto import keccak

from tests.integration.test_commands import SOMEBODY, A, B, Desk, Image, anchored, desk, enrolled

__all__ = ["desk"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SECOND = "0x" + "5d" * 32
TEXT = "patient found unconscious, medication unknown"


@pytest.fixture(scope="module")
def reason_key(desk: Desk) -> str:
    path = desk.folder / "reason.key"
    path.touch(0o600)
    path.write_text(secrets.token_hex(32))
    return path.name


def saying(desk: Desk) -> tuple[str, ...]:
    """Gives the option with which a command is told the words of the reason."""
    path = desk.folder / "reason.txt"
    path.touch(0o600)
    path.write_text(TEXT + "\n")
    return "--reason-file", path.name


def emergency(desk: Desk, image: Image) -> tuple[str, ...]:
    """Gives the command with which hospital B asks in an emergency; why is left to say."""
    named = ("access", "request", image.record, "--practitioner", SOMEBODY, "--key", desk.key(B))
    return (*named, "--release-key", desk.key(f"{B}-release"), "--emergency", "--reason-code", "UNCONSCIOUS")


def chain_of(desk: Desk) -> list[tuple[Any, Any]]:
    """Gives every transaction of the chain as the node tells it, each with its receipt."""

    async def read() -> list[tuple[Any, Any]]:
        connection = desk.network.connection()
        try:
            newest = int(await connection.raw("eth_blockNumber"), 16)
            numbers = [hex(number) for number in range(1, newest + 1)]
            whole = False  # the hashes of its transactions alone
            blocks = [await connection.raw("eth_getBlockByNumber", number, whole) for number in numbers]
            hashes = [name for block in blocks for name in block["transactions"]]
            asked = ("eth_getTransactionByHash", "eth_getTransactionReceipt")
            return [(await connection.raw(asked[0], name), await connection.raw(asked[1], name)) for name in hashes]
        finally:
            await connection.close()

    return asyncio.run(read())


def test_emergency_is_asked_told_and_reviewed(desk: Desk, reason_key: str) -> None:
    image = anchored(desk, enrolled(desk, "urgent"))
    asking, why = emergency(desk, image), (*saying(desk), "--reason-key", reason_key)
    assert "--reason-key" in desk.refused(2, *asking, *saying(desk))

    permitted = desk.must(*asking, *why, "--out", "urgent.dcm")

    assert (desk.folder / "urgent.dcm").read_bytes() == image.content.read_bytes()
    [owed] = desk.must("institution", "debts", "--key", desk.key(B))["items"]
    assert (owed["noticed"], owed["reviewed"], owed["overdue"]) == (False, False, False)
    telling = ("--debt-id", owed["debtId"], "--subject-id", image.subject, "--institution", owed["institution"])
    notice = (*telling, "--notice-hash", SECOND, "--sent-at", str(owed["openedAt"]), "--by", "CUSTODIAN")
    desk.must("act", "emergency-notice", *notice, "--key", desk.key(A))
    reviewing = ("access", "review", owed["debtId"], "--outcome", "JUSTIFIED", *why, "--key", desk.key(B))
    assert "EmergenciesReviewerInvalid" in desk.refused(1, *reviewing, "--reviewer", SOMEBODY)
    desk.must(*reviewing, "--reviewer", SECOND)

    assert desk.must("institution", "debts", "--key", desk.key(B))["items"] == []
    [seen] = desk.must("subject", "emergencies", image.subject, "--key", "urgent.key")["items"]
    assert (seen["noticed"], seen["reviewed"]) == (True, True)
    custodian = "0x" + desk.network.key(B).address.hex()
    own = {"CONSENTRY_MANIFEST": str(desk.network.manifest_path), "CONSENTRY_CUSTODIAN": custodian}
    desk.must("access", "prove", permitted["requestId"], **own)
    assert desk.must("verify", "evidence.json")["permitted"] is True


def test_text_of_the_reason_is_nowhere_on_chain(desk: Desk, reason_key: str) -> None:
    image = anchored(desk, enrolled(desk, "silent"))
    why = (*saying(desk), "--reason-key", reason_key)
    permitted = desk.must(*emergency(desk, image), *why)
    [owed] = desk.must("institution", "debts", "--key", desk.key(B))["items"]
    reviewing = ("access", "review", owed["debtId"], "--outcome", "JUSTIFIED", "--reviewer", SECOND)
    desk.must(*reviewing, *why, "--key", desk.key(B))
    lines = desk.must("access", "list", "--key", desk.key(B))["items"]
    [asked] = [line["request"] for line in lines if line["request"]["requestId"] == permitted["requestId"]]

    chain = chain_of(desk)

    decision = permitted["receipt"]["transactionHash"]
    [(call, receipt)] = [pair for pair in chain if pair[0]["hash"] == decision]
    # The keyed hash is found where it belongs, so the search would find the others.
    assert asked["reasonHash"].removeprefix("0x") in call["input"]
    assert asked["reasonHash"].removeprefix("0x") in json.dumps(receipt["logs"])
    text = TEXT.encode()
    telling = (TEXT, text.hex(), hashlib.sha256(text).hexdigest(), keccak(text).hex())
    everything = json.dumps(chain)
    assert [found for found in telling if found in everything] == []
