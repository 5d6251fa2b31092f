"""An emergency at the command lines: asked for, listed, told to the patient, reviewed, proved."""

from __future__ import annotations

import secrets

import pytest

from consentry.evidence.notation import bytes_of
from tests.integration.test_commands import SOMEBODY, A, B, Desk, anchored, desk, enrolled

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


def test_emergency_is_asked_told_and_reviewed(desk: Desk, reason_key: str) -> None:
    image = anchored(desk, enrolled(desk, "urgent"))
    named = ("access", "request", image.record, "--practitioner", SOMEBODY, "--key", desk.key(B))
    asking = (*named, "--release-key", desk.key(f"{B}-release"), "--emergency", "--reason-code", "UNCONSCIOUS")
    words = desk.folder / "reason.txt"
    words.touch(0o600)
    words.write_text(TEXT + "\n")
    why = ("--reason-file", words.name, "--reason-key", reason_key)
    assert "--reason-key" in desk.refused(2, *asking, "--reason-file", words.name)

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
    lines = desk.must("access", "list", "--key", desk.key(B))["items"]
    hashes = [bytes_of(line["request"]["reasonHash"]) for line in lines]

    assert all(len(found) == 32 for found in hashes)
    assert TEXT not in str(lines)
    assert reason_key
