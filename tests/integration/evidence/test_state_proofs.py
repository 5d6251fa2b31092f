"""What a node proves with ``eth_getProof`` about a real deployment, checked against nothing but the block's header."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest

from consentry.core.codes import ConsentStatus, Standing
from consentry.core.terms import Address, ConsentId, SubjectId
from consentry.core.typed_data import consent_id
from consentry.errors import InvalidInputError
from consentry.evidence import header, state_proof
from consentry.evidence.notation import bytes_of, hex_of
from consentry.evidence.state_proof import SlotProof
from tests.contracts.test_access_batches import another, prepared
from tests.support.anvil_chain import anvil_chain
from tests.support.contract_suite import deploy_suite
from tests.support.contract_world import Item, World

NOBODY: Final = Address(b"\x99" * 20)


@dataclass(frozen=True)
class Story:
    """A hospital that asked twice, under a consent that was revoked after the first time; and the node."""

    world: World
    item: Item

    def ask_node(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 - any JSON
        """Gives a raw answer."""
        answer = self.world.suite.w3.provider.make_request(method, list(arguments))  # type: ignore[arg-type]  # raw
        return answer["result"]

    @property
    def newest(self) -> header.Header:
        """Header of the newest block, by the hash its bytes have."""
        hydrated = False
        return header.decode(header.encode(self.ask_node("eth_getBlockByNumber", "latest", hydrated)))

    def proof(self, contract: str, slot: bytes) -> SlotProof:
        """Gives the proof of one slot at the newest block."""
        found = self.ask_node("eth_getProof", hex_of(self.world.suite.address(contract)), [hex_of(slot)], "latest")
        nodes = [tuple(map(bytes_of, way)) for way in (found["accountProof"], found["storageProof"][0]["proof"])]
        return SlotProof(*nodes)

    def read(self, contract: str, getter: str, *arguments: object) -> Any:  # noqa: ANN401 - any value of the ABI
        """Asks a contract."""
        return self.world.suite.read(contract, getter, *arguments)


@pytest.fixture(scope="module")
def story(engine: Path) -> Iterator[Story]:
    """Plays the story on an anvil of its own."""
    with anvil_chain(engine) as suite:
        deploy_suite(suite)
        world = World(suite)
        item = prepared(world)
        world.decide([item])
        assert item.terms
        world.revoke(item.terms)
        world.decide([another(world, item, item.request.request_id + 1)])
        yield Story(world, item)


def test_institution_head_is_proved(story: Story) -> None:
    world, institution = story.world, story.world.hospital.address
    proof = story.proof("AccessLedger", state_proof.slot_in(state_proof.INSTITUTION_HEADS, institution))
    found = state_proof.institution_head(
        story.newest.state_root, world.suite.address("AccessLedger"), institution, proof
    )
    assert found == bytes(story.read("AccessLedger", "institutionHead", institution))
    assert found[-1] == 2


def test_subject_head_is_proved(story: Story) -> None:
    world, subject = story.world, story.world.patient.subject_id
    proof = story.proof("AccessLedger", state_proof.slot_in(state_proof.SUBJECT_HEADS, subject))
    found = state_proof.subject_head(story.newest.state_root, world.suite.address("AccessLedger"), subject, proof)
    assert found == bytes(story.read("AccessLedger", "subjectHead", subject)) != bytes(32)


def test_head_of_nobody_is_proved_to_be_none(story: Story) -> None:
    ledger, root = story.world.suite.address("AccessLedger"), story.newest.state_root
    proof = story.proof("AccessLedger", state_proof.slot_in(state_proof.INSTITUTION_HEADS, NOBODY))
    assert state_proof.institution_head(root, ledger, NOBODY, proof) == bytes(32)
    subject = SubjectId(b"\x98" * 32)
    proof = story.proof("AccessLedger", state_proof.slot_in(state_proof.SUBJECT_HEADS, subject))
    assert state_proof.subject_head(root, ledger, subject, proof) == bytes(32)


def test_consent_is_proved_to_be_revoked(story: Story) -> None:
    assert story.item.terms
    consents, consent = story.world.suite.address("Consents"), consent_id(story.item.terms)
    proof = story.proof("Consents", state_proof.slot_in(state_proof.CONSENT_STATES, consent))
    found = state_proof.consent_state(story.newest.state_root, consents, consent, proof)
    assert (found.status, found.uses) == (ConsentStatus.REVOKED, 1)
    assert found.revoked_at > found.granted_at > 0


def test_consent_that_nobody_gave_is_proved_to_be_none(story: Story) -> None:
    consents, consent = story.world.suite.address("Consents"), ConsentId(b"\x97" * 32)
    proof = story.proof("Consents", state_proof.slot_in(state_proof.CONSENT_STATES, consent))
    found = state_proof.consent_state(story.newest.state_root, consents, consent, proof)
    assert found == state_proof.ConsentState(ConsentStatus.NONE, 0, 0, 0)


def test_institution_is_proved_to_be_active_and_another_unknown(story: Story) -> None:
    world, root = story.world, story.newest.state_root
    participants = world.suite.address("Participants")
    for institution, standing in ((world.hospital.address, Standing.ACTIVE), (NOBODY, Standing.NONE)):
        proof = story.proof("Participants", state_proof.slot_in(state_proof.INSTITUTIONS, institution))
        found = state_proof.institution_state(root, participants, institution, proof)
        assert found.standing_at(story.newest.time) == standing
        assert found.region == (world.hospital.region if standing else 0)


def test_account_that_does_not_exist_is_proved_to_be_none(story: Story) -> None:
    found = story.ask_node("eth_getProof", hex_of(NOBODY), [], "latest")
    nodes = tuple(map(bytes_of, found["accountProof"]))
    root = story.newest.state_root
    assert state_proof.account_at(root, NOBODY, nodes) is None
    with pytest.raises(InvalidInputError, match=r"contract does not match \(got no account"):
        state_proof.institution_head(root, NOBODY, NOBODY, SlotProof(nodes, ()))


def test_proof_of_another_kind_is_refused(story: Story) -> None:
    world, institution = story.world, story.world.hospital.address
    ledger, root = world.suite.address("AccessLedger"), story.newest.state_root
    proof = story.proof("AccessLedger", state_proof.slot_in(state_proof.INSTITUTION_HEADS, institution))
    of_another = story.proof("AccessLedger", state_proof.slot_in(state_proof.INSTITUTION_HEADS, NOBODY))
    elsewhere = story.proof("Consents", state_proof.slot_in(state_proof.INSTITUTION_HEADS, institution))
    for changed in (
        replace(proof, storage=of_another.storage),
        replace(proof, storage=()),
        replace(proof, storage=proof.storage[:-1]),
        replace(proof, account=elsewhere.account),
        replace(proof, account=proof.account[1:]),
        elsewhere,
    ):
        with pytest.raises(InvalidInputError, match="trie proof does not match"):
            state_proof.institution_head(root, ledger, institution, changed)
    with pytest.raises(InvalidInputError, match="trie proof does not match"):
        state_proof.institution_head(story.newest.receipts_root, ledger, institution, proof)
