"""Guardians and keys at the command line: a child and its grandparents, a council; a key that is lost and recovered."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from consentry.demo.network import HOSPITALS, PROVINCES
from tests.integration.test_commands import MONTHS, Desk, anchored, asking, desk_in, enrolled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
A, B = (party.name for party in HOSPITALS)
PROVINCE = PROVINCES[0][0]
EVIDENCE = "0x" + "3e" * 32
RECOVERY_SECONDS = 1


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk_in(tmp_path_factory, recoveryDelay=RECOVERY_SECONDS) as made:
        yield made


def signer(desk: Desk, name: str, kind: str = "account") -> str:
    """Draws a key; gives its signer."""
    return str(desk.must("key", "new", f"{name}.key", "--kind", kind)["signer"])


def test_council_of_grandparents_grants_for_a_child(desk: Desk) -> None:
    subject = enrolled(desk, "child")
    image = anchored(desk, subject)
    born = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 6 * 365.25 * 86_400))
    end = desk.must("subject", "minor-until", "--born", born)["day"]
    about = ("--subject-id", subject, "--evidence-hash", EVIDENCE)
    desk.must("act", "circumstances", *about, "--minor-until", end, "--key", desk.key(A))
    members = [signer(desk, "grandmother"), signer(desk, "grandfather", "p256"), signer(desk, "uncle")]
    named = [option for member in members for option in ("--member", member)]
    council = desk.must("key", "council", "council.json", "--threshold", "2", *named)["signer"]

    kind = ("--guardian", council, "--kind", "parent", "--scopes", "grant,revoke,see", "--valid-until", end)
    begun = desk.must("act", "guardian-appointment", *about, *kind, "--out", "act.json")
    assert begun["toSign"].startswith("guardian, ")
    as_member = ("--as-council", "council.json", "--out", "act.json")
    first = desk.must("act", "sign", "act.json", "--key", "grandmother.key", *as_member)
    assert first["toSign"].startswith("1 more of the council, ")
    stranger = desk.refused(2, "act", "sign", "act.json", "--key", "child.key", *as_member)
    assert "expected a member's" in stranger
    second = desk.must("act", "sign", "act.json", "--key", "grandfather.key", *as_member)
    assert second["toSign"].startswith("subject for a delegate")
    desk.must("act", "sign", "act.json", "--key", desk.key(A), "--out", "act.json")
    done = desk.must("act", "send", "act.json", "--key", "uncle.key")

    to = "0x" + desk.network.key(B).address.hex()
    scope = ("--max-sensitivity", "3", "--uses", "5", *MONTHS, "--category", "IMAGING", "--guardian", done["actHash"])
    wanted = ("--subject", subject, "--to", to, *scope, "--out", "consent.json")
    desk.must("consent", "prepare", *wanted, "--key", "uncle.key")
    sign = ("consent", "grant", "consent.json", "--yes", "--as-council", "council.json")
    assert desk.must(*sign, "--key", "uncle.key")["toSign"] == "1 more of the council"
    consent = str(desk.must(*sign, "--key", "grandmother.key", *desk.node)["consentId"])

    assert desk.must(*asking(desk, image, consent, "--out", "image.dcm"))
    [shown] = desk.must("consent", "list", "--subject", subject, "--key", "child.key")["items"]
    assert (shown["consentId"], shown["needsReconsent"]) == (consent, False)
    back = ("consent", "revoke", consent, "--guardian", done["actHash"], "--as-council", "council.json")
    assert "--terms FILE" in desk.refused(2, *back, "--key", "uncle.key")
    signed = (*back, "--terms", "consent.json")
    assert desk.must(*signed, "--key", "grandfather.key")["toSign"] == "1 more of the council"
    assert desk.must(*signed, "--key", "uncle.key", *desk.node)["status"] == "REVOKED"
    assert desk.must("audit", "--chain-only", CONSENTRY_MANIFEST=str(desk.network.manifest_path))["findings"] == []


def test_lost_key_is_recovered_in_public_and_rotated(desk: Desk) -> None:
    subject = enrolled(desk, "patient")
    new, third = signer(desk, "new", "passkey"), signer(desk, "third")
    who = "0x" + desk.network.key(PROVINCE).address.hex()
    asked = ("--subject-id", subject, "--signer", new, "--by", "authority", "--proposer", who)
    keys = ("--key", "new.key", "--key", desk.key(PROVINCE))
    recovery = desk.must("act", "recovery-proposal", *asked, "--evidence-hash", EVIDENCE, *keys)["actHash"]
    complete = ("act", "recovery-completion", "--subject-id", subject, "--recovery", recovery, "--key", "new.key")
    objected = ("--recovery", recovery, "--by", "signer", "--key", "patient.key")
    [shown] = desk.must("act", "list", "--subject", subject, "--key", "patient.key")["items"]
    assert shown["actHash"] == recovery

    time.sleep(RECOVERY_SECONDS)  # the delay is what is tried
    desk.must(*complete)

    late = desk.refused(1, "act", "recovery-objection", "--subject-id", subject, *objected)
    assert "SignerKeysRecoveryUnknown" in late
    assert desk.must("subject", "list", "--key", "patient.key")["items"] == []
    [own] = desk.must("subject", "list", "--key", "new.key")["items"]
    assert (own["subjectId"], own["actingAs"]) == (subject, "SUBJECT")
    rotate = ("act", "signer-rotation", "--subject-id", subject, "--signer", third)
    desk.must(*rotate, "--key", "new.key", "--key", "third.key")
    kinds = [item["kind"] for item in desk.must("act", "list", "--subject", subject, "--key", "third.key")["items"]]
    assert kinds == ["recovery-proposal", "recovery-completion", "signer-rotation"]
    assert desk.must("audit", "--chain-only", CONSENTRY_MANIFEST=str(desk.network.manifest_path))["findings"] == []


def test_card_takes_back_by_the_id_alone(desk: Desk) -> None:
    subject = enrolled(desk, "holder")
    card = signer(desk, "card", "p256")
    keys = ("--key", "holder.key", "--key", "card.key")
    desk.must("act", "card-registration", "--subject-id", subject, "--signer", card, *keys)
    to = "0x" + desk.network.key(B).address.hex()
    scope = ("--max-sensitivity", "3", *MONTHS, "--category", "IMAGING", "--assurance", "CARD_AND_CODE")
    desk.must("consent", "prepare", "--subject", subject, "--to", to, *scope, "--out", "by-card.json", *keys[2:])
    consent = str(desk.must("consent", "grant", "by-card.json", "--yes", *keys[2:], *desk.node)["consentId"])
    desk.refused(1, "consent", "revoke", consent, "--key", desk.key(A))

    desk.must("consent", "revoke", consent, *keys[2:], *desk.node)

    [shown] = desk.must("consent", "list", "--subject", subject, "--key", "holder.key")["items"]
    assert (shown["consentId"], shown["status"]) == (consent, "REVOKED")
    assert desk.must("audit", "--chain-only", CONSENTRY_MANIFEST=str(desk.network.manifest_path))["findings"] == []
