"""One gateway's line to the node: the methods of `ledger.connection.Connection` without web3, each of them may fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from eth_hash.auto import keccak

from consentry.core import events
from consentry.core.chain import EventPlace
from consentry.core.codes import ConsentStatus, Reason, Standing
from consentry.core.exclusions import is_excluded
from consentry.core.terms import ZERO_ADDRESS, Address, ConsentId, RecordId, SubjectId
from consentry.errors import LedgerUnavailableError
from consentry.ledger.abi import CONTRACTS, artifact
from consentry.ledger.connection import Connection, Header, Mined, Topic
from consentry.ledger.engines import EngineProfile
from consentry.ledger.events import Log, decode_log
from consentry.ledger.manifest import Manifest
from tests.faults.node import REFUSED, Node
from tests.faults.plan import Plan
from tests.faults.process import Process
from tests.faults.promises import RELEASING
from tests.faults.wire_logs import encode_log
from tests.support.answers import encode_members
from tests.support.memory_ledger import CHAIN_ID, MemoryLedger

GIVES_UP_SECONDS: Final = 10.0
_SLOW: Final = 4.0
_NEWEST: Final = 3
Made = TypeVar("Made")


def manifest_of(ledger: MemoryLedger) -> Manifest:
    """Gives the manifest of a chain in memory; the code of a contract is its name."""
    contracts = tuple((name, ledger.domain(name).verifying_contract) for name in CONTRACTS)
    identity = replace(_identity(ledger), contracts=contracts)
    return Manifest(identity, tuple((name, keccak(name.encode())) for name in CONTRACTS))


def _identity(ledger: MemoryLedger) -> Any:  # noqa: ANN401 - as the ledger gives it
    story = ledger.identity()
    try:
        story.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("the ledger in memory waits for something")


class SimulatedConnection(Connection):
    """A line that loses, delays, repeats and mixes up.

    Attributes:
        served: of each read, how many blocks the node showed.
    """

    def __init__(self, node: Node, plan: Plan, process: Process, account: Address, profile: EngineProfile) -> None:
        self.profile = profile
        self.served: list[int] = []
        self._node = node
        self._plan = plan
        self._process = process
        self._account = account
        self._addresses = {address: name for name, address in manifest_of(node.rules).identity.contracts}

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _asked(self, answer: Callable[[], Made]) -> Made:
        """Has the node answer, if question and answer come through."""
        await self._way_there()
        self._process.check()
        made = answer()
        if self._plan.happens("reply-lost"):
            await self._lost()
        self._process.check()
        return made

    async def _way_there(self) -> None:
        self._process.pass_point()
        delayed = self._plan.happens("rpc-delayed")
        await asyncio.sleep(self._plan.seconds(0, _SLOW) if delayed else 0.002)
        if self._node.down or self._plan.happens("rpc-lost"):
            await self._lost()

    async def _lost(self) -> None:
        release = RELEASING.get(None)
        if release is not None:
            release.unanswered = release.looked_from is not None
        await asyncio.sleep(self._plan.seconds(0, GIVES_UP_SECONDS))
        self._process.check()
        raise LedgerUnavailableError("node does not answer (simulated)")

    def _height(self) -> int:
        self.served.append(self._node.height)
        return self._node.height

    async def chain_id(self) -> int:
        return await self._asked(lambda: CHAIN_ID)

    async def code(self, address: Address) -> bytes:
        return await self._asked(lambda: self._addresses.get(address, "").encode())

    async def header(self, number: int | None = None) -> Header | None:
        return await self._asked(lambda: self._header(number))

    def _header(self, number: int | None) -> Header | None:
        height, blocks = self._height(), self._node.rules.blocks
        wanted = height - 1 if number is None else number
        if wanted >= height:
            return None
        return Header(blocks[wanted], blocks[wanted - 1].hash if wanted else bytes(32))

    async def next_nonce(self, account: Address) -> int:
        return await self._asked(lambda: self._node.next_nonce(account))

    async def send(self, raw: bytes) -> None:
        await self._way_there()
        plan, node = self._plan, self._node
        if plan.happens("refused"):
            raise LedgerUnavailableError("node refuses (pool is full)", rpc_code=REFUSED)
        if plan.happens("sent-late"):
            asyncio.get_running_loop().call_later(plan.seconds(1, 90), self._deliver, raw)
            await self._lost()
        self._process.check()
        if plan.happens("sent-twice"):
            # Something between repeats it, and hands the answer to the second one on.
            self._deliver(raw)
        node.receive(raw, self._account)
        if plan.happens("sent-reply-lost"):
            await self._lost()
        self._process.check()

    def _deliver(self, raw: bytes) -> None:
        if self._node.down:
            return
        try:
            self._node.receive(raw, self._account)
        except LedgerUnavailableError:
            return

    async def mined(self, transaction_hash: bytes) -> Mined | None:
        return await self._asked(lambda: self._mined(transaction_hash))

    def _mined(self, transaction_hash: bytes) -> Mined | None:
        found = self._node.mined(transaction_hash)
        if found is not None and self._plan.happens("receipt-mixed-up"):
            others = [hash_ for hash_ in self._node.receipts if hash_ != transaction_hash]
            return self._node.mined(self._plan.draw.choice(others[-_NEWEST:])) if others else None
        return found

    async def logs(
        self, addresses: Sequence[Address], first: int, last: int | None, topics: Sequence[Topic] = ()
    ) -> tuple[Log, ...]:
        return await self._asked(lambda: self._logs(addresses, first, last, topics))

    def _logs(
        self, addresses: Sequence[Address], first: int, last: int | None, topics: Sequence[Topic]
    ) -> tuple[Log, ...]:
        if last is not None and last >= self._height():
            raise LedgerUnavailableError("node refuses (range extends beyond its head)", rpc_code=REFUSED)
        found = [
            log
            for log in self._node.logs()
            if log.address in addresses
            and first <= log.block_number
            and (last is None or log.block_number <= last)
            and all(_fits(topic, log.topics[place : place + 1]) for place, topic in enumerate(topics))
        ]
        if topics and found and self._plan.happens("orphan-logs"):
            found = [orphan for log in found if (orphan := self._orphan(log))] + found
        return tuple(found)

    def _orphan(self, log: Log) -> Log | None:
        """Gives a decision as another block had it, that is no part of the chain."""
        block = self._node.rules.blocks[log.block_number]
        event = decode_log(log, EventPlace(block, log.transaction_hash, log.log_index))
        if not isinstance(event, events.AccessDecided):
            return None
        turned = Reason.CONSENT_REVOKED if event.entry.reason == Reason.NONE else Reason.NONE
        other = replace(event, entry=replace(event.entry, reason=turned))
        return replace(encode_log(other, {n: a for a, n in self._addresses.items()}), block_hash=keccak(b"orphan"))

    async def transaction_call(self, transaction_hash: bytes) -> tuple[Address | None, bytes]:
        raise NotImplementedError

    async def call(
        self,
        target: Address,
        data: bytes,
        sender: Address = ZERO_ADDRESS,
        *,
        in_next_block: bool = False,
        block: int | None = None,
    ) -> bytes:
        del sender, in_next_block, block
        return await self._asked(lambda: self._call(self._addresses[target], data))

    def _call(self, contract: str, data: bytes) -> bytes:
        functions = {function.selector: function for function in artifact(contract).functions.values()}
        function = functions[data[:4]]
        if function.name in ("decide", "decideBatch"):
            return b""
        answer = _ANSWERS[contract, function.name](View(self._node, self._height()), *function.decode_inputs(data))
        return encode_members(function.outputs, answer)


def _fits(topic: Topic, stands: tuple[bytes, ...]) -> bool:
    if topic is None:
        return True
    return stands != () and (stands[0] == topic if isinstance(topic, bytes) else stands[0] in topic)


class View:
    """The state after the blocks that are shown; of what changes in a story, told from the log."""

    def __init__(self, node: Node, height: int) -> None:
        self._node = node
        self._height = height
        self._state = node.rules.state

    def _shown(self, kind: type[Any]) -> list[Any]:
        log = self._node.rules.log
        return [event for event in log if isinstance(event, kind) and event.place.block.number < self._height]

    def state_of(self, consent: ConsentId) -> tuple[Any, ...]:
        """Answers ``Consents.stateOf``."""
        kept = self._state.consent(consent)
        revoked = any(event.consent_id == consent for event in self._shown(events.ConsentRevoked))
        status = ConsentStatus.REVOKED if revoked else min(kept.status, ConsentStatus.ACTIVE)
        return ((int(status), 0, kept.granted_at, kept.revoked_at if revoked else 0),)

    def facts_of(self, subject: SubjectId) -> tuple[Any, ...]:
        """Answers ``Subjects.factsOf``."""
        return (self._state.guardians.facts_of(subject).word(self._state.custodian_of(subject)),)

    def is_excluded(self, subject: SubjectId, institution: Address, practitioner: bytes, category: int) -> tuple[bool]:
        """Answers ``Consents.isExcluded``."""
        return (is_excluded(self._state, subject, institution, practitioner, category),)

    def standing(self, institution: Address) -> tuple[int]:
        """Answers ``Participants.institutionStanding``."""
        own = [e for e in self._shown(events.InstitutionStandingChanged) if e.institution == institution]
        return (int(own[-1].standing if own else Standing.ACTIVE),)

    def status_of(self, record: RecordId) -> tuple[int]:
        """Answers ``Records.statusOf``."""
        return (int(self._state.record_status(record)),)

    def for_decision(self, institution: Address) -> tuple[Any, ...]:
        """Answers ``Participants.institutionForDecision``."""
        known = self._state.institutions[institution]
        limits = known.daily_limit, known.emergency_limit
        return (*self.standing(institution), known.release_key_hash, known.signer, *limits)


_ANSWERS: Final[dict[tuple[str, str], Callable[..., tuple[Any, ...]]]] = {
    ("Consents", "stateOf"): View.state_of,
    ("Consents", "isExcluded"): View.is_excluded,
    ("Subjects", "factsOf"): View.facts_of,
    ("Records", "statusOf"): View.status_of,
    ("Participants", "institutionStanding"): View.standing,
    ("Participants", "institutionForDecision"): View.for_decision,
}
