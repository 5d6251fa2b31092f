"""The rules of the national ledger answer every step of the vectors; the contract plays the same in its own suite."""

from __future__ import annotations

import json
from functools import partial

import pytest

from consentry.core.anchors import Anchors, Conflict, signer_order
from consentry.core.ledger_checkpoint import ledger_id
from consentry.crypto.signing import AccountKey
from consentry.errors import LedgerRejectedError
from tests.vectors.anchors.build_anchors import FILE, build
from tests.vectors.anchors.player import IDENTITY, NAMES, VECTORS, Answer, Step, play, witness

LATER = 2_000_000_000


class Rules:
    """The rules alone; every signature holds."""

    def __init__(self) -> None:
        self.anchors = Anchors()
        signers = sorted((witness(name).signer for name in VECTORS["witnesses"]), key=signer_order)
        self.ledger = self.anchors.admit(IDENTITY, signers, VECTORS["threshold"])

    def bring(self, step: Step) -> Answer:
        """Takes a checkpoint."""
        signed = sorted(((key.signer, b"") for key in step.by), key=lambda one: signer_order(one[0]))
        now = LATER if step.at is None else step.at
        try:
            act = self.anchors.anchor
            if step.against is not None:
                act = partial(self.anchors.record_conflict, step.against)
            return act(step.checkpoint, step.nodes, signed, lambda *_: True, now).name, ()
        except LedgerRejectedError as error:
            return error.details["solidity"], tuple(error.details["arguments"])

    def change(self, witnesses: list[AccountKey], threshold: int) -> None:
        """Replaces the witnesses."""
        signers = sorted((key.signer for key in witnesses), key=signer_order)
        self.anchors.change_witnesses(self.ledger, signers, threshold)

    def resolve(self) -> None:
        """Resolves the fork."""
        self.anchors.resolve(self.ledger)

    def close(self) -> None:
        """Closes the ledger."""
        self.anchors.close(self.ledger)


@pytest.mark.parametrize("name", NAMES)
def test_rules_answer_every_step_as_expected(name: str) -> None:
    play(name, Rules())


def test_file_is_what_the_generator_writes() -> None:
    assert json.loads(FILE.read_text()) == build()


def test_id_of_the_ledger_is_the_one_named() -> None:
    assert "0x" + ledger_id(IDENTITY).hex() == VECTORS["ledgerId"]


def test_every_conflict_stands_in_the_vectors() -> None:
    answers = [step.get("answer") for history in VECTORS["histories"] for step in history["steps"]]
    assert {answer for answer in answers if isinstance(answer, str)} == {conflict.name for conflict in Conflict}


def test_what_is_not_anchored_proves_nothing() -> None:
    rules = Rules()
    play(NAMES[0], rules)
    assert rules.anchors.anchored(rules.ledger, 5).size == 5
    for size, error in ((6, "NationalAnchorNotAnchored"), (0, "NationalAnchorNotAnchored")):
        with pytest.raises(LedgerRejectedError, match=error):
            rules.anchors.anchored(rules.ledger, size)
    with pytest.raises(LedgerRejectedError, match="NationalAnchorStatusInvalid"):
        rules.anchors.anchored(b"\x01" * 32, 5)


def test_closed_ledger_goes_on_proving_unless_it_is_forked() -> None:
    rules = Rules()
    play(NAMES[0], rules)
    rules.close()
    assert rules.anchors.anchored(rules.ledger, 5).size == 5
    rules = Rules()
    play("one size, two roots", rules)
    for act in (None, rules.close):
        if act is not None:
            act()
        with pytest.raises(LedgerRejectedError, match="NationalAnchorStatusInvalid"):
            rules.anchors.anchored(rules.ledger, 7)
    rules.resolve()
    assert rules.anchors.anchored(rules.ledger, 7).size == 7
