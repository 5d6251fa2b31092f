"""A gateway on memory adapters, and one that lies between it and the client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import httpx
import pytest

from consentry.client.hospital import Hospital, Institution
from consentry.client.patient import Patient
from consentry.client.transport import Transport
from consentry.crypto.signing import SigningKey
from consentry.evidence.notation import Json
from tests.support import gateway_world
from tests.support.callers import ORIGIN
from tests.support.gateway_world import MemoryChain, MemoryParts, People, World, populate, served
from tests.support.memory_ledger import VERIFIERS

Lie = Callable[[Json], Json]


@dataclass
class Between(httpx.AsyncBaseTransport):
    """Passes calls on to the gateway; changes what comes back from some, and answers some without passing them on."""

    honest: httpx.ASGITransport
    lies: dict[str, Lie] = field(default_factory=dict)
    invented: dict[str, Json] = field(default_factory=dict)
    status: int = 200
    links: list[str] = field(default_factory=list)
    asked: list[httpx.URL] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answers one call."""
        self.asked.append(request.url)
        kept = next((body for path, body in self.invented.items() if request.url.path.endswith(path)), None)
        if kept is not None:
            return httpx.Response(self.status, json=kept)
        answer = await self.honest.handle_async_request(request)
        lie = next((lie for path, lie in self.lies.items() if request.url.path.endswith(path)), None)
        if lie is None:
            return answer
        await answer.aread()
        headers = {"Link": self.links.pop()} if self.links else {}
        return httpx.Response(answer.status_code, json=lie(answer.json()), headers=headers)


@dataclass
class Callers:
    """Clients of one gateway, each with the node of its own choice or without one."""

    world: World
    parts: MemoryParts
    between: Between

    def patient(self, key: SigningKey, *, at: str = ORIGIN, node: bool = True) -> Patient:
        """Gives a patient's client."""
        return Patient(Transport(at, carrier=self.between), key, self.parts.ledger if node else None)

    def hospital(self, own: gateway_world.Institution) -> Hospital:
        """Gives a hospital's client."""
        transport = Transport(ORIGIN, institution=own.address, key=own.key, carrier=self.between)
        return Hospital(transport, Institution(own.address, own.key, own.seed), self.parts.ledger)


@pytest.fixture
async def callers() -> AsyncIterator[Callers]:
    """A served gateway with everybody admitted, and clients of it."""
    parts = MemoryParts()
    people, chain = People(VERIFIERS), MemoryChain(parts.ledger)
    await chain.admit_authority(people.national, 0)
    await populate(chain, people)
    async with served(parts.context(people.custodian.address), people, chain) as world:
        yield Callers(world, parts, Between(httpx.ASGITransport(world.app)))
