"""One gateway of a story: the real desk, sequencer, sending account and reader in one process that can crash."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, Final

from consentry.core.receipts import FinalReceipt
from consentry.core.terms import RecordLeaf
from consentry.core.typed_data import Domain, struct_hash
from consentry.crypto.signing import AccountKey
from consentry.errors import ConsentryError
from consentry.gateway.access import AccessDesk
from consentry.gateway.outbox_ports import StoredBatch, StoredRequest
from consentry.gateway.ports import LastLook, ReleasedKey
from consentry.gateway.remembered import Facts
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.chain import ChainLedger
from consentry.ledger.engines import EngineProfile, load_profile
from consentry.ledger.sequencer import Sequencer
from tests.faults.cast import CUSTODIAN
from tests.faults.connection import SimulatedConnection, manifest_of
from tests.faults.node import Node
from tests.faults.plan import Plan
from tests.faults.process import Process, failing
from tests.faults.promises import RELEASING, Promises, Release
from tests.support import samples
from tests.support.interference import Crash
from tests.support.memory_ledger import VERIFIERS

RELAYS: Final = tuple(AccountKey(samples.word(0xE1 + number)) for number in range(2))
PROFILE: Final = load_profile("embedded")
ROUND_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Kinds:
    """Which classes a gateway is made of; mutants stand in for some of them."""

    desk: type[AccessDesk] = AccessDesk
    account: type[SendingAccount] = SendingAccount
    sequencer: type[Sequencer] = Sequencer
    ledger: type[ChainLedger] = ChainLedger
    connection: type[SimulatedConnection] = SimulatedConnection


class WatchedOutbox:
    """An outbox that tells what it has taken."""

    def __init__(self, inner: Any, promises: Promises) -> None:  # noqa: ANN401 - any outbox
        self._inner = inner
        self._promises = promises
        self.settle, self.forget, self.unsettled = inner.settle, inner.forget, inner.unsettled
        self.drop_batch, self.batches, self.is_waiting = inner.drop_batch, inner.batches, inner.is_waiting

    async def keep(self, item: StoredRequest) -> None:
        """Keeps a request."""
        self._promises.tried.add(struct_hash(item.request))
        await self._inner.keep(item)
        self._promises.kept[struct_hash(item.request)] = item.request

    async def keep_batch(self, batch: StoredBatch) -> None:
        """Keeps a batch."""
        self._promises.tried |= {struct_hash(item.request) for item in batch.items}
        await self._inner.keep_batch(batch)
        self._promises.kept.update({struct_hash(item.request): item.request for item in batch.items})


class WatchedVault:
    """The vault of one gateway: notes what a last look could see."""

    def __init__(self, inner: Any, gateway: Gateway) -> None:  # noqa: ANN401 - any vault
        self._inner = inner
        self._gateway = gateway

    async def release(
        self, receipt: FinalReceipt, leaf: RecordLeaf, release_key: bytes, domain: Domain, last_look: LastLook
    ) -> ReleasedKey:
        """Releases a key."""
        gateway = self._gateway
        under_way = Release(receipt, gateway.clock(), gateway.connection.served)
        RELEASING.set(under_way)

        async def looked() -> None:
            under_way.begin_look(len(gateway.shared.node.rules.blocks))
            await last_look()
            # Nothing came between: this is the time that the gateway read once it had the node's answer.
            under_way.clock = gateway.clock()

        released: ReleasedKey = await self._inner.release(receipt, leaf, release_key, domain, looked)
        return released


@dataclass
class Shared:
    """What outlives a process: the node, and how to reach the stores.

    Attributes:
        vault: gives the vault of a process.
        outbox: gives the outbox of a process.
        projection: gives the projection of a process, and what keeps it following the chain.
        skew: seconds by which the clock of each gateway is wrong.
    """

    node: Node
    plan: Plan
    promises: Promises
    kinds: Kinds
    time: Callable[[], float]
    vault: Callable[[Process], Any]
    outbox: Callable[[Process], Any]
    projection: Callable[[ChainLedger, Process], tuple[Facts, Callable[[], Awaitable[object]] | None]]
    down: dict[str, bool] = field(default_factory=lambda: {"database": False, "key service": False})
    skew: list[int] = field(default_factory=lambda: [0, 0])
    profile: EngineProfile = PROFILE


class Gateway:
    """One process after another, with the same relay account."""

    def __init__(self, shared: Shared, number: int) -> None:
        self.shared = shared
        self.number = number
        self.begin()

    def begin(self) -> None:
        """Begins a new process."""
        shared, plan = self.shared, self.shared.plan
        self.process = process = Process(plan)
        key = RELAYS[self.number]
        kinds, manifest = shared.kinds, manifest_of(shared.node.rules)
        self.connection = kinds.connection(shared.node, plan, process, key.address, shared.profile)
        relay = kinds.account(self.connection, key.secret)
        self.ledger = ledger = kinds.ledger(self.connection, manifest, relay)
        ledger._sequencer = kinds.sequencer([relay], lambda: manifest.address("AccessLedger"))
        projection, follow = shared.projection(ledger, process)
        outbox = WatchedOutbox(shared.outbox(process), shared.promises)
        self.desk = kinds.desk(
            ledger,
            failing(projection, process, plan, shared.down, "database"),
            WatchedVault(shared.vault(process), self),  # type: ignore[arg-type]  # an access needs release alone
            failing(outbox, process, plan, shared.down, "database"),
            CUSTODIAN.address,
            VERIFIERS,
            clock=self.clock,
        )
        self.follow = follow
        process.begin(self._background())

    def clock(self) -> int:
        """The time on this machine."""
        return int(self.shared.time()) + self.shared.skew[self.number]

    def call(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Has this process do something."""
        return self.process.begin(work)

    async def _background(self) -> None:
        while True:
            for deed in (self.follow, self.desk.resume):
                if deed is not None:
                    await self._try(deed)
            await asyncio.sleep(ROUND_SECONDS)

    async def _try(self, deed: Callable[[], Awaitable[object]]) -> None:
        try:
            await deed()
        except ConsentryError:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a broken promise
            self.shared.promises.take_answer(_NOBODY, error)


_NOBODY: Final = replace(samples.request(bytes(32), bytes(32), bytes(32)), request_id=0)


async def outcome(task: asyncio.Task[Any]) -> Any:  # noqa: ANN401 - what it gives, or what it raised
    """Waits for something a process does; a `Crash` if the process ended."""
    await asyncio.wait({task})
    if task.cancelled():
        return Crash()
    error = task.exception()
    if isinstance(error, BaseExceptionGroup):
        return Crash() if error.subgroup(Crash) else error
    return error if error is not None else task.result()
