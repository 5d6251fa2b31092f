"""The contract of the national ledger answers every step of the vectors, as the rules in Python do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from consentry.core.ledger_checkpoint import ledger_id
from consentry.core.terms import ZERO_32
from consentry.crypto.signing import AccountKey
from tests.support.national import National, in_order
from tests.vectors.anchors.player import IDENTITY, NAMES, VECTORS, Answer, Step, play, witness

LEDGER = ledger_id(IDENTITY)


@dataclass
class Contract:
    """Contract and rules side by side."""

    national: National

    def bring(self, step: Step) -> Answer:
        """Takes a checkpoint."""
        if step.at is not None:
            self.national.evm.travel(step.at)
        signed = self.national.sign(step.checkpoint, *step.by)
        brought = self.national.bring(step.checkpoint, step.nodes, signed, step.against)
        return brought.refusal if brought.conflict is None else (brought.conflict.name, ())

    def change(self, witnesses: list[AccountKey], threshold: int) -> None:
        """Replaces the witnesses."""
        signers = [key.signer for key in in_order(witnesses)]
        self.national.must(self.national.by_two("changeWitnesses", LEDGER, signers, threshold))
        self.national.rules.change_witnesses(LEDGER, signers, threshold)

    def resolve(self) -> None:
        """Resolves the fork."""
        self.national.must(self.national.by_two("resolveFork", LEDGER, ZERO_32))
        self.national.rules.resolve(LEDGER)

    def close(self) -> None:
        """Closes the ledger."""
        self.national.must(self.national.by_two("closeLedger", LEDGER, ZERO_32))
        self.national.rules.close(LEDGER)


@pytest.fixture(scope="module")
def deployed() -> National:
    """Deploys the national ledger once; its witnesses are those of the vectors."""
    national = National()
    national.witnesses = in_order([witness(name) for name in VECTORS["witnesses"]])
    return national


@pytest.fixture
def contract(deployed: National) -> Iterator[Contract]:
    """Lends it to one history, with the ledger admitted."""
    mark = deployed.evm.mark()
    deployed.rules = type(deployed.rules)()
    deployed.admit(IDENTITY, VECTORS["threshold"])
    yield Contract(deployed)
    deployed.evm.put_back(mark)


@pytest.mark.parametrize("name", NAMES)
def test_contract_answers_every_step_as_expected(contract: Contract, name: str) -> None:
    play(name, contract)
