"""One story: institutions ask two gateways while everything around them fails; then all is mended, and is checked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from consentry.core.batch_tree import batch_of
from consentry.core.codes import ConsentStatus
from consentry.core.receipts import FinalReceipt
from consentry.core.terms import AccessRequest
from consentry.core.typed_data import consent_id
from consentry.crypto.signing import AccountKey
from consentry.errors import AccessDeniedError, ConsentryError
from consentry.gateway.access import Access, AccessDesk
from consentry.gateway.outbox_ports import Wanted
from tests.faults.cast import CONSENTS, HOSPITALS, RECORDS, Cast
from tests.faults.gateways import RELAYS, Gateway, Kinds, Shared, outcome
from tests.faults.node import Node, Rules
from tests.faults.plan import Plan
from tests.faults.promises import BrokenPromiseError, Promises, demand, is_final
from tests.faults.stores import MemoryStores, Stores
from tests.support import samples
from tests.support.interference import Crash

REQUESTS: Final = 30
LASTS: Final = 240.0
"""Seconds in which everybody asks."""
_TRIES: Final = 4
_MOST_TOGETHER: Final = 4
_BEYOND: Final = 0.1
_PROBE_TRIES: Final = 6
_ROUNDS: Final = 40
_PATIENCES: Final = (None, None, 0.0, 0.5, 8.0)
"""Seconds a caller waits for one decision; most take longer than the third and fewer than the last."""
_PATIENCE: Final = 3_000.0
"""Seconds after which a story has to be over."""


@dataclass
class Story:
    """A seed played."""

    plan: Plan
    kinds: Kinds = field(default_factory=Kinds)
    stores: Stores = field(default_factory=MemoryStores)
    rules_class: type[Rules] = Rules
    asked: list[AccessRequest] = field(default_factory=list)
    gateways: list[Gateway] = field(default_factory=list)
    _numbers: int = 0

    def _time(self) -> float:
        return samples.NOW + asyncio.get_running_loop().time()

    async def play(self) -> None:
        """Plays the whole story.

        Raises:
            BrokenPromiseError: a promise was broken.
        """
        await self._begin()
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._pass()
        except TimeoutError:
            demand(self.promises.broken is not None, "nothing lost: a caller was never answered")
            self.promises.check_always()
        finally:
            self._ticking.cancel()
            for gateway in self.gateways:
                gateway.process.end()
            await self.stores.close()

    async def _pass(self) -> None:
        draw = self.plan.draw
        work = [asyncio.create_task(self._client()) for _ in range(self._clients())]
        deeds = [asyncio.create_task(self._later(deed)) for deed in draw.choices(self._deeds(), k=draw.randint(2, 8))]
        await asyncio.gather(*work, *deeds)
        self.promises.check_always()
        await self._heal()
        await self._settle()
        await self._probe()
        self.promises.check_end()
        await self.stores.check(self.gateways[0].ledger)

    def _clients(self) -> int:
        self._left = REQUESTS
        return 6

    async def _begin(self) -> None:
        draw = self.plan.draw
        rules = self.rules_class(lambda: int(self._time()))
        self.node = Node(self.plan, rules)
        self.promises = Promises(self.node)
        self.cast = Cast(rules)
        for key in RELAYS:
            rules.admit_relay(key.address)
        await self.stores.open(self.promises)
        await self.cast.set_up(self.stores.first_vault(), samples.NOW)
        self.node.least = len(rules.blocks)
        stores = self.stores
        shared = Shared(
            self.node,
            self.plan,
            self.promises,
            self.kinds,
            self._time,
            lambda process: stores.vault(process, self.plan, shared.down),
            lambda process: stores.outbox(process, self.plan),
            lambda ledger, process: stores.projection(ledger, rules, process, self.plan),
        )
        if draw.random() < 0.2:
            shared.profile = replace(shared.profile, block_period_seconds=5)
            self.node.period = 5.0
        self.shared = shared
        self.gateways = [Gateway(shared, number) for number in range(draw.choice((1, 2)))]
        self._ticking = asyncio.create_task(self.node.tick())

    # Those who ask.

    async def _client(self) -> None:
        draw = self.plan.draw
        while self._left > 0:
            await asyncio.sleep(draw.uniform(0, LASTS / 6))
            count = min(self._left, draw.choice((1, 1, 1, 2, _MOST_TOGETHER)))
            self._left -= count
            requests, key = self._drawn(count)
            whole = count > 1 and draw.random() < 0.7
            ask = self._ask_whole if whole else self._ask_each
            if draw.random() < 0.25:
                # The same twice at a time, perhaps of two gateways.
                await asyncio.gather(ask(requests, key), ask(requests, key))
            else:
                await ask(requests, key)

    def _drawn(self, count: int) -> tuple[list[AccessRequest], AccountKey]:
        draw = self.plan.draw
        if self.asked and draw.random() < 0.15:
            # A request of before comes again, as it was or, by mistake, with other content under its id.
            old = draw.choice(self.asked)
            if draw.random() < 0.3:
                old = replace(old, purpose=old.purpose + 1)
            return [old], next(key for key in HOSPITALS if key.address == old.institution)
        hospital = draw.randrange(len(HOSPITALS))
        requests = []
        for _ in range(count):
            self._numbers += 1
            own = hospital + len(HOSPITALS) * draw.randrange(CONSENTS // len(HOSPITALS) + 1)
            record, lasts = draw.randrange(RECORDS), draw.choice((60, 600, 3600))
            request = self.cast.request(self._numbers, own, record, int(self._time()) - 10, lasts)
            # Now and then for what no consent covers.
            requests.append(replace(request, purpose=request.purpose + (draw.random() < _BEYOND)))
        self.asked += requests
        return requests, HOSPITALS[hospital]

    def _gateway(self) -> Gateway:
        return self.plan.draw.choice(self.gateways)

    async def _ask_each(self, requests: Sequence[AccessRequest], key: AccountKey) -> None:
        await asyncio.gather(*(self._ask(request, key) for request in requests))

    async def _ask(self, request: AccessRequest, key: AccountKey) -> None:
        signature = self.cast.signed(key, "AccessLedger", request)
        patience = self.plan.draw.choice(_PATIENCES)
        await self._insist(lambda desk: self._within(desk, patience, request, signature), [request])

    async def _within(self, desk: AccessDesk, patience: float | None, request: AccessRequest, signature: bytes) -> Any:  # noqa: ANN401 - whatever came
        """Asks, and waits for so long; whoever is given nothing comes back with the same request."""
        with self.promises.waiting_for(request):
            return await desk.request_within(patience, request, signature)

    async def _ask_whole(self, requests: Sequence[AccessRequest], key: AccountKey) -> None:
        signature = self.cast.signed(key, "AccessLedger", batch_of(key.address, requests))
        wanted = [Wanted(request) for request in requests]

        async def ask(desk: AccessDesk) -> Any:  # noqa: ANN401 - whatever came
            with self.promises.waiting_for(*requests):
                return await desk.request_batch(wanted, signature)

        await self._insist(ask, requests)

    async def _insist(self, ask: Callable[[Any], Any], requests: Sequence[AccessRequest]) -> bool:
        """Asks until there is an answer, or patience ends."""
        for _ in range(_TRIES):
            gateway = self._gateway()
            if gateway.process.alive:
                told = await outcome(gateway.call(ask(gateway.desk)))
                if self._took(requests, told):
                    return True
            await asyncio.sleep(self.plan.seconds(0.5, 30))
        return False

    def _took(self, requests: Sequence[AccessRequest], told: Any) -> bool:  # noqa: ANN401 - whatever came
        if told is None or isinstance(told, Crash):
            return False
        answers = told if isinstance(told, list) else [told] * len(requests)
        if len(answers) != len(requests):
            self.promises.blame(BrokenPromiseError("P5: a batch was given another number of answers"))
            return True
        plain = [_plain(answer) for answer in answers]
        for request, answer in zip(requests, plain, strict=True):
            self.promises.take_answer(request, answer)
        return all(is_final(answer) or not isinstance(answer, ConsentryError) for answer in plain)

    # What happens meanwhile.

    def _deeds(self) -> list[Callable[[], Any]]:
        return [
            self._revoke,
            self._revoke,
            self._suspend,
            self._crash_gateway,
            self._crash_gateway,
            self._restart_node,
            self._part_down,
            self._jump,
        ]

    async def _later(self, deed: Callable[[], Any]) -> None:
        await asyncio.sleep(self.plan.seconds(0, LASTS))
        await deed()

    async def _revoke(self) -> None:
        number = self.plan.draw.randrange(CONSENTS)
        kept = self.node.rules.state.consent(consent_id(self.cast.consents[number]))
        if kept.status == ConsentStatus.ACTIVE:
            await self.cast.revoke(number)
            self.plan.note("revoked")

    async def _suspend(self) -> None:
        hospital = self.plan.draw.randrange(len(HOSPITALS))
        self.cast.suspend(hospital, ends=False)
        self.plan.note("suspended")
        await asyncio.sleep(self.plan.seconds(5, 60))
        self.cast.suspend(hospital, ends=True)

    async def _crash_gateway(self) -> None:
        gateway = self._gateway()
        gateway.process.end()
        self.plan.note("gateway killed")
        await asyncio.sleep(self.plan.seconds(0, 20))
        if not gateway.process.alive:
            gateway.begin()

    async def _restart_node(self) -> None:
        self.node.stop(loses_pool=self.plan.draw.random() < 0.7)
        self.plan.note("node restarted")
        await asyncio.sleep(self.plan.seconds(0.5, 30))
        self.node.start(self.plan.draw.randint(0, 5))

    async def _part_down(self) -> None:
        part = self.plan.draw.choice(list(self.shared.down))
        self.plan.note(f"{part} down")
        self.shared.down[part] = True
        await asyncio.sleep(self.plan.seconds(1, 60))
        self.shared.down[part] = False

    async def _jump(self) -> None:
        number = self.plan.draw.randrange(len(self.shared.skew))
        self.shared.skew[number] = self.plan.draw.choice((-3600, -90, 90, 1000))
        self.plan.note("clock jumped")
        await asyncio.sleep(self.plan.seconds(1, 60))
        self.shared.skew[number] = 0

    # The end.

    async def _heal(self) -> None:
        self.plan.healed = True
        self.node.heal()
        for part in self.shared.down:
            self.shared.down[part] = False
        self.shared.skew[:] = [0, 0]
        for gateway in self.gateways:
            if not gateway.process.alive:
                gateway.begin()

    async def _settle(self) -> None:
        """Waits until nothing is kept any more."""
        for _ in range(_ROUNDS):
            if not await self._left_over():
                return
            await asyncio.sleep(10)
        demand(not await self._left_over(), "nothing lost: a kept request was not settled after everything was mended")

    async def _left_over(self) -> int:
        outbox = self.stores.look_at_outbox()
        return len(await outbox.unsettled()) + len(await outbox.batches())

    async def _probe(self) -> None:
        """Asks each gateway once more: every lane is open."""
        for gateway in self.gateways:
            self._numbers += 1
            request = self.cast.request(self._numbers, 0, 0, int(self._time()) - 10, 600)
            signature = self.cast.signed(HOSPITALS[0], "AccessLedger", request)
            for _ in range(_PROBE_TRIES):
                answer = _plain(await outcome(gateway.call(self._within(gateway.desk, None, request, signature))))
                self.promises.take_answer(request, answer)
                if is_final(answer):
                    break
                await asyncio.sleep(5)
            demand(isinstance(answer, FinalReceipt), f"nothing lost: a mended gateway does not decide ({answer})")


def _plain(answer: Any) -> Any:  # noqa: ANN401 - whatever came
    """Gives the receipt in an answer, if there is one."""
    if isinstance(answer, Access):
        return answer.receipt
    receipt = answer.details.get("receipt") if isinstance(answer, AccessDeniedError) else None
    return receipt or answer
