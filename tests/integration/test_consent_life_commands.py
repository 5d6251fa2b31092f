"""Asks, denials, assisted consents, exclusions and duties at command lines, each command a process of its own."""

from __future__ import annotations

import pytest

from tests.integration.test_commands import A, B, Desk, anchored, asking, denied, desk, enrolled, granted

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
__all__ = ["desk"]
NOTICE = ("--notice-hash", "0x" + "0e" * 32, "--notice-version", "4")
STAFF = "0x" + "5d" * 32


def ask(desk: Desk, subject: str, *more: str) -> tuple[str, ...]:
    """Gives the command with which hospital B asks for images and laboratory reports."""
    scope = ("--categories", "IMAGING,LABORATORY", "--actions", "VIEW", "--max-sensitivity", "3")
    months = ("--data-from", "2003-01", "--data-until", "2005-12")
    ends = ("--valid-until", "2099-01-01", "--max-uses", "9", "--lapses-at", more[0] if more else soon())
    who = ("--institution", "0x" + desk.network.key(B).address.hex(), "--subject-id", subject, "--purpose", "TREAT")
    return ("act", "consent-ask", *who, *scope, *months, *ends, *NOTICE, "--key", desk.key(B))


def soon() -> str:
    """Gives a moment in two days."""
    import time  # noqa: PLC0415 - nothing else here needs the clock

    return str(int(time.time()) + 2 * 86_400)


def test_ask_is_answered_with_less_and_denied_the_next_time(desk: Desk) -> None:
    image = anchored(desk, enrolled(desk, "asked"))
    first = desk.must(*ask(desk, image.subject))["actHash"]
    [shown] = desk.must("consent", "asks", "--subject", image.subject, "--key", "asked.key")["items"]
    mine = ("--subject", image.subject, "--key", "asked.key")
    wider = desk.refused(2, "consent", "answer", first, *mine, "--uses", "10", "--yes")
    answered = desk.must("consent", "answer", first, *mine, "--category", "IMAGING", "--uses", "1", "--yes")
    desk.must(*asking(desk, image, answered["consentId"]))
    used_up = denied(desk, *asking(desk, image, answered["consentId"]))

    second = desk.must(*ask(desk, image.subject))["actHash"]
    desk.must("consent", "deny", second, *mine)
    again = desk.run(*ask(desk, image.subject))
    listed = desk.must("consent", "asks", "--subject", image.subject, "--key", "asked.key")["items"]

    assert (shown["askId"], shown["status"]) == (first, "OPEN")
    assert "wider than what was asked" in wider
    assert used_up["reason"] == "USES_EXHAUSTED"
    assert (again.returncode, "AsksCoolingDown" in again.stderr) == (1, True)
    assert [item["status"] for item in listed] == ["ANSWERED", "DENIED"]


def test_staff_prepare_the_patient_completes_and_undoes(desk: Desk) -> None:
    image = anchored(desk, enrolled(desk, "helped"))
    hospital = "0x" + desk.network.key(B).address.hex()
    wanted = ("--subject", image.subject, "--to", hospital, "--max-sensitivity", "3", "--category", "IMAGING")
    months = ("--data-from", "2003-01", "--data-until", "2005-12", "--assurance", "STAFF_ASSISTED")
    prepared = desk.must("consent", "prepare", *wanted, *months, "--out", "helped.json", "--key", "helped.key")
    told = prepared["notice"]["text"]
    early = desk.run("consent", "grant", "helped.json", "--yes", "--key", "helped.key")
    members = ("--consent-id", prepared["consentId"], "--subject-id", image.subject, "--institution", hospital)
    evidence = ("--practitioner", STAFF, "--evidence-hash", "0x" + "0f" * 32)
    desk.must("act", "assistance", *members, *evidence, "--key", desk.key(B))
    by_staff = desk.run("consent", "grant", "helped.json", "--yes", "--key", desk.key(B))
    desk.must("consent", "grant", "helped.json", "--yes", "--key", "helped.key")
    listed = desk.run("consent", "list", "--subject", image.subject, "--key", "helped.key").stdout
    undone = desk.must("consent", "undo", prepared["consentId"], "--key", "helped.key")

    assert "staff prepared this with you" in told
    assert (early.returncode, "AssistedGrantsNotPrepared" in early.stderr) == (1, True)
    assert by_staff.returncode == 1
    assert "STAFF_ASSISTED" in listed
    assert undone["status"] == "REVOKED"


def test_exclusion_at_the_command_line(desk: Desk) -> None:
    subject = enrolled(desk, "excluding")
    named = ("--subject-id", subject, "--kind", "INSTITUTION", "--target", "0x" + desk.network.key(B).address.hex())
    desk.must("act", "exclusion", *named, "--key", "excluding.key")
    twice = desk.run("act", "exclusion", *named, "--key", "excluding.key")
    desk.must("act", "exclusion-lift", *named, "--key", "excluding.key")
    kinds = [item["kind"] for item in desk.must("act", "list", "--subject", subject, "--key", "excluding.key")["items"]]

    assert (twice.returncode, "ExclusionsAlreadyMade" in twice.stderr) == (1, True)
    assert kinds == ["exclusion", "exclusion-lift"]


def test_duties_after_a_revocation(desk: Desk) -> None:
    image = anchored(desk, enrolled(desk, "leaving"))
    scope = ("--category", "IMAGING", "--action", "VIEW", "--action", "STORE", "--erase-by", "2099-01-01")
    consent = granted(desk, image, "leaving.key", "leaving.json", *scope)
    desk.must(*asking(desk, image, consent, "--action", "STORE"))
    desk.must("consent", "revoke", consent, "--key", "leaving.key")
    mine = ("institution", "duties", "--key", desk.key(B))
    owed = [item["kind"] for item in desk.must(*mine)["items"] if item["consentId"] == consent]
    hospital = "0x" + desk.network.key(B).address.hex()
    about = ("--consent-id", consent, "--institution", hospital, "--subject-id", image.subject, "--key", desk.key(B))
    desk.must("act", "revocation-acknowledgement", "--copies", "KEPT", *about)
    erased = ("--copies", "1", "--erased-at", "2026-01-01", "--practitioner", STAFF)
    desk.must("act", "erasure-attestation", *erased, *about)
    custodian = desk.must("institution", "duties", "--key", desk.key(A))["items"]

    assert owed == ["ACKNOWLEDGE", "ERASE"]
    assert consent not in {item["consentId"] for item in desk.must(*mine)["items"]}
    assert consent in {item["consentId"] for item in custodian}
