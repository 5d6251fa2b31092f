"""Completeness statements written from a real node, and verified against nothing but the hash of its newest block."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from consentry.core.chain import ChainIdentity
from consentry.core.log_tree import nodes_of, root_of
from consentry.core.terms import Address, SubjectId
from consentry.errors import ConfigurationError, LedgerUnavailableError, VerificationError
from consentry.evidence.checkpoint import Checkpoint
from consentry.evidence.completeness import Statement, Told
from consentry.evidence.log_entry import leaves_of
from consentry.evidence.log_root import LogRoot
from consentry.evidence.verify_completeness import verify
from consentry.ledger.best_statement import Asked, state_best
from consentry.ledger.connection import Connection
from consentry.ledger.direct import DirectConnection
from consentry.ledger.engines import load_profile
from consentry.ledger.manifest import Manifest
from consentry.ledger.statements import Stater
from consentry.ledger.vouching import Wanted
from tests.contracts.test_access_batches import another, prepared
from tests.support.anvil_chain import CHAIN_ID, anvil_chain
from tests.support.command_line import told
from tests.support.contract_suite import deploy_suite
from tests.support.contract_world import World
from tests.support.log_people import ORIGIN, POLICY, ROOT, ROOT_HOLDERS, cosigned

NOBODY = SubjectId(b"\x98" * 32)


@dataclass(frozen=True)
class Story:
    """A hospital that asked three times, the last under a consent that was revoked; and where the node is."""

    url: str
    manifest: Manifest
    subject: SubjectId
    hospital: Address


@pytest.fixture(scope="module")
def story(engine: Path) -> Iterator[Story]:
    """Plays the story on an anvil of its own."""
    with anvil_chain(engine) as suite:
        deploy_suite(suite)
        world = World(suite)
        item = prepared(world)
        world.decide([item])
        world.decide([another(world, item, item.request.request_id + 1)])
        assert item.terms
        world.revoke(item.terms)
        # The last log that a statement may show: the last decision comes after it.
        world.admit("late hospital", world.hospital.region, world.stranger)
        world.decide([another(world, item, item.request.request_id + 2)])
        contracts = tuple((name, suite.address(name)) for name in suite.contracts)
        genesis = bytes(suite.w3.eth.get_block(0)["hash"])
        manifest = Manifest(ChainIdentity(CHAIN_ID, genesis, contracts, 0), ())
        url = str(suite.w3.provider.endpoint_uri)  # type: ignore[attr-defined]  # it is one over HTTP
        yield Story(url, manifest, SubjectId(world.patient.subject_id), Address(world.hospital.address))


@pytest.fixture
async def connection(story: Story) -> AsyncIterator[Connection]:
    """Opens the node."""
    opened = DirectConnection(story.url, load_profile("embedded"))
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
def stater(story: Story, connection: Connection) -> Stater:
    """Gives who states."""
    return Stater(connection, story.manifest)


async def test_all_accesses_of_a_subject_are_stated(story: Story, stater: Stater) -> None:
    made = await stater.state("subject", story.subject)
    found = verify(made.to_json(), stater.trust_root(made))

    assert (found.whose, found.count) == ("subject", 3)
    assert [entry.reason != 0 for entry in made.entries if isinstance(entry, Told)] == [False, False, True]
    assert "3 accesses were decided of subject" in found.claim
    assert "neither validators nor witnesses vouch" in found.vouched.in_words()
    short = replace(made, entries=made.entries[:2], claim=made.claim.replace("3 accesses", "2 accesses"))
    with pytest.raises(VerificationError, match=r"number of entries does not match \(got 2, expected 3\)"):
        verify(short.to_json(), stater.trust_root(made))


async def test_all_accesses_of_an_institution_are_stated(story: Story, stater: Stater) -> None:
    made = await stater.state("institution", story.hospital)

    for statement in (made, made.withholding()):
        assert verify(Statement.from_json(statement.to_json()).to_json(), stater.trust_root(made)).count == 3


async def test_subject_without_accesses_has_none(stater: Stater) -> None:
    made = await stater.state("subject", NOBODY)

    assert verify(made.to_json(), stater.trust_root(made)).count == 0
    assert made.claim.endswith("there is none.")


async def test_node_that_leaves_a_decision_out_is_told(
    story: Story, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = connection.logs

    async def logs(*arguments: object) -> object:
        return (await honest(*arguments))[:-1]  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(connection, "logs", logs)
    with pytest.raises(LedgerUnavailableError, match="node gives 2 decisions of the 3 that its state counts"):
        await Stater(connection, story.manifest).state("subject", story.subject)


def test_engine_without_proofs_states_nothing(story: Story, connection: Connection) -> None:
    connection.profile = replace(connection.profile, proof_kind="none")

    with pytest.raises(ConfigurationError, match="got none, expected tries"):
        Stater(connection, story.manifest)


async def test_witnesses_vouch_for_an_earlier_block_and_the_end_is_told(
    story: Story, stater: Stater, connection: Connection
) -> None:
    root, checkpoint, now = await _witnessed(story, connection)
    wanted = Wanted(root, checkpoint)

    found = await state_best(stater, Asked("subject", story.subject), wanted, now)

    no_seals, ending = found.missing
    assert no_seals == "no seals vouch for it: blocks of this chain have none"
    about = found.verified.block
    head = await connection.header()
    assert head is not None
    assert about.number < head.block.number
    assert ending.startswith(f"stated up to block {about.number} of ")
    assert f"; the newest is block {head.block.number} of " in ending
    assert found.verified.count == 2
    assert found.statement.logged
    assert found.statement.logged.log.address == story.manifest.address("Participants")
    assert "3 of 5 witnesses vouch for it" in found.verified.vouched.in_words()
    alone = replace(found.trust, checkpoints=())
    assert verify(found.statement.to_json(), alone, now=now).vouched.witnesses
    newest = await state_best(stater, Asked("subject", story.subject, newest=True), wanted, now)
    assert (newest.verified.block.number, newest.verified.count) == (head.block.number, 3)
    assert not any("stated up to" in line for line in newest.missing)
    withheld = await state_best(stater, Asked("institution", story.hospital, withheld=True), wanted, now)
    assert withheld.statement.logged
    assert withheld.statement.logged.log.address == story.manifest.address("Participants")
    assert withheld.verified.vouched.witnesses


async def test_command_writes_what_witnesses_vouch_for_and_verify_says_so(
    story: Story,
    connection: Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root, checkpoint, now = await _witnessed(story, connection)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.time", lambda: float(now))
    for name, value in (("NODE_URL", story.url), ("MANIFEST", "deployment.json"), ("STATE_DIR", str(tmp_path))):
        monkeypatch.setenv(f"CONSENTRY_{name}", value)
    story.manifest.write(tmp_path / "deployment.json")
    (tmp_path / "log-root.json").write_bytes(root.to_json())
    (tmp_path / "checkpoint").write_bytes(checkpoint)
    subject = ("statement", "subject", "0x" + story.subject.hex(), "--log-root", "log-root.json")

    bare = await told(capsys, *subject, "--out", "bare.json", "--trust-root-out", "bare-root.json")
    made = await told(capsys, *subject, "--trust-root-out", "root.json", "--checkpoint", "checkpoint")

    no_checkpoint = "no checkpoint of the log is there (--checkpoint names its file or address)"
    assert f"no witnesses vouch for it: {no_checkpoint}" in bare["missing"]
    no_seals, ending = made["missing"]
    assert no_seals == "no seals vouch for it: blocks of this chain have none"
    for file, trust, vouched in (("bare.json", "bare-root.json", False), ("statement.json", "root.json", True)):
        verified = await told(capsys, "verify", file, "--trust-root", trust)
        assert verified["accesses"] == (2 if vouched else 3)
        assert verified["statedUpTo"].startswith(f"block {verified['block']} of ")
        assert verified["statedUpTo"].endswith("; nothing after it is stated")
        assert ending.startswith(f"stated up to block {verified['block']} of ") is vouched
        assert ("3 of 5 witnesses vouch for it" in verified["vouched"]) is vouched
        assert ("neither validators nor witnesses vouch" in verified["vouched"]) is not vouched


async def _witnessed(story: Story, connection: Connection) -> tuple[LogRoot, bytes, int]:
    """Has three witnesses cosign the whole log of the node, and names them in a log root."""
    identity, newest = story.manifest.identity, await connection.header()
    assert newest is not None
    now = newest.block.time
    contracts = [address for _, address in identity.contracts]
    logs = await connection.logs(contracts, 0, None)
    leaves = [*leaves_of(identity.chain_id, contracts, logs)]
    head = Checkpoint(ORIGIN, len(leaves), root_of(len(leaves), nodes_of(leaves)))
    root = replace(
        ROOT,
        chain_id=identity.chain_id,
        genesis_hash=identity.genesis_hash,
        contracts=tuple(sorted(contracts)),
        policy=replace(POLICY, valid_from=now - 1000, valid_until=now + 1000),
    )
    signed = root.sign(ROOT_HOLDERS[0]).sign(ROOT_HOLDERS[1])
    return signed, cosigned(head, dict.fromkeys(range(3), now)).to_bytes(), now
