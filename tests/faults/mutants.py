"""Planted bugs: gateways that are wrong in one place each, and a simulator that has to find every one.

Each stands in for one class of `Kinds`, for the rules of the chain, or for the way things are kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from consentry.core.chain import BlockReference, EventPlace
from consentry.core.codes import ConsentStatus, Standing
from consentry.core.events import AccessDecided, RequestRejected
from consentry.core.receipts import LEDGER_SEAL, FinalReceipt
from consentry.core.terms import AccessEntry, AccessRequest, Address, ConsentId, Material
from consentry.directory.codec import Columns
from consentry.directory.mirror import Mirror
from consentry.directory.projection import Follower
from consentry.errors import ConsentryError, LedgerRejectedError, LedgerUnavailableError
from consentry.gateway.access import Access, AccessDesk, Found
from consentry.gateway.last_look import denied
from consentry.gateway.outbox_ports import StoredBatch, StoredRequest
from consentry.gateway.ports import Conditions, ConditionsAtHead
from consentry.ledger.abi import artifact
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.chain import ChainLedger
from consentry.ledger.connection import Mined
from consentry.ledger.events import decode_log
from consentry.ledger.sequencer import Answer, Item, Sequencer, _Waiting
from tests.faults.connection import SimulatedConnection
from tests.faults.gateways import Kinds
from tests.faults.node import Rules
from tests.support.sabotage import ReleasesBehind

_DECIDED: Final = next(
    digest for digest, event in artifact("AccessLedger").events.items() if event.name == "AccessDecided"
)

# The sending account: numbers.


class CountsOnByItself(SendingAccount):
    """Never asks the node for its number again after a failure: a lost transaction leaves a gap for ever."""

    async def submit(self, target: Address | None, data: bytes, gas: int | None = None) -> Mined:
        kept = self._next
        try:
            return await super().submit(target, data, gas)
        except LedgerUnavailableError:
            self._next = kept + 1 if kept is not None else self._next
            raise


class SendsAgainUnderAnotherNumber(SendingAccount):
    """Believes that what got no receipt in time is lost, and gives its number out as free for good."""

    async def submit(self, target: Address | None, data: bytes, gas: int | None = None) -> Mined:
        try:
            return await super().submit(target, data, gas)
        except LedgerUnavailableError:
            self._next = 0
            raise


# The sequencer: answers.


class LosesTheOtherHalf(Sequencer):
    """Sends the first half again of what was too much, and leaves those waiting that were in the second."""

    async def _send(self, lane: SendingAccount, batch: list[_Waiting]) -> None:
        await super()._send(lane, batch[: max(1, len(batch) - len(batch) // 2)])


class TakesARefusalForAnEnd(Sequencer):
    """Says that nothing was decided where the node refused a transaction: it may know it already."""

    async def decide(self, item: Item) -> Answer:
        try:
            return await super().decide(item)
        except LedgerUnavailableError as error:
            if "rpc_code" in error.details:
                raise _rejected() from error
            raise


class TakesSilenceForAnEnd(Sequencer):
    """Says that nothing was decided where no receipt came."""

    async def decide(self, item: Item) -> Answer:
        try:
            return await super().decide(item)
        except LedgerUnavailableError as error:
            raise _rejected() from error


def _rejected() -> ConsentryError:
    return LedgerRejectedError("decision was refused by the ledger")


# The line to the node, and what is read from it.


class TakesAnyReceipt(SimulatedConnection):
    """Takes the receipt of another transaction for its own, as `Connection` did before the simulator found it."""

    async def wait(self, transaction_hash: bytes, seconds: float) -> Mined:
        deadline = asyncio.get_running_loop().time() + seconds
        while (found := await self.mined(transaction_hash)) is None:
            if asyncio.get_running_loop().time() > deadline:
                raise LedgerUnavailableError("no receipt in time")
            await asyncio.sleep(0.7)
        return Mined(found.succeeded, transaction_hash, found.block, found.gas_used, found.contract, found.logs)


class BelievesOrphans(ChainLedger):
    """Takes a decision of a block that is no part of the chain for final."""

    async def find_decisions(self, institution: Address, request_ids: Sequence[int]) -> dict[int, FinalReceipt]:
        found: dict[int, FinalReceipt] = {}
        target = self._manifest.address("AccessLedger")
        for log in await self._connection.logs([target], 0, None, (_DECIDED,)):
            block = await self._block(log.block_number)
            event = decode_log(log, EventPlace(block, log.transaction_hash, log.log_index))
            if isinstance(event, AccessDecided) and event.entry.request.institution == institution:
                number = event.entry.request.request_id
                if number in request_ids:
                    found.setdefault(number, self._receipt(event))
        return found


class ReplaysAsRejected(ChainLedger):
    """Tells whoever asks again that the request was rejected, instead of what was decided."""

    async def _told(
        self, requests: Sequence[AccessRequest], answers: Sequence[Answer]
    ) -> list[FinalReceipt | ConsentryError]:
        told = [LedgerUnavailableError("decided before") if isinstance(a, RequestRejected) else None for a in answers]
        found = await super()._told(requests, answers)
        return [error or one for error, one in zip(told, found, strict=True)]


class LooksIntoTheMemory(ChainLedger):
    """Answers a look at head from what it saw of a consent before."""

    async def seen(self, conditions: Conditions) -> ConditionsAtHead:
        kept: dict[ConsentId, ConsentStatus] = self.__dict__.setdefault("_seen", {})
        found = await super().seen(conditions)
        return replace(found, consent=kept.setdefault(conditions.request.consent_id, found.consent))


# The desk.


@dataclass(frozen=True, slots=True)
class LooksNoMore(AccessDesk):
    """Does not look again before it releases."""

    async def _check_still_in_force(self, receipt: FinalReceipt, material: Material) -> None:
        del receipt, material


@dataclass(frozen=True, slots=True)
class FailsOpen(AccessDesk):
    """Takes a node that does not answer the last look for one that has nothing against it."""

    async def _check_still_in_force(self, receipt: FinalReceipt, material: Material) -> None:
        with suppress(LedgerUnavailableError):
            await AccessDesk._check_still_in_force(self, receipt, material)


@dataclass(frozen=True, slots=True)
class ReleasesWhateverCame(AccessDesk):
    """Releases with the receipt of whatever was decided, without asking whether it is a permit."""

    async def _released(self, found: Found, receipt: FinalReceipt) -> Access:
        entry = receipt.entry
        turned = AccessEntry(
            entry.request, entry.subject_id, 0, entry.decided_at, entry.subject_sequence, entry.institution_sequence
        )
        return await AccessDesk._released(self, found, FinalReceipt(turned, receipt.place, "believed", LEDGER_SEAL))


@dataclass(frozen=True, slots=True)
class BelievesItself(AccessDesk):
    """Answers with a decision of its own when the node does not."""

    async def _decided(self, request: AccessRequest, signature: bytes, material: Material) -> FinalReceipt:
        try:
            return await AccessDesk._decided(self, request, signature, material)
        except LedgerUnavailableError as error:
            nowhere = EventPlace(BlockReference(0, bytes(32), 0), bytes(32), 0)
            entry = AccessEntry(request, material.leaf.subject_id, 16, 0, 1, 1)
            raise denied(FinalReceipt(entry, nowhere, "believed", LEDGER_SEAL)) from error


@dataclass(frozen=True, slots=True)
class SettlesFirst(AccessDesk):
    """Calls a request settled before the chain has answered."""

    async def _decided(self, request: AccessRequest, signature: bytes, material: Material) -> FinalReceipt:
        await self.outbox.settle(request.institution, request.request_id)
        return await AccessDesk._decided(self, request, signature, material)


@dataclass(frozen=True, slots=True)
class ForgetsWhatIsNotKnown(AccessDesk):
    """Forgets a request whose outcome is not known, as if it had been refused."""

    async def _decided(self, request: AccessRequest, signature: bytes, material: Material) -> FinalReceipt:
        try:
            return await AccessDesk._decided(self, request, signature, material)
        except LedgerUnavailableError:
            await self.outbox.forget(StoredRequest(request, signature, request.consent_id, material.scope_proof))
            raise


@dataclass(frozen=True, slots=True)
class KeepsAfterwards(AccessDesk):
    """Sends a request first, and keeps it when it was decided."""

    async def request_within(
        self, seconds: float | None, request: AccessRequest, signature: bytes, scope_proof: tuple[bytes, ...] = ()
    ) -> Access:
        del seconds
        found = await self._material(request, scope_proof)
        receipt = await self._decided(request, signature, found[1])
        await self.outbox.keep(StoredRequest(request, signature, request.consent_id, scope_proof))
        await self.outbox.settle(request.institution, request.request_id)
        return await self._released(found, receipt)


@dataclass(frozen=True, slots=True)
class DropsTooEarly(AccessDesk):
    """Drops a batch before the chain has answered."""

    async def _decided_batch(
        self, stored: StoredBatch, found: Sequence[Found]
    ) -> Sequence[FinalReceipt | ConsentryError]:
        await self.outbox.drop_batch(stored)
        return await AccessDesk._decided_batch(self, stored, found)


@dataclass(frozen=True, slots=True)
class NeverResumes(AccessDesk):
    """Begins again as if nothing were left over."""

    async def resume(self) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class StumblesOverTheUnknown(AccessDesk):
    """Lets errors that are not ours through to whoever asked."""

    async def _decided(self, request: AccessRequest, signature: bytes, material: Material) -> FinalReceipt:
        try:
            return await AccessDesk._decided(self, request, signature, material)
        except LedgerUnavailableError as error:
            raise KeyError("receipt") from error


@dataclass(frozen=True, slots=True)
class TrustsItsOwnClock(AccessDesk):
    """Releases however long ago the decision was."""

    async def _check_still_in_force(self, receipt: FinalReceipt, material: Material) -> None:
        asked, leaf = receipt.entry.request, material.leaf
        seen = await self.ledger.seen(Conditions(asked, leaf.subject_id, leaf.category))
        if seen.consent != ConsentStatus.ACTIVE or seen.standing != Standing.ACTIVE:
            raise denied(receipt)


# The chain.


class DecidesAgain(Rules):
    """A chain that does not remember which requests it has decided."""

    def _run(self, transaction: Any, place: EventPlace) -> Any:  # noqa: ANN401 - as the rules have it
        kept = self.state.decided
        self.state.decided = type(kept)()
        try:
            return super()._run(transaction, place)
        finally:
            self.state.decided = kept


# Who follows the chain, and views in memory.


class KeepsWhatOthersWrote(Follower):
    """Keeps views of what another process wrote, as `Mirror` did before the simulator found it."""

    async def is_current(self) -> bool:
        return True


class NeverLooksBack(Follower):
    """Goes on from where it was, also if the chain has other blocks there by now."""

    async def _stands(self, block: BlockReference) -> bool:
        del block
        return True


class ForgetsNothing(Mirror):
    """Keeps its views when it does not know what changed."""

    def _take_note(self, rows: Sequence[Columns] | None) -> None:
        if rows is not None:
            super()._take_note(rows)


class CountsDenials(Mirror):
    """Counts every decision as a use of its consent."""

    def _count(self, row: Columns) -> None:
        super()._count({**row, "permitted": True})


FOLLOWING: Final[dict[str, tuple[type[Follower], type[Mirror]]]] = {
    "KeepsWhatOthersWrote": (KeepsWhatOthersWrote, Mirror),
    "NeverLooksBack": (NeverLooksBack, Mirror),
    "ForgetsNothing": (Follower, ForgetsNothing),
    "CountsDenials": (Follower, CountsDenials),
}
"""Planted bugs of who follows the chain: all of them break P7."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A planted bug: what is wrong, and a part of the promise that it must be seen to break."""

    kinds: Kinds
    promise: str
    rules: type[Rules] = Rules


MUTANTS: Final[dict[str, Mutant]] = {
    "CountsOnByItself": Mutant(Kinds(account=CountsOnByItself), "nothing lost"),
    "SendsAgainUnderAnotherNumber": Mutant(Kinds(account=SendsAgainUnderAnotherNumber), "nothing lost"),
    "LosesTheOtherHalf": Mutant(Kinds(sequencer=LosesTheOtherHalf), ""),
    "TakesARefusalForAnEnd": Mutant(Kinds(sequencer=TakesARefusalForAnEnd), "nothing lost"),
    "TakesSilenceForAnEnd": Mutant(Kinds(sequencer=TakesSilenceForAnEnd), "nothing lost"),
    "TakesAnyReceipt": Mutant(Kinds(connection=TakesAnyReceipt), "P5"),
    "BelievesOrphans": Mutant(Kinds(ledger=BelievesOrphans), ""),
    "ReplaysAsRejected": Mutant(Kinds(ledger=ReplaysAsRejected), "nothing lost"),
    "LooksIntoTheMemory": Mutant(Kinds(ledger=LooksIntoTheMemory), "P4"),
    "FailsOpen": Mutant(Kinds(desk=FailsOpen), "P12"),
    "LooksNoMore": Mutant(Kinds(desk=LooksNoMore), "P4"),
    "ReleasesWhateverCame": Mutant(Kinds(desk=ReleasesWhateverCame), "P2"),
    "BelievesItself": Mutant(Kinds(desk=BelievesItself), "P5"),
    "SettlesFirst": Mutant(Kinds(desk=SettlesFirst), "nothing lost"),
    "ForgetsWhatIsNotKnown": Mutant(Kinds(desk=ForgetsWhatIsNotKnown), "nothing lost"),
    "KeepsAfterwards": Mutant(Kinds(desk=KeepsAfterwards), "P5"),
    "DropsTooEarly": Mutant(Kinds(desk=DropsTooEarly), "nothing lost"),
    "NeverResumes": Mutant(Kinds(desk=NeverResumes), "nothing lost"),
    "StumblesOverTheUnknown": Mutant(Kinds(desk=StumblesOverTheUnknown), "P12"),
    "TrustsItsOwnClock": Mutant(Kinds(desk=TrustsItsOwnClock), "P4"),
    "ReleasesBehind": Mutant(Kinds(desk=ReleasesBehind), "nobody waited"),
    "DecidesAgain": Mutant(Kinds(), "P5", DecidesAgain),
}
