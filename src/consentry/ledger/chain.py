"""`ChainLedger`: the port ``gateway.ports.Ledger`` on a real node, through relay accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from consentry.core.chain import ActReceipt
from consentry.core.codes import Reason
from consentry.core.events import AccessDecided, RequestRejected
from consentry.core.receipts import FinalReceipt
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32, AccessRequest, Address, ConsentTerms, Enrolment, Material, RecordLeaf
from consentry.core.typed_data import struct_hash
from consentry.errors import ConflictError, ConsentryError, LedgerUnavailableError, NotAuthenticError
from consentry.ledger.abi import artifact, values_of
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.connection import Connection
from consentry.ledger.deployment import verify_identity
from consentry.ledger.manifest import Manifest
from consentry.ledger.reader import ChainReader
from consentry.ledger.sequencer import Answer, Item, Sequencer


class ChainLedger(ChainReader):
    """One deployment on one chain, through a relay account, or several: accesses go with whichever is free."""

    def __init__(
        self, connection: Connection, manifest: Manifest, relay: SendingAccount, more: Sequence[SendingAccount] = ()
    ) -> None:
        """Uses ``connect``: it verifies that the node serves the chain of the manifest."""
        super().__init__(connection, manifest)
        self._relay = relay
        self._sequencer = Sequencer([relay, *more], lambda: manifest.address("AccessLedger"))

    @classmethod
    async def connect(
        cls, connection: Connection, manifest: Manifest, relay_key: bytes, more_keys: Sequence[bytes] = ()
    ) -> ChainLedger:
        """Verifies chain and deployment, then gives the ledger, which owns the connection; a refused one is closed.

        Of the further relays those are used that are admitted now.

        Raises:
            ForeignChainError: the node serves another chain or deployment.
            LedgerUnavailableError: the node does not answer.
        """
        try:
            await verify_identity(connection, manifest)
        except BaseException:
            await connection.close()
            raise
        more = [SendingAccount(connection, key) for key in more_keys]
        reader = ChainReader(connection, manifest)
        admitted = [account for account in more if await reader.is_active_relay(account.address)]
        return cls(connection, manifest, SendingAccount(connection, relay_key), admitted)

    @property
    def relay(self) -> Address:
        """The account that passes on signed acts."""
        return self._relay.address

    async def close(self) -> None:
        """Waits for what is under way and closes the connection."""
        await self._sequencer.close()
        await super().close()

    async def enrol(self, enrolment: Enrolment, subject_signature: bytes, custodian_signature: bytes) -> ActReceipt:
        """Enrols a subject."""
        return await self._act("Subjects", "enrol", (values_of(enrolment), subject_signature, custodian_signature))

    async def anchor(self, leaf: RecordLeaf, signature: bytes) -> ActReceipt:
        """Anchors a first version."""
        return await self._act("Records", "anchor", (values_of(leaf), signature))

    async def supersede(self, previous: RecordLeaf, leaf: RecordLeaf, signature: bytes) -> ActReceipt:
        """Anchors the next version."""
        return await self._act("Records", "supersede", (values_of(previous), values_of(leaf), signature))

    async def grant(self, terms: ConsentTerms, signature: bytes) -> ActReceipt:
        """Grants a consent."""
        return await self._act("Consents", "grant", (values_of(terms), signature))

    async def revoke(self, terms: ConsentTerms, signature: bytes, guardian: bytes = ZERO_32) -> ActReceipt:
        """Revokes a consent."""
        return await self._act("Consents", "revoke", (values_of(terms), guardian, signature))

    async def perform(self, act: SignedAct, signatures: Sequence[bytes]) -> ActReceipt:
        """Has a signed act taken."""
        return await self._act(act.FORM.contract, act.FORM.function, (values_of(act), signatures))

    async def rehearse(self, act: SignedAct | Enrolment, signatures: Sequence[bytes]) -> None:
        """Has the contract judge an act without taking it."""
        if isinstance(act, Enrolment):
            contract, function, values = "Subjects", "enrol", (values_of(act), *signatures)
        else:
            contract, function, values = act.FORM.contract, act.FORM.function, (values_of(act), signatures)
        data = artifact(contract).functions[function].encode_call(values)
        await self._relay.rehearse(self._manifest.address(contract), data)

    async def _act(self, contract: str, function: str, values: tuple[Any, ...]) -> ActReceipt:
        target = self._manifest.address(contract)
        mined = await self._relay.act(target, artifact(contract).functions[function].encode_call(values))
        first = next((log for log in mined.logs if log.address == target), None)
        if first is None:
            raise LedgerUnavailableError(f"{function} left no event")
        return ActReceipt(mined.place(first), mined.gas_used)

    def check_room(self, institution: Address, count: int) -> None:
        """Checks that so many requests may wait; see the port."""
        self._sequencer.check_room(institution, count)

    async def decide(self, request: AccessRequest, signature: bytes, material: Material) -> FinalReceipt:
        """Has one request decided; see the port."""
        answer = await self._sequencer.decide(Item(request, signature, material))
        told = await self._told([request], [answer])
        if isinstance(told[0], ConsentryError):
            raise told[0]
        return told[0]

    async def decide_batch(
        self, items: Sequence[tuple[AccessRequest, Material]], signature: bytes
    ) -> Sequence[FinalReceipt | ConsentryError]:
        """Has a batch decided under one signature; see the port."""
        answers = await self._sequencer.decide_batch(items, signature)
        return await self._told([request for request, _ in items], answers)

    async def _told(
        self, requests: Sequence[AccessRequest], answers: Sequence[Answer]
    ) -> list[FinalReceipt | ConsentryError]:
        """Gives what the contract's answers mean; requests of one institution, of which some were decided before."""
        replayed = [
            request.request_id
            for request, answer in zip(requests, answers, strict=True)
            if isinstance(answer, RequestRejected) and answer.reason == Reason.REQUEST_REPLAYED
        ]
        earlier = await self.find_decisions(requests[0].institution, replayed) if replayed else {}
        found: list[FinalReceipt | ConsentryError] = []
        for request, answer in zip(requests, answers, strict=True):
            if isinstance(answer, AccessDecided):
                found.append(self._receipt(answer))
            elif answer.reason == Reason.REQUEST_REPLAYED:
                found.append(_same(request, earlier.get(request.request_id)))
            else:
                name = answer.reason.name
                found.append(NotAuthenticError(f"request was rejected ({name})", reason=name))
        return found


def _same(request: AccessRequest, receipt: FinalReceipt | None) -> FinalReceipt | ConsentryError:
    if receipt is None:
        return LedgerUnavailableError("request was decided before, but its event is not to be found")
    if struct_hash(receipt.entry.request) != struct_hash(request):
        return ConflictError("request id was used before for another request", request_id=str(request.request_id))
    return receipt
