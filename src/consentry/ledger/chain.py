"""`ChainLedger`: the port ``gateway.ports.Ledger`` on a real node, and the event source of projection and audit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from consentry.core.chain import ActReceipt, BlockReference, ChainIdentity, EventPlace
from consentry.core.codes import ConsentStatus, Reason, Standing
from consentry.core.events import AccessDecided, LedgerEvent
from consentry.core.receipts import LEDGER_SEAL, FinalReceipt
from consentry.core.terms import (
    AccessRequest,
    Address,
    ConsentId,
    ConsentTerms,
    Enrolment,
    Material,
    RecordLeaf,
    SubjectId,
)
from consentry.core.typed_data import Domain, struct_hash
from consentry.errors import ConflictError, LedgerUnavailableError, NotAuthenticError
from consentry.ledger.abi import CONTRACTS, artifact
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.connection import Connection, Header
from consentry.ledger.deployment import Manifest, verify_identity
from consentry.ledger.events import decode_log
from consentry.ledger.sequencer import Item, Sequencer

_FINALITY: Final = {
    "single-node": "sealed by the one node of this chain; no other party agreed to the block",
    "validator-quorum": "sealed by at least two thirds of the validators",
}
_DECIDED: Final = next(d for d, s in artifact("AccessLedger").events.items() if s.name == "AccessDecided")


def _struct(value: Any) -> tuple[Any, ...]:
    return tuple(getattr(value, name) for name in value.__slots__)


class ChainLedger:
    """One deployment on one chain, through one relay account."""

    def __init__(self, connection: Connection, manifest: Manifest, relay: SendingAccount) -> None:
        """Use ``connect``: it verifies that the node serves the chain of the manifest."""
        self._connection = connection
        self._manifest = manifest
        self._relay = relay
        self._sequencer = Sequencer(relay, lambda: manifest.address("AccessLedger"))

    @classmethod
    async def connect(cls, connection: Connection, manifest: Manifest, relay_key: bytes) -> ChainLedger:
        """Verifies chain and deployment, then gives the ledger.

        Raises:
            ForeignChainError: the node serves another chain or deployment.
            LedgerUnavailableError: the node does not answer.
        """
        await verify_identity(connection, manifest)
        return cls(connection, manifest, SendingAccount(connection, relay_key))

    @property
    def relay(self) -> Address:
        """The account that passes on signed acts."""
        return self._relay.address

    async def close(self) -> None:
        """Waits for what is under way and closes the connection."""
        await self._sequencer.close()
        await self._connection.close()

    async def identity(self) -> ChainIdentity:
        """Gives chain and deployment, verified now.

        Raises:
            ForeignChainError: the node serves another chain or deployment by now.
        """
        await verify_identity(self._connection, self._manifest)
        return self._manifest.identity

    def domain(self, contract: str) -> Domain:
        """Gives the EIP-712 domain of a contract of the suite."""
        identity = self._manifest.identity
        return Domain(f"Consentry {contract}", identity.chain_id, self._manifest.address(contract))

    async def head(self) -> BlockReference:
        """Gives the newest block."""
        return (await self._header(None)).block

    async def enrol(self, enrolment: Enrolment, subject_signature: bytes, custodian_signature: bytes) -> ActReceipt:
        """Enrols a subject."""
        return await self._act("Subjects", "enrol", (_struct(enrolment), subject_signature, custodian_signature))

    async def anchor(self, leaf: RecordLeaf, signature: bytes) -> ActReceipt:
        """Anchors a first version."""
        return await self._act("Records", "anchor", (_struct(leaf), signature))

    async def supersede(self, previous: RecordLeaf, leaf: RecordLeaf, signature: bytes) -> ActReceipt:
        """Anchors the next version."""
        return await self._act("Records", "supersede", (_struct(previous), _struct(leaf), signature))

    async def grant(self, terms: ConsentTerms, signature: bytes) -> ActReceipt:
        """Grants a consent."""
        return await self._act("Consents", "grant", (_struct(terms), signature))

    async def revoke(self, terms: ConsentTerms, signature: bytes) -> ActReceipt:
        """Revokes a consent."""
        return await self._act("Consents", "revoke", (_struct(terms), signature))

    async def _act(self, contract: str, function: str, values: tuple[Any, ...]) -> ActReceipt:
        target = self._manifest.address(contract)
        mined = await self._relay.act(target, artifact(contract).functions[function].encode_call(values))
        first = next((log for log in mined.logs if log.address == target), None)
        if first is None:
            raise LedgerUnavailableError(f"{function} left no event")
        return ActReceipt(mined.place(first), mined.gas_used)

    async def decide(self, request: AccessRequest, signature: bytes, material: Material) -> FinalReceipt:
        """Has one request decided; see the port."""
        answer = await self._sequencer.decide(Item(request, signature, material))
        if isinstance(answer, AccessDecided):
            return self._receipt(answer)
        if answer.reason == Reason.REQUEST_REPLAYED:
            return await self._earlier(request)
        raise NotAuthenticError(f"request was rejected ({answer.reason.name})", reason=answer.reason.name)

    async def _earlier(self, request: AccessRequest) -> FinalReceipt:
        receipt = await self.find_decision(request.institution, request.request_id)
        if receipt is None:
            raise LedgerUnavailableError("request was decided before, but its event is not to be found")
        if struct_hash(receipt.entry.request) != struct_hash(request):
            raise ConflictError("request id was used before for another request", request_id=str(request.request_id))
        return receipt

    async def find_decision(self, institution: Address, request_id: int) -> FinalReceipt | None:
        """Looks a decision up by its request id."""
        topics = (_DECIDED, request_id.to_bytes(32, "big"), None, institution.rjust(32, b"\0"))
        target = self._manifest.address("AccessLedger")
        logs = await self._connection.logs([target], self._manifest.identity.deployed_in, None, topics)
        if not logs:
            return None
        log = logs[0]
        block = await self._block(log.block_number)
        if block.hash != log.block_hash:
            return None
        event = decode_log(log, EventPlace(block, log.transaction_hash, log.log_index))
        return self._receipt(event) if isinstance(event, AccessDecided) else None

    def _receipt(self, event: AccessDecided) -> FinalReceipt:
        return FinalReceipt(event.entry, event.place, _FINALITY[self._connection.profile.finality], LEDGER_SEAL)

    async def _read(self, contract: str, function: str, *values: Any) -> tuple[Any, ...]:
        signature = artifact(contract).functions[function]
        data = await self._connection.call(self._manifest.address(contract), signature.encode_call(values))
        return signature.decode_outputs(data)

    async def consent_status(self, consent_id: ConsentId) -> ConsentStatus:
        """Reads the status of a consent at head."""
        ((status, *_),) = await self._read("Consents", "stateOf", consent_id)
        return ConsentStatus(status)

    async def institution_standing(self, institution: Address) -> Standing:
        """Reads the standing of an institution at head."""
        (standing,) = await self._read("Participants", "institutionStanding", institution)
        return Standing(standing)

    async def is_signed_by_subject(self, subject_id: SubjectId, digest: bytes, signature: bytes) -> bool:
        """Asks the contract whether a signature is the subject's; works for smart accounts too."""
        (signed,) = await self._read("Subjects", "isSignedBy", subject_id, digest, signature)
        return bool(signed)

    async def subject_head(self, subject_id: SubjectId) -> bytes:
        """Reads the head of a subject's log."""
        (head,) = await self._read("AccessLedger", "subjectHead", subject_id)
        return bytes(head)

    async def institution_head(self, institution: Address) -> bytes:
        """Reads the head of an institution's log."""
        (head,) = await self._read("AccessLedger", "institutionHead", institution)
        return bytes(head)

    async def block(self, number: int) -> BlockReference | None:
        """Gives a block; None if the chain is shorter."""
        header = await self._connection.header(number)
        return header.block if header else None

    async def events(self, first: int, last: int) -> Sequence[LedgerEvent]:
        """Gives every event of the suite in blocks ``first`` to ``last``, in chain order."""
        addresses = [self._manifest.address(name) for name in CONTRACTS]
        found = []
        for log in await self._connection.logs(addresses, first, last):
            block = await self._block(log.block_number)
            if block.hash != log.block_hash:
                raise LedgerUnavailableError("chain was reorganised while it was read")
            event = decode_log(log, EventPlace(block, log.transaction_hash, log.log_index))
            if event is not None:
                found.append(event)
        return found

    async def transaction_input(self, transaction_hash: bytes) -> bytes:
        """Gives the calldata of a mined transaction, for signatures."""
        return await self._connection.transaction_input(transaction_hash)

    async def _header(self, number: int | None) -> Header:
        header = await self._connection.header(number)
        if header is None:
            raise LedgerUnavailableError("node does not give the block")
        return header

    async def _block(self, number: int) -> BlockReference:
        return (await self._header(number)).block
