"""Fetches what a bundle is built from: events, raw headers, raw receipts, and the calldata of the decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from consentry.audit.ports import SubmittedRequest
from consentry.core import events
from consentry.core.emergencies import debt_id
from consentry.core.events import LedgerEvent
from consentry.core.terms import Address
from consentry.errors import LedgerUnavailableError, NotFoundError
from consentry.evidence import trie
from consentry.evidence.assemble import AccessHistory, SealedBlock, assemble
from consentry.evidence.bundle import Bundle
from consentry.evidence.inclusion import Inclusion
from consentry.evidence.keys import key_events
from consentry.evidence.log_tree_proof import LogTree
from consentry.evidence.trust import TrustedBlock, TrustRoot
from consentry.ledger.chain import ChainLedger
from consentry.ledger.connection import Connection, readable
from consentry.ledger.events import Log
from consentry.ledger.manifest import Manifest
from consentry.ledger.vouching import NodeProofs


class Prover(NodeProofs):
    """Builds bundles from one node; what it builds is for others to verify."""

    def __init__(self, connection: Connection, manifest: Manifest, ledger: ChainLedger) -> None:
        """Takes the node, the deployment, and the ledger on both."""
        super().__init__(connection, manifest)
        self._ledger = ledger

    async def prove(self, institution: Address, request_id: int, *, checkpoint: int | None = None) -> Bundle:
        """Builds the bundle of one decision; its headers lead on to the checkpoint block, if one is given.

        Raises:
            NotFoundError: no such decision.
            LedgerUnavailableError: the node does not give what is needed.
        """
        return await self.with_headers(await self.history(institution, request_id), checkpoint)

    async def with_headers(self, history: AccessHistory, checkpoint: int | None = None) -> Bundle:
        """Builds a bundle whose events are shown by receipts, with every header from the first of them on.

        Raises:
            LedgerUnavailableError: the node does not give what is needed.
        """
        numbers = sorted(history.blocks())
        blocks = {number: await self._block(number) for number in numbers}
        last = max(numbers[-1], checkpoint or 0)
        path = [
            blocks[number].header if number in blocks else await self._connection.header_bytes(number)
            for number in range(numbers[0], last + 1)
        ]
        return assemble(history, self.facts, blocks, path)

    async def by_log(self, history: AccessHistory, log: LogTree) -> Bundle:
        """Builds a bundle whose events are shown by the ledger log.

        Raises:
            InvalidInputError: the log does not have them all.
            LedgerUnavailableError: the node does not give what is needed.
        """
        number = history.decided.place.block.number
        return assemble(history, self.facts, {number: await self._block(number)}, log=log)

    async def trust_root(self) -> TrustRoot:
        """Gives a trust root whose one checkpoint is the newest block: for who trusts this node now."""
        identity, head = self._manifest.identity, await self._ledger.head()
        return TrustRoot(
            chain_id=identity.chain_id,
            genesis_hash=identity.genesis_hash,
            header_form=self._connection.profile.header_form,
            contracts=tuple(sorted(identity.contracts)),
            checkpoints=(TrustedBlock(head.number, head.hash),),
        )

    async def history(self, institution: Address, request_id: int) -> AccessHistory:
        """Finds the events of one decision.

        Raises:
            NotFoundError: no such decision.
            LedgerUnavailableError: the node does not give what is needed.
        """
        head = await self._ledger.head()
        found = await self._ledger.events(self._manifest.identity.deployed_in, head.number)
        decided = _decision(found, institution, request_id)
        if decided is None:
            raise NotFoundError("decision is not known")
        entry = decided.entry
        before = found[: found.index(decided)]
        admitted = _first(before, events.InstitutionAdmitted, institution=institution)
        if admitted is None:
            raise LedgerUnavailableError("admission of the institution is not to be found")
        rotated = _first(before[::-1], events.InstitutionKeysRotated, institution=institution)
        granted = _first(before, events.ConsentGranted, consent_id=entry.request.consent_id)
        subject = granted.subject_id if granted else None
        submitted = await self._calldata(decided, found)
        return AccessHistory(
            admitted=admitted,
            rotated=rotated,
            enrolled=_first(before, events.SubjectEnrolled, subject_id=subject),
            anchored=_first(before, events.RecordAnchored, record_id=entry.request.record_id),
            granted=granted,
            authorised=_first(before, events.ActPerformed, act_hash=entry.request.authorisation_id),
            decided=decided,
            opened=_first(found, events.DebtOpened, debt_id=debt_id(institution, request_id)),
            scope_proof=tuple(submitted.shown.scope_proof),
            request_signature=submitted.signature,
            within=submitted.within,
            keys=key_events(found[: found.index(granted)], granted) if granted else (),
        )

    async def _calldata(self, decided: events.AccessDecided, found: Sequence[LedgerEvent]) -> SubmittedRequest:
        """Gives the request as submitted: a batch is answered item by item, in its order."""
        transaction = decided.place.transaction_hash
        answers = [e for e in found if isinstance(e, ANSWERS) and e.place.transaction_hash == transaction]
        submitted = await self._ledger.submitted(transaction)
        if submitted is None or len(submitted) != len(answers):
            raise LedgerUnavailableError("request is not to be found in its transaction")
        item = submitted[answers.index(decided)]
        if item is None:
            raise LedgerUnavailableError("request cannot be read in its transaction")
        return item

    async def _block(self, number: int) -> SealedBlock:
        receipts = await self._connection.raw("eth_getBlockReceipts", hex(number))
        with readable("receipts"):
            encoded = tuple(trie.encode_receipt(receipt) for receipt in receipts)
        return SealedBlock(await self._connection.header_bytes(number), encoded)


async def inclusion_of(connection: Connection, log: Log) -> Inclusion:
    """Proves a log by the receipt it stands in, against the header of its block.

    Raises:
        LedgerUnavailableError: the node does not give the receipts, or the log is in none of them.
    """
    answers = await connection.raw("eth_getBlockReceipts", hex(log.block_number))
    with readable("receipts"):
        place = [found["transactionHash"] for found in answers].index("0x" + log.transaction_hash.hex())
        index = [int(found["logIndex"], 16) for found in answers[place]["logs"]].index(log.log_index)
        nodes = trie.prove([trie.encode_receipt(found) for found in answers], place)
    return Inclusion(log.block_hash, place, index, nodes)


ANSWERS: Final = (events.AccessDecided, events.RequestRejected)
Event = TypeVar("Event")


def _first(found: Sequence[object], kind: type[Event], **equal: object) -> Event | None:
    """Gives the first event of a kind whose members have the given values."""
    fitting = (e for e in found if isinstance(e, kind))
    return next((e for e in fitting if all(getattr(e, name) == value for name, value in equal.items())), None)


def _decision(found: Sequence[object], institution: Address, request_id: int) -> events.AccessDecided | None:
    decided = (e for e in found if isinstance(e, events.AccessDecided))
    wanted = (institution, request_id)
    return next((e for e in decided if (e.entry.request.institution, e.entry.request.request_id) == wanted), None)
