"""The national ledger on a node: deploying it, what its officers do, anchoring, reading, and proving for outsiders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from eth_hash.auto import keccak

from consentry.core.anchors import Conflict, LedgerStatus, signer_order
from consentry.core.chain import ActReceipt, BlockReference
from consentry.core.ledger_checkpoint import LedgerCheckpoint, LedgerIdentity, ledger_id
from consentry.core.offices import Role
from consentry.core.terms import ZERO_32, Address
from consentry.core.typed_data import Domain
from consentry.errors import LedgerUnavailableError, NotFoundError
from consentry.evidence.national import NationalChain, NationalProof
from consentry.evidence.national_checkpoint import NationalCheckpoint
from consentry.evidence.qbft_proof import select
from consentry.evidence.trust import NationalTrust, TrustedBlock
from consentry.ledger.abi import MANAGER, NATIONAL, SYSTEM_DELAY, Artifact, Signature, artifact, values_of
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.connection import Connection, Mined
from consentry.ledger.deployment import Founders, create_contract, governance, manifest_of, wire_roles
from consentry.ledger.events import Log
from consentry.ledger.governance import Answer, Waiting
from consentry.ledger.manifest import Manifest
from consentry.ledger.proofs import inclusion_of

WITNESS_VERIFIER: Final = "ERC7913P256Verifier"
"""Checks signatures of witnesses whose keys are P-256."""


async def deploy_national(connection: Connection, deployer: SendingAccount, founders: Founders) -> Manifest:
    """Deploys the national ledger; afterwards the deployer has no rights and the founders are the first officers.

    Raises:
        LedgerRejectedError: a step failed.
        LedgerUnavailableError: the node does not answer.
    """
    newest = await connection.header()
    first = newest.block.number if newest else 0
    made = {MANAGER: await create_contract(deployer, MANAGER, deployer.address, SYSTEM_DELAY)}
    made[WITNESS_VERIFIER] = await create_contract(deployer, WITNESS_VERIFIER)
    made[NATIONAL] = await create_contract(deployer, NATIONAL, made[MANAGER])
    await wire_roles(deployer, made, governance("national.json"))
    begun = (founders.authority, founders.second_officer, keccak(founders.authority))
    await deployer.act(made[NATIONAL], _function("begin").encode_call(begun))
    renounce = artifact(MANAGER).functions["renounceRole"].encode_call((Role.ADMIN, deployer.address))
    await deployer.act(made[MANAGER], renounce)
    return await manifest_of(connection, made, first)


def _contract() -> Artifact:
    return artifact(NATIONAL)


def _function(name: str) -> Signature:
    return _contract().functions[name]


def _named(logs: Sequence[Log], contract: Address) -> dict[str, tuple[Log, tuple[Any, ...]]]:
    """Gives the last event of each name that the contract emitted."""
    found = {}
    for log in logs:
        event = _contract().events.get(log.topics[0]) if log.address == contract and log.topics else None
        if event is not None:
            found[event.name] = (log, event.decode_event(log.topics, log.data))
    return found


def _columns(signed: Sequence[tuple[bytes, bytes]]) -> tuple[list[bytes], list[bytes]]:
    """Gives signers and signatures in the order the contract takes them."""
    ordered = sorted(signed, key=lambda one: signer_order(one[0]))
    return [one for one, _ in ordered], [other for _, other in ordered]


@dataclass(frozen=True, slots=True)
class KnownLedger:
    """What the nation knows of a ledger; ``size`` is that of the newest anchored tree."""

    status: LedgerStatus
    size: int
    conflicts: int
    version: int
    threshold: int


@dataclass(frozen=True, slots=True)
class Brought:
    """What came of a checkpoint that was brought: anchored where ``conflict`` is none, else recorded as evidence."""

    receipt: ActReceipt
    conflict: Conflict


class NationalLedger:
    """One deployment of the national ledger, read from one node."""

    def __init__(self, connection: Connection, manifest: Manifest) -> None:
        """Takes the node of the national chain and the manifest of the deployment on it."""
        self._connection = connection
        self._manifest = manifest
        self._address = manifest.address(NATIONAL)

    @property
    def domain(self) -> Domain:
        """EIP-712 domain in which witnesses sign."""
        return Domain(f"Consentry {NATIONAL}", self._manifest.identity.chain_id, self._address)

    async def ledger(self, ledger: bytes) -> KnownLedger:
        """Gives what is known of a ledger; status ``NONE`` for one that was never admitted."""
        status, *rest = await self._read("ledgerOf", ledger)
        return KnownLedger(LedgerStatus(status), *rest)

    async def checkpoint(self, ledger: bytes, size: int | None = None) -> LedgerCheckpoint:
        """Gives the anchored checkpoint of a size, or the newest.

        Raises:
            NotFoundError: none is anchored.
            LedgerUnavailableError: the node does not answer, or gives the checkpoint of another ledger or size.
        """
        wanted = (await self.ledger(ledger)).size if size is None else size
        [found] = await self._read("checkpointOf", ledger, wanted)
        anchored = LedgerCheckpoint(*found)
        if anchored.ledger_id == ZERO_32:
            raise NotFoundError(f"no checkpoint of {wanted} entries is anchored")
        if (anchored.ledger_id, anchored.size) != (ledger, wanted):
            # Who signed it may be accused of having signed another: one of another ledger or size contradicts nothing.
            raise LedgerUnavailableError("node gives another checkpoint than the one asked for")
        return anchored

    async def anchor(
        self,
        account: SendingAccount,
        checkpoint: LedgerCheckpoint,
        nodes: Sequence[bytes],
        signed: Sequence[tuple[bytes, bytes]],
    ) -> Brought:
        """Brings a checkpoint; a conflict is no error.

        Args:
            account: pays.
            checkpoint: what was signed.
            nodes: `consentry.core.log_tree.prefix_nodes` of this tree and the newest anchored one; none for the first.
            signed: witnesses and their signatures, in any order.

        Raises:
            ConsentryError: the contract refuses.
            LedgerUnavailableError: the node did not answer.
        """
        return await self._bring(account, "anchor", values_of(checkpoint), list(nodes), *_columns(signed))

    async def record_conflict(
        self,
        account: SendingAccount,
        against: int,
        checkpoint: LedgerCheckpoint,
        nodes: Sequence[bytes],
        signed: Sequence[tuple[bytes, bytes]],
    ) -> Brought:
        """Has recorded that a checkpoint contradicts an anchored one, whose list of witnesses signed both.

        Args:
            account: pays.
            against: size of the anchored tree.
            checkpoint: what was signed.
            nodes: `consentry.core.log_tree.prefix_nodes` of the two trees; none where something else contradicts.
            signed: witnesses and their signatures, in any order.

        Returns:
            Where it was recorded, and as which conflict.

        Raises:
            ConsentryError: the contract refuses, also where it sees no conflict.
            LedgerUnavailableError: the node did not answer.
        """
        shown = values_of(checkpoint), list(nodes), *_columns(signed)
        return await self._bring(account, "recordConflict", against, *shown)

    async def _bring(self, account: SendingAccount, function: str, *values: Any) -> Brought:  # noqa: ANN401 - known from the ABI
        mined = await account.act(self._address, _function(function).encode_call(values))
        found = _named(mined.logs, self._address)
        for name, kind in (("ConflictRecorded", None), ("CheckpointAnchored", Conflict.NONE)):
            if name in found:
                log, members = found[name]
                return Brought(_receipt(log, mined), Conflict(members[2]) if kind is None else kind)
        raise LedgerUnavailableError(f"{function} left no event")

    async def signed_both(self, anchored: LedgerCheckpoint, other: NationalCheckpoint) -> frozenset[bytes]:
        """Gives who signed an anchored checkpoint and another one of that ledger.

        The node only says which signatures there are: a witness is named where both of its own hold, since it is
        accused of something. What the node leaves out, nobody is named for; nor where both say the same of the log, as
        whoever signs again with a later time contradicts nothing.

        Args:
            anchored: as `checkpoint` gave it.
            other: what contradicts it, with its signatures.

        Raises:
            NotFoundError: no tree of this size is anchored.
            LedgerUnavailableError: the node does not answer.
        """
        if replace(anchored, seen_at=other.checkpoint.seen_at) == other.checkpoint:
            return frozenset()
        _, (*_, signers, signatures) = await self._anchoring(anchored.ledger_id, anchored.size)
        # A node that gives fewer signatures than signers has shown nothing of the others.
        shown = replace(other, checkpoint=anchored, signatures=tuple(zip(signers, signatures, strict=False)))
        verifier = self._manifest.address(WITNESS_VERIFIER)
        return shown.signers(verifier) & other.signers(verifier)

    async def _anchoring(self, ledger: bytes, size: int) -> tuple[Log, tuple[Any, ...]]:
        """Finds the event that anchored a tree, and its members."""
        event = next(s for s in _contract().events.values() if s.name == "CheckpointAnchored")
        topics = (event.digest, ledger, size.to_bytes(32, "big"))
        logs = await self._connection.logs([self._address], self._manifest.identity.deployed_in, None, topics)
        if not logs:
            raise NotFoundError(f"no checkpoint of {size} entries is anchored")
        return logs[-1], event.decode_event(logs[-1].topics, logs[-1].data)

    async def prove(
        self,
        identity: LedgerIdentity,
        size: int,
        index: int,
        path: Sequence[bytes],
        *,
        trust: NationalTrust | None = None,
    ) -> NationalProof:
        """Builds the file that shows an anchored checkpoint to outsiders; they verify it.

        Args:
            identity: of the ledger.
            size: of the anchored tree.
            index: place of the decision's leaf in that tree.
            path: siblings of that leaf.
            trust: what the verifier believes of the nation: the headers are proved from the block it pins, or lead to
                its newest checkpoint; to the newest block if it is not given.

        Raises:
            NotFoundError: no tree of this size is anchored.
            LedgerUnavailableError: the node does not give what is needed.
        """
        chain = self._manifest.identity
        log, (*_, anchored, signers, signatures) = await self._anchoring(ledger_id(identity), size)
        inclusion = await inclusion_of(self._connection, log)
        return NationalProof(
            national=NationalChain(chain.chain_id, chain.genesis_hash, self._address),
            ledger=identity,
            checkpoint=LedgerCheckpoint(*anchored),
            signers=tuple(signers),
            signatures=tuple(signatures),
            headers=await self._path(log.block_number, trust),
            inclusion=inclusion,
            index=index,
            path=tuple(path),
        )

    async def trust(self, origin: str) -> NationalTrust:
        """Gives what a trust root says of this nation, its newest block as checkpoint: for who trusts this node."""
        newest, chain = await self._head(), self._manifest.identity
        form = self._connection.profile.header_form
        pinned = (TrustedBlock(newest.number, newest.hash),)
        return NationalTrust(chain.chain_id, chain.genesis_hash, form, self._address, origin, pinned)

    async def _head(self) -> BlockReference:
        newest = await self._connection.header()
        if newest is None:
            raise LedgerUnavailableError("node does not answer (it has no block)")
        return newest.block

    async def _path(self, block: int, trust: NationalTrust | None) -> tuple[bytes, ...]:
        """Gives the headers that prove a block."""
        if trust is not None and trust.qbft_anchor is not None:
            anchor = trust.qbft_anchor
            return select(anchor, await self._headers(anchor.number, block), block)
        believed = [pinned.number for pinned in trust.checkpoints] if trust is not None else []
        return await self._headers(block, max(believed) if believed else None)

    async def _headers(self, first: int, last: int | None) -> tuple[bytes, ...]:
        """Gives headers up to a block, or to the newest."""
        end = (await self._head()).number if last is None else last
        return tuple([await self._connection.header_bytes(number) for number in range(first, end + 1)])

    async def _read(self, function: str, *values: Any) -> tuple[Any, ...]:  # noqa: ANN401 - known from the ABI
        signature = _function(function)
        return signature.decode_outputs(await self._connection.call(self._address, signature.encode_call(values)))


class NationalOfficer:
    """One officer's view of the national ledger; each act takes two: the first call gives `Waiting`."""

    def __init__(self, connection: Connection, manifest: Manifest, officer_key: bytes) -> None:
        """Takes the officer's 32-byte private key."""
        self._account = SendingAccount(connection, officer_key)
        self._address = manifest.address(NATIONAL)

    async def admit_ledger(self, identity: LedgerIdentity, witnesses: Sequence[bytes], threshold: int) -> Answer:
        """Admits a ledger with its witnesses, in any order."""
        return await self._act("admitLedger", values_of(identity), sorted(witnesses, key=signer_order), threshold)

    async def change_witnesses(self, ledger: bytes, witnesses: Sequence[bytes], threshold: int) -> Answer:
        """Replaces the witnesses of a ledger."""
        return await self._act("changeWitnesses", ledger, sorted(witnesses, key=signer_order), threshold)

    async def resolve_fork(self, ledger: bytes, reason_hash: bytes = ZERO_32) -> Answer:
        """Lets a forked ledger go on from what is anchored."""
        return await self._act("resolveFork", ledger, reason_hash)

    async def close_ledger(self, ledger: bytes, reason_hash: bytes = ZERO_32) -> Answer:
        """Closes a ledger for ever."""
        return await self._act("closeLedger", ledger, reason_hash)

    async def _act(self, function: str, *values: Any) -> Answer:  # noqa: ANN401 - known from the ABI
        mined = await self._account.act(self._address, _function(function).encode_call(values))
        found = _named(mined.logs, self._address)
        if "ActProposed" in found:
            log, (act, _, _, lapses_at, _) = found["ActProposed"]
            return Waiting(_receipt(log, mined), act, lapses_at)
        if "ActConfirmed" not in found:
            raise LedgerUnavailableError(f"{function} left no event")
        return _receipt(found["ActConfirmed"][0], mined)


def _receipt(log: Log, mined: Mined) -> ActReceipt:
    return ActReceipt(mined.place(log), mined.gas_used)
