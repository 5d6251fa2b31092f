"""All accesses of a subject or institution, proved by a head; what is left out, moved or of another is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from consentry.core.terms import Address
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence.bundle import LARGEST as BUNDLE_LARGEST
from consentry.evidence.bundle import Bundle
from consentry.evidence.completeness import LARGEST, Statement, Withheld, is_statement
from consentry.evidence.log_root import LogRoot
from consentry.evidence.trust import TrustRoot
from consentry.evidence.verify_completeness import FORM, LAST, VerifiedStatement, verify
from tests.support.log_people import ROOT_HOLDERS
from tests.vectors.completeness.build_completeness import FOLDER, build
from tests.vectors.completeness.forgeries import Forgery, forgeries, table
from tests.vectors.completeness.world import CHECKED, HOSPITALS, NOBODY, PROVED, SUBJECTS, World, build_world

WORLD: World = build_world()
OF_SUBJECT = WORLD.statement("subject", SUBJECTS[0])
FORGERIES = forgeries()
VECTORS = build()
DOCUMENT = Path(__file__).parents[3] / "docs" / "forgeries.md"
FORMAT_DOCUMENT = DOCUMENT.parent / "formats" / "completeness.md"
OF_HOSPITAL = WORLD.statement("institution", HOSPITALS[0])


def _verified(statement: Statement, trust: TrustRoot = WORLD.trust) -> VerifiedStatement:
    return verify(statement.to_json(), trust, now=CHECKED)


@pytest.mark.parametrize(
    ("statement", "count"),
    [
        (OF_SUBJECT, 3),
        (WORLD.statement("subject", SUBJECTS[1]), 2),
        (OF_HOSPITAL, 3),
        (WORLD.statement("institution", HOSPITALS[1]), 2),
        (WORLD.statement("subject", NOBODY), 0),
    ],
)
def test_true_statement_is_verified(statement: Statement, count: int) -> None:
    found = _verified(statement)

    assert (found.whose, found.key, found.count) == (statement.whose, statement.key, count)
    assert found.block.number == PROVED
    assert int.from_bytes(found.head[-6:], "big") == count
    assert found.vouched.in_words() == (
        "5 validators sealed its block, followed from pinned block 0; "
        "3 of 5 witnesses vouch for it in a log of 12 entries"
    )


def test_statement_is_read_as_it_was_written() -> None:
    for statement in (OF_SUBJECT, OF_HOSPITAL, OF_HOSPITAL.withholding()):
        assert Statement.from_json(statement.to_json()) == statement


def test_institution_may_withhold_who_was_asked_about() -> None:
    assert OF_HOSPITAL.entries[1].hash
    mixed = replace(OF_HOSPITAL, entries=(OF_HOSPITAL.entries[0], *OF_HOSPITAL.withholding().entries[1:]))

    for statement in (OF_HOSPITAL.withholding(), mixed):
        assert _verified(statement).count == 3
    assert SUBJECTS[1].hex().encode() not in OF_HOSPITAL.withholding().to_json()


@pytest.mark.parametrize("checkpoint", [PROVED, PROVED + 1, PROVED + 2])
def test_statement_without_proofs_leads_to_a_checkpoint(checkpoint: int) -> None:
    bare = replace(OF_SUBJECT, qbft_proof=None, logged=None, headers=WORLD.headers[PROVED : checkpoint + 1])

    found = _verified(bare, WORLD.believing(checkpoint))

    assert found.vouched.in_words() == (
        "consistent, but neither validators nor witnesses vouch for its block; "
        "it leads to a checkpoint of the trust root"
    )
    with pytest.raises(
        VerificationError, match="expected a checkpoint's; the trust root may be one of other"
    ) as caught:
        _verified(bare, WORLD.believing(PROVED - 1))
    assert caught.value.step == 3


def test_one_proof_is_enough() -> None:
    assert _verified(replace(OF_SUBJECT, logged=None)).vouched.witnesses is None
    assert _verified(replace(OF_SUBJECT, qbft_proof=None)).vouched.seals is None


def test_log_of_a_stranger_vouches_for_nothing() -> None:
    """Witnesses follow the contracts of the log root; what another one logs is in no log they saw."""
    logged = OF_SUBJECT.logged
    assert logged
    strange = replace(WORLD.trust, log_root=_root_without(Address(logged.log.address)))

    with pytest.raises(VerificationError, match="emitter of the log does not match") as caught:
        _verified(OF_SUBJECT, strange)
    assert caught.value.step == 9


def _root_without(contract: Address) -> LogRoot:
    root = WORLD.trust.log_root
    assert isinstance(root, LogRoot)
    fewer = replace(root, contracts=tuple(one for one in root.contracts if one != contract), signatures=())
    return fewer.sign(ROOT_HOLDERS[0]).sign(ROOT_HOLDERS[1])


def test_statement_of_before_there_were_proofs_is_verified_and_told_as_not_vouched_for() -> None:
    """So it is also where the trust root names witnesses and a pinned block: nobody is asked without a proof."""
    bare = replace(OF_SUBJECT, qbft_proof=None, logged=None)
    pinned = replace(WORLD.trust, checkpoints=WORLD.believing(PROVED).checkpoints)

    found = _verified(bare, pinned)

    assert not {"qbftProof", "logged"} & json.loads(bare.to_json()).keys()
    assert (found.count, found.vouched.seals, found.vouched.witnesses) == (3, None, None)
    assert found.vouched.in_words().startswith("consistent, but neither validators nor witnesses vouch for its block")


def test_entry_is_withheld_from_no_subject() -> None:
    hidden = replace(OF_SUBJECT, entries=(*OF_SUBJECT.entries[:2], Withheld(OF_SUBJECT.entries[2].hash)))

    with pytest.raises(VerificationError, match="whose entry 3 is withheld does not match") as caught:
        _verified(hidden)
    assert caught.value.step == 5


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_forgery_is_refused_at_its_step(forgery: Forgery) -> None:
    with pytest.raises(VerificationError) as caught:
        verify(forgery.content, forgery.trust, now=forgery.now)
    assert caught.value.step == forgery.step


def test_forgeries_are_distinct_and_meet_every_step() -> None:
    shown = {(one.content, one.trust.to_json(), one.now) for one in FORGERIES}

    assert len(shown) == len({one.name for one in FORGERIES}) == len(FORGERIES) >= 200
    assert {one.step for one in FORGERIES} == set(range(FORM, LAST + 1))


def test_document_has_the_table_of_these_forgeries() -> None:
    assert table() in DOCUMENT.read_text(encoding="utf-8")


def test_missing_access_is_told_by_its_number() -> None:
    short = replace(OF_SUBJECT, entries=OF_SUBJECT.entries[:2])

    with pytest.raises(VerificationError, match=r"number of entries does not match \(got 2, expected 3\)"):
        _verified(short)


@pytest.mark.parametrize("name", VECTORS)
def test_vector_is_the_one_that_is_written_and_is_verified(name: str) -> None:
    content = (FOLDER / name).read_bytes()

    assert content == VECTORS[name]
    if name.startswith("true/"):
        verify(content, TrustRoot.from_json((FOLDER / "trust-root.json").read_bytes()), now=CHECKED)


def test_kind_of_a_file_is_told_without_parsing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said = b'"format":"consentry.completeness/v1"'
    statements = [OF_SUBJECT.to_json(), OF_HOSPITAL.withholding().to_json(), b'{"chain":{},' + said + b"," + b"[" * 100]
    large = b'{"authorisation":[' + b"[]," * (BUNDLE_LARGEST // 3) + b'[]],"format":"consentry.bundle/v1"}'
    quoting = b'{"chain":{},"claim":' + json.dumps(said.decode()).encode() + b"}"
    others = [large, quoting, b'{"authorisation":{' + said + b"}}", b"%PDF-" + said, b"[" + said + b"]", b"", b"{"]

    def refuse(*_: object) -> object:
        raise AssertionError("the file was parsed")

    monkeypatch.setattr(json, "loads", refuse)

    assert [is_statement(content) for content in statements] == [True] * len(statements)
    assert [is_statement(content) for content in others] == [False] * len(others)
    with pytest.raises(InvalidInputError, match="size of bundle does not match"):
        Bundle.from_json(large)
    with pytest.raises(InvalidInputError, match="size of statement does not match"):
        Statement.from_json(statements[2] + b" " * LARGEST)


def test_document_states_the_largest_statement() -> None:
    assert f"of at most {LARGEST >> 20} MiB" in FORMAT_DOCUMENT.read_text(encoding="utf-8")
