"""Who is there before a rule is tried: patients with a record, hospital B with a member of its staff."""

from __future__ import annotations

from dataclasses import dataclass

from by_hand.desk import A, B, Desk, value

MONTHS = "--data-from 2003-01 --data-until 2005-12"
HOSPITAL_B = f"--key {B}.key --release-key {B}.release"


@dataclass(frozen=True)
class Patient:
    """A patient of hospital A, who has one image there."""

    name: str
    subject: str
    image: str

    @property
    def own(self) -> str:
        """Gives the options with which the patient asks about itself."""
        return f"--subject {self.subject} --key {self.name}.key"


def enrolled(desk: Desk, name: str) -> Patient:
    """Enrols a patient and has an image taken in, without a word in the transcript."""
    desk.do(f"consentry key new {name}.key")
    subject = value("subjectId", desk.do(f"consentry subject enrol --patient-key {name}.key --key {A}.key"))
    return Patient(name, subject, value("recordId", desk.do(taking_in("ct.dcm", subject))))


def taking_in(file: str, subject: str, category: str = "imaging", sensitivity: int = 3, month: str = "2004-01") -> str:
    """Gives the command with which hospital A takes a record in."""
    described = f"--category {category} --sensitivity {sensitivity} --month {month}"
    return f"consentry record add {file} --subject {subject} {described} --key {A}.key"


def preparing(desk: Desk, patient: Patient, file: str, more: str = "") -> str:
    """Gives the command that prepares a consent for hospital B."""
    usual = [("--max-sensitivity", "3"), ("--uses", "9")]
    rest = " ".join([*(f"{option} {usually}" for option, usually in usual if option not in more), MONTHS, more])
    named = f"--subject {patient.subject} --to {desk.address(B)} --category IMAGING {rest}".rstrip()
    return f"consentry consent prepare {named} --out {file} --key {patient.name}.key"


def granted(desk: Desk, patient: Patient, more: str = "") -> str:
    """Has a patient grant hospital B access to images, without a word in the transcript; gives the consent id."""
    desk.do(preparing(desk, patient, f"{patient.name}.json", more))
    done = desk.do(f"consentry consent grant {patient.name}.json --yes --key {patient.name}.key")
    return value("consentId", done)


def asking(desk: Desk, record: str, ground: str) -> str:
    """Gives the command with which Dr Li of hospital B asks for a record."""
    return f"consentry access request {record} {ground} --practitioner {staff(desk, 'dr-li')} {HOSPITAL_B}"


def staff(desk: Desk, name: str) -> str:
    """Gives the pseudonym of somebody in hospital B."""
    known = desk.known.get(name)
    if known is None:
        known = value("practitioner", desk.do(f"consentry key practitioner {name} --secret staff.secret"))
        desk.known[name] = known
    return known


def begin(desk: Desk) -> None:
    """Plays what everything else rests on: keys, an enrolment, a record, a consent, an access."""
    desk.section("Before the rules", "A patient, a record at hospital A, and hospital B, which may look at it.")
    desk.type("consentry key new patient.key")
    subject = desk.take("subjectId", f"consentry subject enrol --patient-key patient.key --key {A}.key")
    record = desk.take("recordId", taking_in("ct.dcm", subject))
    patient = Patient("patient", subject, record)
    desk.type(preparing(desk, patient, "consent.json"))
    consent = desk.take("consentId", "consentry consent grant consent.json --yes --key patient.key", cut=True)
    desk.type("consentry key practitioner dr-li --secret staff.secret")
    desk.type(asking(desk, record, f"--consent {consent}") + " --out opened.dcm")
    desk.type("cmp opened.dcm ct.dcm")
    desk.type(f"consentry history {subject} --key patient.key")
