"""One call looks each fact up once, and forgets as soon as somebody waits for what is new."""

from __future__ import annotations

import asyncio
from collections import Counter

from consentry.core.terms import Address, ConsentId, RecordId
from consentry.core.typed_data import consent_id
from consentry.gateway.access import AccessDesk
from consentry.gateway.ports import ConsentView, InstitutionView, RecordView
from consentry.gateway.remembered import Remembered
from tests.property.desk_histories import HOSPITALS, Bench
from tests.support import samples
from tests.support.memory_projection import MemoryProjection


class Counting(MemoryProjection):
    """Counts what is looked up."""

    looked: Counter[bytes]

    async def institution(self, address: Address) -> InstitutionView | None:
        self.looked[address] += 1
        await asyncio.sleep(0)
        return await super().institution(address)

    async def record(self, record_id: RecordId) -> RecordView | None:
        self.looked[record_id] += 1
        await asyncio.sleep(0)
        return await super().record(record_id)

    async def consent(self, wanted: ConsentId) -> ConsentView | None:
        self.looked[wanted] += 1
        await asyncio.sleep(0)
        return await super().consent(wanted)


async def counting() -> tuple[Bench, Counting]:
    """Gives a chain with people on it, and a projection that counts."""
    bench = Bench(AccessDesk)
    await bench.set_up()
    projection = Counting(bench.ledger)
    projection.looked = Counter()
    return bench, projection


async def test_what_was_found_is_looked_up_once_and_is_what_it_was() -> None:
    bench, projection = await counting()
    facts = Remembered(projection)
    hospital, record, consent = HOSPITALS[0].address, bench.records[0], consent_id(bench.consents[0])
    found = await asyncio.gather(*(facts.record(record) for _ in range(5)))
    assert found == [await MemoryProjection(bench.ledger).record(record)] * 5
    assert await facts.consent(consent) == await MemoryProjection(bench.ledger).consent(consent)
    assert await facts.institution(hospital) == await MemoryProjection(bench.ledger).institution(hospital)
    await facts.institution(hospital)
    assert set(projection.looked.values()) == {1}


async def test_what_was_not_found_is_looked_up_again() -> None:
    _, projection = await counting()
    facts = Remembered(projection)
    unknown = RecordId(samples.word(7))
    assert [await facts.record(unknown), await facts.record(unknown)] == [None, None]
    assert projection.looked[unknown] == 2


async def test_wait_for_a_block_forgets_what_was_found() -> None:
    bench, projection = await counting()
    facts = Remembered(projection)
    await facts.record(bench.records[0])
    await facts.wait_for(0)
    await facts.record(bench.records[0])
    assert projection.looked[bench.records[0]] == 2


async def test_kinds_of_facts_are_told_apart() -> None:
    bench, projection = await counting()
    facts = Remembered(projection)
    await facts.record(bench.records[0])
    assert await facts.consent(ConsentId(bench.records[0])) is None
