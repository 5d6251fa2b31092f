"""Rules 3, 4, 5, 8 and 11: what a patient grants, denies, excludes and takes back."""

from __future__ import annotations

import time

from by_hand.desk import B, Desk, value
from by_hand.patients import MONTHS, asking, enrolled, granted, preparing, staff, taking_in

NOTICE = f"--notice-hash 0x{'0e' * 32} --notice-version 4"
EVIDENCE = f"0x{'3e' * 32}"


def exclusions(desk: Desk) -> None:
    """Rule 3."""
    patient = enrolled(desk, "zhao")
    consent = granted(desk, patient)
    other = staff(desk, "dr-wang")
    desk.rule(3, "Exclusions", "A named deny beats the consent that stands, until it is lifted.")
    read, named = asking(desk, patient.image, f"--consent {consent}"), f"--subject-id {patient.subject} --kind"
    key = f"--key {patient.name}.key"
    desk.type(f"consentry act exclusion {named} institution --target {desk.address(B)} {key}")
    desk.type(read, status=1)
    desk.type(f"consentry act exclusion {named} institution --target {desk.address(B)} {key}", status=1)
    desk.type(f"consentry act exclusion-lift {named} institution --target {desk.address(B)} --key {B}.key", status=1)
    desk.type(f"consentry act exclusion-lift {named} institution --target {desk.address(B)} {key}")
    desk.type(f"consentry act exclusion {named} practitioner --target {other} {key}")
    desk.type(read)
    desk.type(read.replace(staff(desk, "dr-li"), other), status=1)
    desk.type(f"consentry act exclusion {named} category --target IMAGING {key}")
    desk.type(read, status=1)
    desk.type(f"consentry act list {patient.own}")


def asks(desk: Desk) -> None:
    """Rule 4."""
    patient = enrolled(desk, "qian")
    desk.rule(
        4,
        "Requests and refusals",
        "A hospital asks, the patient grants less; asked again it denies, and the same cannot be asked again soon.",
    )
    ask = (
        f"consentry act consent-ask --institution {desk.address(B)} --subject-id {patient.subject} --purpose TREAT"
        f" --categories IMAGING,LABORATORY --actions VIEW --max-sensitivity 3 {MONTHS}"
        f" --valid-until 2099-01-01 --max-uses 9 --lapses-at {_in_days(2)} {NOTICE} --key {B}.key"
    )
    first = desk.take("actHash", ask)
    desk.type(ask, status=1)
    desk.type(f"consentry consent asks {patient.own}")
    desk.type(f"consentry consent answer {first} {patient.own} --uses 10 --yes", status=2)
    less = "--category IMAGING --uses 1 --days 7 --yes"
    consent = desk.take("consentId", f"consentry consent answer {first} {patient.own} {less}", cut=True)
    desk.type(asking(desk, patient.image, f"--consent {consent}"))
    second = desk.take("actHash", ask)
    desk.type(f"consentry consent deny {second} {patient.own}")
    desk.type(ask, status=1)
    desk.type(f"consentry consent answer {second} {patient.own} --yes", status=1, cut=True)
    desk.type(f"consentry consent asks {patient.own}")


def _in_days(days: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 86_400))


def assisted(desk: Desk) -> None:
    """Rule 5."""
    patient = enrolled(desk, "sun")
    desk.rule(5, "Assisted consent", "Staff prepare, the patient alone completes, and can undo it.")
    assisted = "--assurance STAFF_ASSISTED"
    desk.type(
        preparing(desk, patient, "help.json", f"{assisted} --action VIEW --action STORE --erase-by 2099-01-01"),
        status=2,
    )
    consent = desk.take("consentId", preparing(desk, patient, "help.json", assisted))
    grant = "consentry consent grant help.json --yes --key"
    desk.type(f"{grant} {patient.name}.key", status=1, cut=True)
    desk.type(
        f"consentry act assistance --consent-id {consent} --subject-id {patient.subject}"
        f" --institution {desk.address(B)} --practitioner {staff(desk, 'nurse-wu')}"
        f" --evidence-hash {EVIDENCE} --key {B}.key"
    )
    desk.type(f"{grant} {B}.key", status=1, cut=True)
    desk.type(f"{grant} {patient.name}.key", cut=True)
    desk.type(f"consentry consent list {patient.own}")
    desk.type(f"consentry consent undo {consent} --key {patient.name}.key")
    desk.type(f"consentry institution assisted --key {B}.key")
    desk.type(f"{grant} {patient.name}.key", status=1, cut=True)


def limits(desk: Desk) -> None:
    """Rule 8."""
    patient = enrolled(desk, "li")
    once = granted(desk, patient, "--uses 1")
    desk.rule(8, "Limits in the contract", "Uses of a consent, accesses of a day, and a record of level 5.")
    desk.type(asking(desk, patient.image, f"--consent {once}"))
    desk.type(asking(desk, patient.image, f"--consent {once}"), status=1)
    desk.type(preparing(desk, patient, "all.json", "--max-sensitivity 5"), status=2)
    wide = granted(desk, patient, "--max-sensitivity 4 --uses unlimited")
    desk.say("A consent to whole categories never covers level 5, whatever it says.")
    secret = desk.take("recordId", taking_in("ct.dcm", patient.subject, sensitivity=5))
    desk.type(asking(desk, secret, f"--consent {wide}"), status=1)
    desk.say("Two officers of the role AUDIT set what an institution may do in a day.")
    for name in ("audit-1", "audit-2"):
        account = value("signer", desk.do(f"consentry key new {name}.key"))
        for officer in ("national", "national-2"):
            desk.do(
                f"consentry authority appoint {desk.address('national')} {account} --role AUDIT --key {officer}.key"
            )
    limit = f"consentry institution limit {desk.address(B)} --daily"
    desk.type(f"{limit} 1 --key province-33.key", status=1)
    desk.type(f"{limit} 1 --key audit-1.key")
    desk.type(f"{limit} 1 --key audit-2.key")
    desk.type(asking(desk, patient.image, f"--consent {wide}"), status=1)
    desk.type(f"{limit} 0 --key audit-1.key")
    desk.type(f"{limit} 0 --key audit-2.key")
    desk.type(asking(desk, patient.image, f"--consent {wide}"))


def revocations(desk: Desk) -> None:
    """Rule 11."""
    patient = enrolled(desk, "zhou")
    consent = granted(desk, patient, "--action VIEW --action STORE --erase-by 2099-01-01")
    desk.do(asking(desk, patient.image, f"--consent {consent} --action STORE"))
    desk.rule(
        11,
        "Revocation with evidence",
        "What hospital B owes after a revocation of a consent under which it stored a copy.",
    )
    about = f"--consent-id {consent} --institution {desk.address(B)} --subject-id {patient.subject} --key {B}.key"
    desk.type(f"consentry act revocation-acknowledgement {about} --copies KEPT", status=1)
    desk.type(f"consentry consent revoke {consent} --key {patient.name}.key")
    desk.type(asking(desk, patient.image, f"--consent {consent}"), status=1)
    desk.type(f"consentry institution duties --key {B}.key")
    desk.type(f"consentry act revocation-acknowledgement {about} --copies KEPT")
    who = f"--practitioner {staff(desk, 'nurse-wu')}"
    desk.type(f"consentry act erasure-attestation {about} --copies 1 --erased-at 2099-01-01 {who}", status=1)
    erased = time.strftime("'%Y-%m-%d %H:%M:%S'", time.gmtime())
    desk.type(f"consentry act erasure-attestation {about} --copies 1 --erased-at {erased} {who}")
    desk.type(f"consentry act erasure-attestation {about} --copies 1 --erased-at {erased} {who}", status=1)
    desk.type(f"consentry institution duties --key {B}.key")
    desk.say(
        "The custodian owes its word as well; it is overdue after 24 hours: `tests/contracts/test_revocations.py`."
    )
    desk.type("consentry institution duties --key hospital-a.key")
