"""Rules 9 and 10: results and images that travel, and the end of a record."""

from __future__ import annotations

from by_hand.desk import A, B, Desk, value
from by_hand.patients import asking, enrolled, granted, staff, taking_in


def recognition(desk: Desk) -> None:
    """Rule 9."""
    patient = enrolled(desk, "wei")
    consent = granted(desk, patient)
    desk.rule(
        9,
        "Mutual recognition",
        "A result is marked, hospital B says what it made of it, both count; images are compared with their study.",
    )
    doctor = staff(desk, "dr-li")
    said = f"consentry record recognise {patient.image} --practitioner {doctor} --key {B}.key"
    desk.type(said, status=1)
    desk.type(
        f"consentry record mark {patient.image} --item 250101 --scope provincial --region 330000 --key {A}.key",
        status=1,
    )
    desk.type(f"consentry record mark {patient.image} --item 250101 --scope national --key {A}.key")
    desk.type(f"{said} --reason quality_doubted", status=1)
    desk.type(f"{said} --reason quality_doubted --explained")
    desk.type(said)
    desk.type(f"consentry record recognise {patient.image} --practitioner {doctor} --key {A}.key", status=1)
    desk.type(f"consentry institution recognitions --key {B}.key")
    desk.type(f"consentry institution recognitions --key {A}.key")
    described = f"--subject {patient.subject} --sensitivity 3 --month 2004-01 --key {A}.key"
    study = desk.take("recordId", f"consentry study register slice1.dcm slice2.dcm {described}")
    desk.type(asking(desk, study, f"--consent {consent} --out study.json"))
    compare = f"consentry study compare --study {study} --study-file study.json --key {B}.key"
    desk.type(f"{compare} slice2.dcm relabelled.dcm")
    desk.type(f"{compare} touched.dcm ct.dcm", status=1)


def ends(desk: Desk) -> None:
    """Rule 10."""
    patient = enrolled(desk, "jiang")
    consent = granted(desk, patient, "--category LABORATORY")
    old = value("recordId", desk.do(taking_in("ct.dcm", patient.subject, "laboratory", 3, "1996-05")))
    desk.rule(
        10,
        "Correction, erasure, retention",
        "A record is corrected, restricted, and erased by two officers; the deletion is attested.",
    )
    about = f"--record-id {patient.image} --institution {desk.address(A)} --subject-id {patient.subject}"
    own = f"--key {patient.name}.key"
    desk.type(f"consentry act correction-request {about} --reason-hash 0x{'2c' * 32} {own}")
    better = taking_in("better.dcm", patient.subject)
    newer = desk.take("recordId", f"{better} --previous {patient.image}")
    desk.type(f"{better} --previous {patient.image}", status=1)
    desk.type(asking(desk, patient.image, f"--consent {consent}"), status=1)
    restrict = f"consentry record restrict {newer} --reason accuracy_disputed --key {A}.key"
    desk.type(restrict)
    desk.type(asking(desk, newer, f"--consent {consent}"), status=1)
    desk.type(f"{restrict} --lift")
    desk.type(asking(desk, newer, f"--consent {consent}"))
    desk.say("Two people of the hospital become officers for erasures, each with a key of its own.")
    for name in ("first", "second"):
        desk.do(f"consentry key new {name}.key")
        signer = value("signer", desk.do(f"consentry key show {name}.key"))
        admission = f"consentry act erasure-officer-admission --institution {desk.address(A)} --officer {signer}"
        desk.type(f"{admission} --key {A}.key --key {name}.key")
    erase = f"consentry record erase {old} --key {A}.key --reason"
    both = "--officer first.key --officer second.key"
    desk.type(f"{erase} retention_over --officer first.key", status=2)
    desk.type(f"{erase} retention_over --officer first.key --officer first.key", status=1)
    young = value("recordId", desk.do(taking_in("ct.dcm", patient.subject, "laboratory", 3, "2024-01")))
    desk.type(f"consentry record erase {young} --key {A}.key --reason retention_over {both}", status=1)
    desk.type(f"{erase} subject_request {both}", status=1)
    asked = about.replace(patient.image, old)
    desk.type(f"consentry act erasure-request {asked} {own}")
    desk.type(f"consentry record attest {old} --key {A}.key", status=1)
    desk.type(f"{erase} subject_request {both}")
    desk.type(asking(desk, old, f"--consent {consent}"), status=1)
    desk.type(f"consentry record attest {old} --key {A}.key")
    desk.type(f"consentry record list {patient.own}")
