"""One institution's requests, however they are made, leave those of its neighbours alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path

from consentry.core.receipts import FinalReceipt
from consentry.core.terms import Material
from consentry.crypto import webauthn
from consentry.crypto.signing import AccountKey
from consentry.crypto.webauthn import SoftwarePasskey
from consentry.errors import ConsentryError
from tests.support import samples
from tests.support.ledger_worlds import REGION, Case, LedgerWorld, deployed, embedded_node, people, world_on

THEIRS = 63


async def _tried(answer: Awaitable[FinalReceipt]) -> FinalReceipt | ConsentryError:
    try:
        return await answer
    except ConsentryError as error:
        return error


async def _neighbour_of(world: LedgerWorld, case: Case, theirs: list[Awaitable[FinalReceipt]]) -> object:
    """What an honest request gets that comes together with others."""
    honest = world.decide(world.request(case), case.material)
    return (await asyncio.gather(*map(_tried, theirs), _tried(honest)))[-1]


async def test_request_beside_costly_ones_is_decided(tmp_path: Path) -> None:
    async with embedded_node(tmp_path / "chain") as connection:
        made = await deployed(connection, people())
        world = await world_on(made)
        await world.populate()
        case = await world.case()
        # Longer than a gateway passes on: a few of them fill a transaction.
        longest = replace(case.material, scope_proof=(b"\xff" * 32,) * 64)

        def long(material: Material) -> Awaitable[FinalReceipt]:
            return world.ledger.decide(world.request(case), b"\xff" * 8192, material)

        receipt = await _neighbour_of(world, case, [long(longest) for _ in range(THEIRS)])
        assert isinstance(receipt, FinalReceipt), receipt

        passkey = SoftwarePasskey.generate(world.verifiers.webauthn)
        institution = AccountKey.generate().address
        keys = passkey.signer, samples.RELEASE_KEY
        await made.by_two(lambda own: own.admit_institution(institution, REGION, *keys))

        def burning() -> Awaitable[FinalReceipt]:
            """Asks with a signature whose place lies so far out that the verifier uses up all its gas."""
            request = world.request(case, institution=institution)
            assertion = webauthn.decode(world.signed(passkey, "AccessLedger", request))
            return world.ledger.decide(request, replace(assertion, type_index=2**255).encoded(), case.material)

        receipt = await _neighbour_of(world, case, [burning() for _ in range(THEIRS)])
        assert isinstance(receipt, FinalReceipt), receipt
