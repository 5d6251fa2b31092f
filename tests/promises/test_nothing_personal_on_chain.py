"""P6: nothing personal on chain. A year of two hospitals is played on the real contracts and looked through."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from consentry.core.act_table import ACTS
from consentry.core.codes import ExclusionKind
from consentry.core.erasures import CorrectionRequest
from consentry.core.exclusions import Exclusion
from consentry.core.guardianship import Circumstances
from consentry.core.persons import SubjectLink
from consentry.core.terms import Enrolment
from consentry.core.typed_data import record_id
from tests.promises.beside import WORDS
from tests.promises.conftest import SEED
from tests.promises.episodes import Episodes
from tests.promises.people import Person, midnight
from tests.promises.recorded import REASONS, STAFF, Clinic, Visible
from tests.promises.scanner import Scanner, encodings, months_of_minors
from tests.promises.schedule import START, Act, Kind, Year
from tests.support.evm import PAYER
from tests.support.suite import plain

SECRETS = (*REASONS, *STAFF, *WORDS)


@pytest.fixture(scope="module")
def scanner(people: list[Person]) -> Scanner:
    """Makes a scanner that knows everybody."""
    return Scanner(people, SECRETS)


@pytest.mark.slow
def test_year_of_a_clinic_leaves_nothing_personal_on_chain(
    lived: Episodes, played: Clinic, year: Year, scanner: Scanner
) -> None:
    pieces = played.visible()

    assert scanner.look(pieces) == []
    assert months_of_minors(played.logs, played.born_of()) == []
    # What was looked through is whole: each act left its transaction and its event, and values were stored.
    kinds = [act.kind for act in year.acts]
    events = [log.name for _, log in played.logs]
    assert events.count("RecordAnchored") == kinds.count(Kind.ANCHOR) + kinds.count(Kind.SUPERSEDE) > 100
    assert events.count("AccessDecided") - lived.accesses == kinds.count(Kind.ACCESS) > 100
    assert events.count("ConsentRevoked") > kinds.count(Kind.REVOKE) > 0
    # Each signed act that the contracts know was played, and every emergency was paid for.
    assert {act.FORM.event for act in ACTS} - {*events} == set()
    assert events.count("DebtOpened") == events.count("DebtClosed") > 0
    assert sum(piece.place.startswith("calldata") for piece in pieces) > len(year.acts)
    assert sum(piece.place.startswith("storage") for piece in pieces) > 2 * len(year.acts)


@pytest.fixture(scope="module")
def surgery(people: list[Person]) -> Clinic:
    """Gives a clinic with one enrolled patient, a record and a consent; planted faults come on top."""
    clinic = Clinic(people, SEED + 1)
    times = iter(range(START, START + 10_000, 1000))
    clinic.play(
        Year(
            0,
            SEED + 1,
            acts=[
                Act(next(times), Kind.ENROL, 0, 0, 0, device="P-256"),
                Act(next(times), Kind.ANCHOR, 0, 0, 0, categories=1 << 3),
                Act(next(times), Kind.GRANT, 0, 0, 1, categories=1 << 3, purposes=2, days=900),
            ],
        )
    )
    return clinic


def youngest(people: list[Person]) -> Person:
    """Gives somebody who is a minor."""
    return max(people, key=lambda person: person.born)


def ask(clinic: Clinic, **wrong: object) -> None:
    """Asks for the record with something wrong in the request."""
    act = Act(clinic.suite.evm.time + 10, Kind.ACCESS, 0, 0, 1, target=1, consent=2)
    clinic.ask(act, replace(clinic.request(act), **wrong))  # type: ignore[arg-type]  # a planted fault


def anchor(clinic: Clinic, **wrong: object) -> None:
    """Anchors a record with something wrong in the leaf."""
    act = Act(clinic.suite.evm.time + 10, Kind.ANCHOR, 0, 0, 0, categories=1 << 3)
    leaf = replace(clinic.leaf(act), **wrong)  # type: ignore[arg-type]  # a planted fault
    signature = clinic.signature(clinic.hospitals[0].key, "Records", leaf)
    clinic.send("Records", "anchor", plain(leaf), signature, time=act.time)


def grant(clinic: Clinic, tail: bytes = b"", **wrong: object) -> None:
    """Grants a consent with something wrong in the terms, or behind the signature."""
    act = Act(clinic.suite.evm.time + 10, Kind.GRANT, 0, 0, 1, categories=1 << 3, purposes=2, days=20_000)
    terms = replace(clinic.terms(act), **wrong)  # type: ignore[arg-type]  # a planted fault
    signature = clinic.signature(clinic.signer_of(act), "Consents", terms) + tail
    clinic.send("Consents", "grant", plain(terms), signature, time=act.time)


def enrol(clinic: Clinic, subject_id: bytes) -> None:
    """Enrols somebody under a pseudonym that is none."""
    time, key = clinic.suite.evm.time + 10, clinic.hospitals[1].key
    enrolment = Enrolment(subject_id, key.signer, clinic.hospitals[0].key.address, time + 1)  # type: ignore[arg-type]  # a planted fault
    signatures = [clinic.signature(each, "Subjects", enrolment) for each in (key, clinic.hospitals[0].key)]
    clinic.send("Subjects", "enrol", plain(enrolment), *signatures, time=time)


def sha256(text: str) -> bytes:
    """Gives the hash that everybody can compute."""
    return hashlib.sha256(text.encode()).digest()


def beside(clinic: Clinic) -> tuple[Episodes, Act, int]:
    """Gives what plays further acts, the act that granted the patient's consent, and a time for one more."""
    act = Act(clinic.suite.evm.time, Kind.GRANT, 0, 0, 1, categories=1 << 3, purposes=2, days=30)
    return Episodes(clinic, Year(0, clinic.suite.evm.time)), act, clinic.suite.evm.time + 10


def exclude(clinic: Clinic, target: bytes) -> None:
    """Has the patient exclude a practitioner who is named by something wrong."""
    episodes, act, now = beside(clinic)
    made = Exclusion(clinic.subject(act), bytes(32), ExclusionKind.PRACTITIONER, target, episodes.nonce(), now + 1)
    episodes.perform(now, made, clinic.signer_of(act))


def ask_patient(clinic: Clinic, **wrong: object) -> None:
    """Asks the patient for a consent with something wrong in what is asked."""
    episodes, act, now = beside(clinic)
    episodes.perform(now, episodes.ask_of(act, now, **wrong), clinic.hospitals[1].key)


def assist(clinic: Clinic, **wrong: object) -> None:
    """Prepares a consent with something wrong beside it."""
    episodes, act, now = beside(clinic)
    episodes.perform(now, episodes.assistance_of(act, now, **wrong)[0], clinic.hospitals[0].key)


def dispute(clinic: Clinic, reason_hash: bytes) -> None:
    """Asks for the record to be corrected, with something wrong as the reason."""
    episodes, act, now = beside(clinic)
    about = (record_id(clinic.leaf_of(1)), clinic.hospitals[0].key.address, clinic.subject(act))
    asked = CorrectionRequest(*about, bytes(32), reason_hash, episodes.nonce(), now + 1)
    episodes.perform(now, asked, clinic.signer_of(act))


def link(clinic: Clinic, commitment: bytes) -> None:
    """Receipts that subjects are one person, with something wrong in the place of the commitment."""
    episodes, _, now = beside(clinic)
    episodes.perform(now, SubjectLink(episodes.authority, commitment, now + 1), PAYER)


def note(clinic: Clinic, **wrong: object) -> None:
    """Has the custodian note that nothing changed, with something wrong beside it."""
    episodes, act, now = beside(clinic)
    evidence, nonce = episodes.random.randbytes(32), episodes.nonce()
    noted = Circumstances(clinic.subject(act), 0, False, False, evidence, nonce, now + 1)  # noqa: FBT003 - a member of the act
    episodes.perform(now, replace(noted, **wrong), clinic.hospitals[0].key)  # type: ignore[arg-type]  # a planted fault


PLANTS: dict[str, tuple[str, Callable[[Clinic, Person], None]]] = {
    "telephone as request id": ("identifier", lambda c, p: ask(c, request_id=int(p.identifiers["mobile"]))),
    "staff id as practitioner": ("identifier", lambda c, _: ask(c, practitioner=STAFF[0].encode().ljust(32, b"\0"))),
    "card as BCD in a nonce": ("identifier", lambda c, p: grant(c, nonce=int(p.card.rstrip("X"), 16))),
    "name in UTF-16 behind a signature": ("identifier", lambda c, p: grant(c, p.name.encode("utf-16-le"))),
    "hash of a reason": ("hash", lambda c, _: ask(c, reason_hash=sha256(REASONS[0]))),
    "hash of birth date, sex and diagnosis": (
        "hash",
        lambda c, p: anchor(c, commitment=sha256(f"{p.born:%Y%m%d}|{p.sex}|{p.diagnosis}")),
    ),
    "hash of the card as pseudonym": ("hash", lambda c, p: enrol(c, sha256(p.card))),
    "MD5 of the record number": (
        "hash",
        lambda c, p: anchor(
            c,
            ciphertext_digest=hashlib.md5(p.identifiers["record at B"].encode()).digest().rjust(32, b"\0"),  # noqa: S324 - what a careless custodian might hash with
        ),
    ),
    "a reason in plain words": ("text", lambda c, _: ask(c, reason_hash=b"chest pain since May".ljust(32, b"\0"))),
    "characters behind a signature": ("text", lambda c, _: grant(c, "患者自述胸痛三天".encode())),
    "staff id as who is excluded": ("identifier", lambda c, _: exclude(c, STAFF[1].encode().ljust(32, b"\0"))),
    "telephone as nonce of an ask": ("identifier", lambda c, p: ask_patient(c, nonce=int(p.identifiers["mobile"]))),
    "hash of the name as evidence": ("hash", lambda c, p: assist(c, evidence_hash=sha256(p.name))),
    "hash of what is wrong with a record": ("hash", lambda c, _: dispute(c, sha256(WORDS[0]))),
    "what is wrong with a record in plain words": ("text", lambda c, _: dispute(c, WORDS[0].encode().ljust(32, b"\0"))),
    "hash of the card as commitment of a link": ("hash", lambda c, p: link(c, sha256(p.card))),
    "hash of the card as evidence of circumstances": ("hash", lambda c, p: note(c, evidence_hash=sha256(p.card))),
    "telephone as nonce of a note": ("identifier", lambda c, p: note(c, nonce=int(p.identifiers["mobile"]))),
    "day of coming of age": (
        "date",
        lambda c, p: grant(c, valid_until=midnight(p.born.replace(year=p.born.year + 18)) - 8 * 3600),
    ),
}


@pytest.mark.parametrize("name", PLANTS)
def test_planted_fault_on_chain_is_found(name: str, surgery: Clinic, people: list[Person], scanner: Scanner) -> None:
    look, plant = PLANTS[name]
    before = set(surgery.visible())

    plant(surgery, youngest(people))

    new = [piece for piece in surgery.visible() if piece not in before]
    assert look in {finding.look for finding in scanner.look(new)}


def test_birth_month_of_a_minor_on_a_record_is_found(people: list[Person]) -> None:
    minor = youngest(people)
    clinic = Clinic(people, SEED + 2)
    enrolled = Act(START, Kind.ENROL, minor.number, 0, 0, device="account")
    written = Act(START + 9, Kind.ANCHOR, minor.number, 0, 0, categories=1 << 3)
    clinic.play(Year(0, SEED + 2, acts=[enrolled, written]))
    assert months_of_minors(clinic.logs, clinic.born_of()) == []

    leaf = replace(clinic.leaf(written), data_month=(minor.born.year - 1970) * 12 + minor.born.month - 1)
    signature = clinic.signature(clinic.hospitals[0].key, "Records", leaf)
    clinic.send("Records", "anchor", plain(leaf), signature, time=START + 20)

    assert [finding.look for finding in months_of_minors(clinic.logs, clinic.born_of())] == ["date"]


def test_every_encoding_of_an_identifier_is_found(people: list[Person], scanner: Scanner) -> None:
    person, random = people[0], Random(1)

    for what, encoded in encodings(person.card).items():
        piece = Visible("calldata", random.randbytes(37) + encoded + random.randbytes(41))
        assert any(finding.look == "identifier" for finding in scanner.look([piece])), what


def test_number_too_short_to_search_is_found_as_a_whole_word(people: list[Person], scanner: Scanner) -> None:
    number = int(people[0].born.strftime("%Y%m%d"))

    found = scanner.look([Visible("calldata", bytes(4) + number.to_bytes(32, "big"))])

    assert [finding.look for finding in found] == ["identifier"]


def test_chance_and_keyed_hashes_are_not_taken_for_anything(scanner: Scanner) -> None:
    random = Random(2)

    assert scanner.look([Visible("event", random.randbytes(32)) for _ in range(20_000)]) == []
