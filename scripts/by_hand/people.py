"""Rules 1, 2 and 12: who signs for a patient, with which key, and which subjects are one person."""

from __future__ import annotations

import time

from by_hand.desk import A, B, Desk, value
from by_hand.patients import HOSPITAL_B, Patient, asking, enrolled, granted, preparing

EVIDENCE = f"0x{'3e' * 32}"
_YEAR = 365.25 * 86_400
ID_NUMBER, INSURANCE = "11010519491231002X", "440106000012345"


def guardians(desk: Desk) -> None:
    """Rule 1."""
    child = enrolled(desk, "child")
    mother, *grandparents = (_key(desk, name) for name in ("mother", "grandmother", "grandfather", "uncle"))
    desk.rule(
        1,
        "Guardians and minors",
        "A mother signs for her child until the quarter in which it comes of age; a council takes her place.",
    )
    born = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 6 * _YEAR))
    end = desk.take("day", f"consentry subject minor-until --born {born}")
    about = f"--subject-id {child.subject} --evidence-hash {EVIDENCE}"
    desk.type(f"consentry act circumstances {about} --minor-until {end} --key {A}.key")
    desk.do(preparing(desk, child, "own.json"))
    desk.type("consentry consent grant own.json --yes --key child.key", status=1, cut=True)
    parent = f"consentry act guardian-appointment {about} --kind parent --scopes grant,revoke,see"
    desk.type(f"{parent} --guardian {mother} --valid-until 2099-01-01 --key mother.key --key {A}.key", status=1)
    under = desk.take("actHash", f"{parent} --guardian {mother} --valid-until {end} --key mother.key --key {A}.key")
    as_mother = preparing(desk, child, "mother.json", f"--guardian {under}").replace("child.key", "mother.key")
    desk.type(as_mother)
    consent = desk.take("consentId", "consentry consent grant mother.json --yes --key mother.key", cut=True)
    desk.type(asking(desk, child.image, f"--consent {consent}"))
    desk.say(
        "From the day on which the minority ends an access under this consent is answered RECONSENT_NEEDED; no run is"
        " that long, so tests set the clock: `tests/contracts/test_who_grants.py`."
    )
    _removed(desk, child, under)
    _council(desk, child, parent, (end, grandparents))
    _shielded(desk, child, about, end)


def _removed(desk: Desk, child: Patient, under: str) -> None:
    removal = f"consentry act guardian-removal --appointment {under} --subject-id {child.subject} --by custodian"
    desk.type(f"{removal} --key {A}.key")
    again = preparing(desk, child, "again.json", f"--guardian {under}").replace("child.key", "mother.key")
    desk.do(again)
    desk.type("consentry consent grant again.json --yes --key mother.key", status=1, cut=True)
    desk.type("consentry subject list --key mother.key")


def _council(desk: Desk, child: Patient, parent: str, who: tuple[str, list[str]]) -> None:
    end, members = who
    desk.say("Two grandparents and an uncle become one guardian, of whom two have to sign.")
    named = " ".join(f"--member {member}" for member in members)
    council = desk.take("signer", f"consentry key council council.json --threshold 2 {named}")
    desk.type(f"{parent} --guardian {council} --valid-until {end} --out act.json")
    sign = "consentry act sign act.json --as-council council.json --out act.json --key"
    desk.type(f"{sign} grandmother.key")
    desk.type("consentry act send act.json --key uncle.key", status=2)
    desk.type(f"{sign} mother.key", status=2)
    desk.type(f"{sign} grandfather.key")
    desk.type(f"consentry act sign act.json --key {A}.key --out act.json")
    under = desk.take("actHash", "consentry act send act.json --key uncle.key")
    desk.do(preparing(desk, child, "together.json", f"--guardian {under}").replace("child.key", "uncle.key"))
    grant = "consentry consent grant together.json --yes --as-council council.json --key"
    desk.type(f"{grant} uncle.key", cut=True)
    desk.type(f"{grant} grandmother.key", cut=True)


def _shielded(desk: Desk, child: Patient, about: str, end: str) -> None:
    desk.say("The custodian shields the minor: from then on it signs for itself, and a guardian cannot undo that.")
    desk.type(f"consentry act circumstances {about} --minor-until {end} --shielded yes --key {A}.key")
    desk.do(preparing(desk, child, "shielded.json"))
    own = desk.take("consentId", "consentry consent grant shielded.json --yes --key child.key", cut=True)
    guardian = _key(desk, "father")
    appointed = f"consentry act guardian-appointment {about} --kind parent --scopes grant,revoke,see"
    under = desk.take(
        "actHash", f"{appointed} --guardian {guardian} --valid-until {end} --key father.key --key {A}.key"
    )
    desk.type(f"consentry consent revoke {own} --terms shielded.json --guardian {under} --key father.key", status=1)
    desk.type(f"consentry consent list --subject {child.subject} --key father.key")
    desk.type(f"consentry consent list {child.own}")


def _key(desk: Desk, name: str) -> str:
    return value("signer", desk.do(f"consentry key new {name}.key"))


def keys(desk: Desk) -> None:
    """Rule 2."""
    patient = enrolled(desk, "wu")
    consent = granted(desk, patient)
    new, third, card = (_key(desk, name) for name in ("new", "third", "card"))
    province = desk.address("province-44")
    desk.rule(
        2,
        "Keys",
        "A lost key is recovered in public, a key is rotated, a card is added; a hospital rotates its own keys.",
    )
    asked = f"--subject-id {patient.subject} --signer {new} --by authority"
    evidence = f"--evidence-hash {EVIDENCE}"
    wrong = f"--proposer {desk.address('province-33')} {evidence} --key new.key --key province-33.key"
    desk.type(f"consentry act recovery-proposal {asked} {wrong}", status=1)
    propose = (
        f"consentry act recovery-proposal {asked} --proposer {province} {evidence} --key new.key --key province-44.key"
    )
    first = desk.take("actHash", propose)
    objection = f"consentry act recovery-objection --subject-id {patient.subject} --by signer --key wu.key --recovery"
    desk.type(f"{objection} {first}")
    second = desk.take("actHash", propose)
    complete = f"consentry act recovery-completion --subject-id {patient.subject} --recovery {second} --key new.key"
    desk.type(complete, status=1)
    desk.type("sleep 60  # the delay of this deployment; a week unless it is set otherwise")
    desk.type(complete)
    desk.type(f"{objection} {second}", status=1)
    desk.type("consentry subject list --key wu.key")
    rotate = f"consentry act signer-rotation --subject-id {patient.subject} --signer {third} --key"
    desk.type(f"{rotate} wu.key --key third.key", status=1)
    desk.type(f"{rotate} new.key --key third.key")
    desk.type(
        f"consentry act card-registration --subject-id {patient.subject} --signer {card} --key third.key --key card.key"
    )
    desk.type(f"consentry act list --subject {patient.subject} --key third.key")
    _institution(desk, patient, consent)


def _institution(desk: Desk, patient: Patient, consent: str) -> None:
    desk.say("Hospital B rotates its keys; what it may prove from before stays provable.")
    read = asking(desk, patient.image, f"--consent {consent}")
    request = desk.take("requestId", read)
    desk.do(f"consentry key new {B}-2.key")
    desk.do(f"consentry key new --kind release {B}-2.release")
    desk.type(f"consentry key show --release {B}-2.release > {B}-2.release.pub")
    change = f"consentry institution rotate {desk.address(B)}"
    pub = f"--release-key-file {B}-2.release.pub"
    desk.type(f"{change} --key {A}.key --new-key {B}-2.key {pub}", status=1)
    desk.type(f"{change} --key {B}.key --new-key {B}-2.key {pub}")
    desk.type(read, status=1)
    named = f"--institution {desk.address(B)}"
    desk.type(read.replace(HOSPITAL_B, f"--key {B}-2.key --release-key {B}-2.release {named}"))
    desk.type(f"consentry access prove {request} {named}")
    desk.type("consentry verify evidence.json")
    desk.do(f"consentry key show --release {B}.release > {B}.release.pub")
    desk.do(f"{change} --key {B}-2.key --new-key {B}.key --release-key-file {B}.release.pub")


def persons(desk: Desk) -> None:
    """Rule 12."""
    first, second = enrolled(desk, "zheng"), enrolled(desk, "zheng-2")
    province, other = desk.address("province-44"), desk.address("province-33")
    desk.rule(
        12,
        "One person, several subjects",
        "A patient is two subjects of hospital A, found by codes and linked by an authority; the link is undone.",
    )
    desk.type(f"(umask 077; printf {ID_NUMBER} > id.code; printf {INSURANCE} > card.code)")
    own = f"--key {A}.key"
    desk.type(f"consentry person identify --kind id_number --subject {first.subject} --code-file id.code {own}")
    consent = granted(desk, first)
    desk.type(f"consentry person identify --kind insurance --subject {first.subject} --code-file card.code {own}")
    desk.say("The grant was made under the ID number; hospital B presents the insurance code.")
    desk.type(f"consentry person resolve --kind insurance --code-file card.code --key {B}.key")
    desk.type(asking(desk, first.image, f"--consent {consent}"))
    desk.type(f"consentry person resolve --kind id_number --code-file card.code {own}", status=2)
    both = f"--subject {first.subject} --subject {second.subject}"
    link = desk.take("actHash", f"consentry person link {both} --authority {province} --out link.json {own}")
    desk.type("consentry person link --prepared link.json --key province-33.key", status=2)
    desk.type("consentry person link --prepared link.json --key province-44.key")
    desk.type(f"consentry person resolve --kind id_number --code-file id.code {own}")
    desk.type(f"consentry person resolve --kind id_number --code-file id.code --key {B}.key")
    desk.say("Exclusions stay with their subject, linked or not.")
    desk.type(
        f"consentry act exclusion --subject-id {second.subject} --kind institution --target {desk.address(B)}"
        " --key zheng-2.key"
    )
    desk.type(asking(desk, first.image, f"--consent {consent}"))
    desk.type(asking(desk, second.image, f"--consent {granted(desk, second)}"), status=1)
    why = f"--link {link} --reason 'two patients of one name'"
    desk.type(f"consentry person unlink {why} --authority {other} --out unlink.json {own}")
    desk.type("consentry person unlink --prepared unlink.json --key province-33.key", status=1)
    desk.type(f"consentry person unlink {why} --authority {province} --out unlink.json {own}")
    desk.type("consentry person unlink --prepared unlink.json --key province-44.key")
    desk.type(f"consentry person resolve --kind id_number --code-file id.code {own}")
    desk.type(f"consentry person links --subject {first.subject} --key zheng.key")
    desk.type(f"consentry person end --kind insurance --subject {first.subject} --code-file card.code {own}")
    desk.type(f"consentry person resolve --kind insurance --code-file card.code {own}", status=1)
