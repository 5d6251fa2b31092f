"""Two provinces and a nation, each on a chain of its own: anchored, proved offline, forked, and gone on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import pytest

from consentry.core.anchors import Conflict, LedgerStatus
from consentry.core.codes import Reason
from consentry.core.ledger_checkpoint import LedgerCheckpoint, LedgerIdentity, ledger_id
from consentry.core.log_tree import inclusion_proof, nodes_of, prefix_nodes, root_of
from consentry.core.terms import ZERO_32, Material
from consentry.core.typed_data import digest
from consentry.crypto.signing import AccountKey
from consentry.errors import ConflictError, InvalidInputError, VerificationError
from consentry.evidence import header
from consentry.evidence.inclusion import Inclusion
from consentry.evidence.log_entry import leaves_of
from consentry.evidence.national import NationalProof, verify_anchoring
from consentry.evidence.national_checkpoint import NationalCheckpoint
from consentry.evidence.verify import verify
from consentry.ledger import node
from consentry.ledger.abi import NATIONAL, artifact, values_of
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.connection import Connection
from consentry.ledger.deployment import Founders
from consentry.ledger.direct import DirectConnection
from consentry.ledger.engines import load_profile
from consentry.ledger.events import Log
from consentry.ledger.governance import Waiting
from consentry.ledger.manifest import Manifest
from consentry.ledger.national import Brought, KnownLedger, NationalLedger, NationalOfficer, deploy_national
from tests.integration.evidence.test_proved_and_audited import HOSPITAL, Chain, deployed
from tests.support.command_line import told

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
THRESHOLD: Final = 3
FORGED: Final = b"\x66" * 32


@dataclass
class Nation:
    """The national ledger on its own chain, its two officers, and whoever brings checkpoints."""

    url: str
    connection: Connection
    manifest: Manifest
    officers: tuple[NationalOfficer, NationalOfficer]
    relay: SendingAccount
    ledger: NationalLedger


@dataclass
class Province:
    """A ledger with witnesses; each looks at the chain and signs what it sees, unless told what to sign."""

    chain: Chain
    origin: str
    nation: Nation
    witnesses: tuple[AccountKey, ...] = field(default_factory=lambda: tuple(AccountKey.generate() for _ in range(5)))

    @property
    def identity(self) -> LedgerIdentity:
        """What it is called at the nation."""
        known = self.chain.manifest
        chain = known.identity
        return LedgerIdentity(self.origin, chain.chain_id, chain.genesis_hash, known.address("AccessLedger"))

    @property
    def id(self) -> bytes:
        """Its id."""
        return ledger_id(self.identity)

    async def known(self) -> KnownLedger:
        """Gives what the nation knows of it."""
        return await self.nation.ledger.ledger(self.id)

    async def logs(self) -> tuple[Log, ...]:
        """Gives all that its contracts emitted."""
        contracts = [address for _, address in self.chain.manifest.identity.contracts]
        return await self.chain.connection.logs(contracts, 0, None)

    async def leaves(self) -> list[bytes]:
        """Gives the leaves of its log."""
        known = self.chain.manifest.identity
        return list(leaves_of(known.chain_id, [address for _, address in known.contracts], await self.logs()))

    async def seen(self) -> LedgerCheckpoint:
        """Gives the checkpoint of its newest block."""
        leaves, head = await self.leaves(), await self.chain.connection.header()
        assert head is not None
        root = root_of(len(leaves), nodes_of(leaves))
        return LedgerCheckpoint(self.id, len(leaves), root, head.block.number, head.block.hash, head.block.time)

    def sign(self, seen: LedgerCheckpoint) -> list[tuple[bytes, bytes]]:
        """Has three witnesses sign."""
        made = digest(self.nation.ledger.domain, seen)
        return [(key.signer, key.sign_digest(made)) for key in self.witnesses[:THRESHOLD]]

    async def anchor(self, seen: LedgerCheckpoint) -> Brought:
        """Brings a checkpoint to the nation."""
        newest, leaves = (await self.known()).size, await self.leaves()
        nodes = prefix_nodes(newest, seen.size, nodes_of(leaves)) if 0 < newest < seen.size else ()
        return await self.nation.ledger.anchor(self.nation.relay, seen, nodes, self.sign(seen))

    async def decide(self, number: int) -> None:
        """Has an access decided."""
        leaf, terms, _ = await self.chain.begin(AccountKey.generate())
        assert await self.chain.ask(self.chain.request(number, leaf, terms), Material(leaf, terms)) == Reason.NONE

    async def prove(self, number: int) -> tuple[bytes, NationalProof, int, Log, Sequence[bytes]]:
        """Gives the bundle of a decision, the file that leads to the nation, and what the contract is shown."""
        anchored = await self.nation.ledger.checkpoint(self.id)
        bundle = await self.chain.prover.prove(HOSPITAL.address, number, checkpoint=anchored.block_number)
        leaves, logs = await self.leaves(), await self.logs()
        ledger = self.chain.manifest.address("AccessLedger")
        words = number.to_bytes(32, "big")
        index = next(n for n, log in enumerate(logs) if log.address == ledger and log.topics[1] == words)
        path = inclusion_proof(index, anchored.size, nodes_of(leaves))
        proof = await self.nation.ledger.prove(self.identity, anchored.size, index, path)
        return bundle.to_json(), proof, index, logs[index], path


async def _nation(url: str, connection: Connection) -> Nation:
    deployer, relay = (SendingAccount(connection, AccountKey.generate().secret) for _ in range(2))
    one, other = AccountKey.generate(), AccountKey.generate()
    manifest = await deploy_national(connection, deployer, Founders(one.address, other.address))
    officers = tuple(NationalOfficer(connection, manifest, key.secret) for key in (one, other))
    return Nation(url, connection, manifest, (officers[0], officers[1]), relay, NationalLedger(connection, manifest))


@asynccontextmanager
async def _started(folder: Path) -> AsyncIterator[Nation]:
    status = await asyncio.to_thread(node.up, folder, 0)
    connection = DirectConnection(str(status.url), load_profile("embedded"))
    try:
        yield await _nation(str(status.url), connection)
    finally:
        await connection.close()
        await asyncio.to_thread(node.down, folder)


@pytest.fixture
async def provinces(tmp_path: Path, engine: Path) -> AsyncIterator[tuple[Province, Province]]:  # noqa: ARG001 - must be installed first
    """Two admitted provinces with a decision each."""
    async with (
        deployed(tmp_path / "guangdong") as one,
        deployed(tmp_path / "hubei") as other,
        _started(tmp_path / "nation") as nation,
    ):
        made = Province(one, "ledger.example.org/44", nation), Province(other, "ledger.example.org/42", nation)
        for province in made:
            signers = [key.signer for key in province.witnesses]
            first = await nation.officers[0].admit_ledger(province.identity, signers, THRESHOLD)
            assert isinstance(first, Waiting)
            assert not isinstance(await nation.officers[1].admit_ledger(province.identity, signers, THRESHOLD), Waiting)
            await province.decide(1)
        yield made


async def _ask(province: Province, function: str, *values: object) -> None:
    """Has the contract check something of a province; the error is the one its revert data names."""
    nation, call = province.nation, artifact(NATIONAL).functions[function].encode_call
    asked = call((values_of(province.identity), *values))
    await nation.connection.call(nation.manifest.address(NATIONAL), asked)


async def _verify_logged(province: Province, size: int, index: int, log: Log, path: Sequence[bytes]) -> None:
    """Has the contract check that a decision is in an anchored log."""
    place = (log.block_number, log.block_hash, index)
    await _ask(province, "verifyLoggedDecision", size, place, log.topics, log.data, list(path))


async def _verify_receipt(province: Province, size: int, headers: Sequence[bytes], inclusion: Inclusion) -> None:
    """Has the contract check that a decision stands in a block of an anchored chain, headers from the anchored down."""
    place = (inclusion.transaction_index, inclusion.log_index)
    await _ask(province, "verifyDecisionReceipt", size, list(headers), place, list(inclusion.nodes))


async def _verify(province: Province, number: int) -> None:
    """Proves a decision offline and to the contract; what is another's proves nothing."""
    content, proof, index, log, path = await province.prove(number)
    nation = province.nation.ledger
    trust = replace(await province.chain.prover.trust_root(), national=await nation.trust(province.origin))
    access = verify(content, trust)
    found = verify_anchoring(proof.to_json(), access, trust)
    assert (found.checkpoint, found.signers, found.sealed) == (proof.checkpoint, THRESHOLD, None)
    assert "anchored by 3 witnesses" in found.in_words()

    await _verify_logged(province, proof.checkpoint.size, index, log, path)
    with pytest.raises(InvalidInputError, match="NationalAnchorPathInvalid"):
        await _verify_logged(province, proof.checkpoint.size, index - 1, log, path)
    for changed, step in (
        (replace(proof, index=index - 1), 20),
        (replace(proof, signers=proof.signers[:2]), 19),
        (replace(proof, inclusion=replace(proof.inclusion, block_hash=FORGED)), 18),
    ):
        with pytest.raises(VerificationError) as caught:
            verify_anchoring(changed.to_json(), access, trust)
        assert caught.value.step == step


async def test_decisions_of_two_provinces_are_followed_to_the_nation(provinces: tuple[Province, Province]) -> None:
    for province in provinces:
        assert (await province.anchor(await province.seen())).conflict == Conflict.NONE
        await province.decide(2)
        assert (await province.anchor(await province.seen())).conflict == Conflict.NONE
        assert (await province.known()).status == LedgerStatus.ACTIVE
    for province in provinces:
        for number in (1, 2):
            await _verify(province, number)
    one, other = provinces
    content, proof, *_ = await one.prove(1)
    national = await one.nation.ledger.trust(other.origin)
    access = verify(content, await one.chain.prover.trust_root())
    with pytest.raises(VerificationError, match="origin of the ledger") as caught:
        verify_anchoring(proof.to_json(), access, replace(await one.chain.prover.trust_root(), national=national))
    assert caught.value.step == 17


async def test_decision_is_shown_to_the_contract_by_headers_and_receipt(provinces: tuple[Province, Province]) -> None:
    province, _ = provinces
    await province.anchor(await province.seen())
    anchored = await province.nation.ledger.checkpoint(province.id)
    bundle = await province.chain.prover.prove(HOSPITAL.address, 1, checkpoint=anchored.block_number)
    decision = bundle.decision
    assert isinstance(decision, Inclusion)
    decided = decision.block_hash
    down = sorted(bundle.headers, key=lambda one: -header.decode(one).number)
    hashes = [header.decode(one).hash for one in down]
    headers = down[: hashes.index(decided) + 1]

    await _verify_receipt(province, anchored.size, headers, decision)
    with pytest.raises(InvalidInputError, match="NationalAnchorHeadersInvalid"):
        await _verify_receipt(province, anchored.size, headers[1:], decision)


async def test_fork_is_recorded_stops_one_ledger_and_is_resolved(provinces: tuple[Province, Province]) -> None:
    one, other = provinces
    nation, seen = one.nation.ledger, await one.seen()
    await one.anchor(seen)
    _, proof, index, log, path = await one.prove(1)

    forked = await one.anchor(replace(seen, root=FORGED))

    assert forked.conflict == Conflict.TWO_ROOTS
    assert await one.known() == KnownLedger(LedgerStatus.FORKED, seen.size, 1, 1, THRESHOLD)
    assert (await other.anchor(await other.seen())).conflict == Conflict.NONE
    await one.decide(2)
    with pytest.raises(ConflictError, match="NationalAnchorStatusInvalid"):
        await one.anchor(await one.seen())
    with pytest.raises(ConflictError, match="NationalAnchorStatusInvalid"):
        await _verify_logged(one, seen.size, index, log, path)
    assert await nation.checkpoint(one.id) == seen == proof.checkpoint

    for officer in one.nation.officers:
        await officer.resolve_fork(one.id, ZERO_32)
    assert (await one.anchor(await one.seen())).conflict == Conflict.NONE
    await _verify(one, 2)


async def test_witnesses_who_signed_two_roots_are_convicted_by_the_command(
    provinces: tuple[Province, Province], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = provinces
    seen = await one.seen()
    for province in provinces:
        await province.anchor(await province.seen() if province is other else seen)
    await one.decide(2)
    await one.anchor(await one.seen())
    two_roots = replace(seen, root=FORGED)
    _signed(one, two_roots, tmp_path / "forged.json")
    former = {"0x" + key.signer.hex() for key in one.witnesses[:THRESHOLD]}
    # Who signed twice is replaced before anybody knows of it: what the new ones bring does not convict the former.
    for officer in one.nation.officers:
        await officer.change_witnesses(one.id, [AccountKey.generate().signer], 1)
    assert (await one.known()).status == LedgerStatus.ACTIVE

    brought = ("--against", str(seen.size), "--key", str(tmp_path / "anybody"), *_named(one, tmp_path))
    found = await told(capsys, "national", "conflict", str(tmp_path / "forged.json"), *brought)

    assert (found["conflict"], found["status"], found["conflicts"]) == ("two-roots", "forked", 1)
    assert found["anchored"]["root"] == "0x" + seen.root.hex()
    assert found["contradicting"]["root"] == "0x" + FORGED.hex()
    assert set(found["signedBoth"]) == former
    for province, status in ((one, "forked"), (other, "active")):
        shown = await told(capsys, "national", "show", *_named(province, tmp_path))
        assert shown["status"] == status
    again = await told(capsys, "national", "conflict", str(tmp_path / "forged.json"), *brought, status=1)
    assert "NationalAnchorConflictKnown" in again["detail"]


def _signed(province: Province, checkpoint: LedgerCheckpoint, target: Path) -> None:
    """Writes a checkpoint that three witnesses signed, whatever it says."""
    domain = province.nation.ledger.domain
    made = NationalCheckpoint(domain.chain_id, domain.verifying_contract, checkpoint)
    for signer, signature in province.sign(checkpoint):
        made = made.signed_by(signer, signature)
    target.write_bytes(made.to_json())


def _named(province: Province, folder: Path) -> tuple[str, ...]:
    """Writes both manifests; gives the options that name the nation and the province."""
    national, manifest = folder / "national.json", folder / f"{province.origin.rpartition('/')[2]}.json"
    for known, file in ((province.nation.manifest, national), (province.chain.manifest, manifest)):
        if not file.exists():
            known.write(file)
    nation = ("--node", province.nation.url, "--nation", str(national), "--engine", "embedded")
    return (*nation, "--manifest", str(manifest), "--origin", province.origin)
