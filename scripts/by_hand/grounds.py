"""Rules 6 and 7: what is looked at without a consent, and what it costs whoever looks."""

from __future__ import annotations

import time

from by_hand.desk import A, B, Desk
from by_hand.patients import asking, enrolled, granted, staff


def emergencies(desk: Desk) -> None:
    """Rule 6."""
    patient, careful = enrolled(desk, "feng"), enrolled(desk, "chen")
    doctor, officer = staff(desk, "dr-li"), staff(desk, "privacy-officer")
    desk.rule(6, "Break-glass", "An emergency access is permitted, and owes a notice and a review by a second person.")
    desk.type("consentry key new reason.key")
    why = "--reason-file reason.txt --reason-key reason.key"
    look = asking(desk, patient.image, "--emergency --reason-code UNCONSCIOUS")
    desk.type(look, status=2)
    desk.type(f"{look} {why} --purpose TREAT", status=1)
    desk.type(f"{look} {why} --out urgent.dcm")
    debt = _first(desk.type(f"consentry institution debts --key {B}.key"))
    review = f"consentry access review {debt} --outcome JUSTIFIED {why} --key {B}.key --reviewer"
    desk.type(f"{review} {doctor}", status=1)
    desk.type(f"{review} {officer}")
    told = f"--subject-id {patient.subject} --institution {desk.address(B)} --notice-hash 0x{'0e' * 32} --by CUSTODIAN"
    sent = time.strftime("'%Y-%m-%d %H:%M:%S'", time.gmtime())
    desk.type(f"consentry act emergency-notice --debt-id {debt} {told} --sent-at 2026-01-01 --key {A}.key", status=1)
    desk.type(f"consentry act emergency-notice --debt-id {debt} {told} --sent-at {sent} --key {A}.key")
    desk.type(f"consentry institution debts --key {B}.key")
    desk.type(f"consentry subject emergencies {patient.subject} --key {patient.name}.key")
    desk.say(
        "A debt is overdue after 72 hours; tests set the clock: `tests/contracts/test_emergency_debts.py`."
        " Another patient forbids emergencies in advance."
    )
    answers = f"--subject-id {careful.subject} --emergency forbid --relatives allow"
    desk.type(f"consentry act directive {answers} --key {careful.name}.key")
    desk.type(f"{look.replace(patient.image, careful.image)} {why}", status=1)


def _first(listed: str) -> str:
    return listed.splitlines()[1].split()[0]


def authorisations(desk: Desk) -> None:
    """Rule 7."""
    patient = enrolled(desk, "chu")
    desk.rule(
        7,
        "Other legal bases",
        "An authority lets hospital B look for public health; the log says so, and shows no consent.",
    )
    until = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 90 * 86_400))
    since = time.strftime("%Y-%m-%d", time.gmtime())
    scope = (
        f"--institution {desk.address(B)} --basis PUBLIC_HEALTH --purposes PUBHLTH --categories IMAGING --actions VIEW"
        f" --max-sensitivity 3 --data-from 2003-01 --data-until 2005-12 --valid-from {since} --valid-until {until}"
        f" --basis-text-hash 0x{'1a' * 32}"
    )
    give = "consentry act standing-authorisation --authority"
    desk.type(f"{give} {desk.address('province-44')} {scope} --key province-44.key", status=1)
    desk.type(
        f"{give} {desk.address('province-33')} {scope.replace(until, '2099-01-01')} --key province-33.key", status=1
    )
    given = desk.take("actHash", f"{give} {desk.address('province-33')} {scope} --key province-33.key")
    look = asking(desk, patient.image, f"--authorisation {given}")
    desk.type(look)
    desk.type(f"{look} --basis STATUTORY_DUTY", status=1)
    desk.type(f"{look} --action STORE", status=1)
    desk.type(f"{look} --consent {granted(desk, patient)}", status=2)
    desk.type(asking(desk, patient.image, f"--authorisation 0x{'aa' * 32}"), status=1)
    named = f"--authorisation-id {given} --authority {desk.address('province-33')} --institution {desk.address(B)}"
    desk.type(f"consentry act authorisation-withdrawal {named} --key province-33.key")
    desk.type(look, status=1)
    desk.type(f"consentry history {patient.subject} --key {patient.name}.key")
