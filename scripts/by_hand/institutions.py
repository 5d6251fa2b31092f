"""Rules 13 and 14: who governs, and many records under one signature."""

from __future__ import annotations

from by_hand.desk import B, Desk, value
from by_hand.patients import HOSPITAL_B, asking, enrolled, granted, staff, taking_in


def governance(desk: Desk) -> None:
    """Rule 13."""
    patient = enrolled(desk, "shen")
    consent = granted(desk, patient)
    new = value("signer", desk.do("consentry key new hospital-c.key"))
    desk.do("consentry key new --kind release hospital-c.release")
    desk.do("consentry key show --release hospital-c.release > hospital-c.release.pub")
    system = value("signer", desk.do("consentry key new system-1.key"))
    desk.rule(
        13,
        "Governance",
        "One officer proposes, another one does it; an emergency suspension works at once; no account combines roles.",
    )
    admit = f"consentry institution admit {new} --region 330200 --release-key-file hospital-c.release.pub --key"
    desk.type(f"{admit} province-44.key", status=1)
    desk.type(f"{admit} province-33.key")
    desk.type(f"{admit} province-33.key", status=1)
    desk.type("consentry authority pending")
    desk.type(f"{admit} province-33-2.key")
    desk.say("System, security and audit are apart.")
    appoint = f"consentry authority appoint {desk.address('national')} {system} --key"
    for officer in ("national", "national-2"):
        desk.type(f"{appoint} {officer}.key --role SYSTEM")
    desk.type(f"{appoint} national.key --role AUDIT")
    desk.type(f"{appoint} national-2.key --role AUDIT", status=1)
    verifier = f"0x{'7a' * 20}"
    desk.type(f"consentry authority admit-verifier {verifier} --key national.key", status=1)
    desk.type(f"consentry authority admit-verifier {verifier} --key system-1.key")
    desk.say("One officer stops an institution at once; that ends after 72 hours unless another one suspends it.")
    read = asking(desk, patient.image, f"--consent {consent}")
    suspend = f"consentry institution suspend {desk.address(B)} --key"
    desk.type(f"{suspend} {B}.key --emergency", status=1)
    desk.type(f"{suspend} province-33.key --emergency")
    desk.type(read, status=1)
    back = f"consentry institution reinstate {desk.address(B)} --key"
    desk.type(f"{back} province-33.key")
    desk.type(f"{back} province-33-2.key")
    desk.type(read)


def bulk(desk: Desk) -> None:
    """Rule 14."""
    first, second = enrolled(desk, "han"), enrolled(desk, "yang")
    other = value("recordId", desk.do(taking_in("ct.dcm", first.subject)))
    consents = granted(desk, first), granted(desk, second)
    desk.do(f"consentry consent revoke {consents[1]} --key {second.name}.key")
    desk.rule(
        14,
        "Bulk requests",
        "One signature over many requests; each is decided and logged on its own, and each is proved on its own.",
    )
    desk.type(f"printf '%s\\n' '# ward 3' {other} {second.image}:{consents[1]} > ward.txt")
    who = f"--practitioner {staff(desk, 'dr-li')}"
    many = f"consentry access request-many {first.image} --from ward.txt --consent {consents[0]} {who}"
    answered = desk.type(f"{many} {HOSPITAL_B} --out opened", status=1)
    desk.type(f"{many} {HOSPITAL_B} --each-signed", status=1)
    unknown = f"0x{'44' * 32}"
    desk.type(many.replace(first.image, unknown) + f" {HOSPITAL_B}", status=1)
    request = answered.splitlines()[2].split()[3]
    desk.type(f"consentry access prove {request} --institution {desk.address(B)} --trust-root-out bulk.json")
    desk.type("consentry verify evidence.json --trust-root bulk.json")
    desk.type(f"consentry history {first.subject} --key {first.name}.key")
    desk.type("consentry audit --chain-only")
