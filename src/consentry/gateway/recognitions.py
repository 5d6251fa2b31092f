"""What became of marked results: counts of a receiving institution and of an issuer, by item."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from consentry.core.events import ActPerformed
from consentry.core.recognitions import Recognition, ResultMark
from consentry.core.signed_act import SignedAct
from consentry.core.terms import Address, RecordId
from consentry.gateway.ports import Projection

_PAGE: Final = 200


@dataclass(slots=True)
class Counts:
    """Results of one item, each counted once for a receiver and its issuer, by what was said last."""

    received_accepted: int = 0
    received_refused: int = 0
    issued_accepted: int = 0
    issued_refused: int = 0


async def counts_of(projection: Projection, institution: Address) -> dict[int, Counts]:
    """Gives the counts of an institution, by item code."""
    found: dict[int, Counts] = defaultdict(Counts)
    received = {act.record_id: act async for act in _recognitions_by(projection, institution)}
    items = {mark.record_id: mark.item_code async for mark in _marks_of(projection, list(received))}
    for record_id, said in received.items():
        counts = found[items[record_id]]
        if said.accepted:
            counts.received_accepted += 1
        else:
            counts.received_refused += 1
    async for item_code, accepted in _said_of_issued(projection, institution):
        if accepted:
            found[item_code].issued_accepted += 1
        else:
            found[item_code].issued_refused += 1
    return dict(sorted(found.items()))


async def _acts(
    projection: Projection, kind: type[SignedAct], institution: Address | None, records: Sequence[RecordId] = ()
) -> AsyncIterator[ActPerformed]:
    after = None
    while True:
        page = await projection.acts(institution=institution, records=records, kinds=(kind,), after=after, limit=_PAGE)
        for event in page:
            yield event
            after = event.place.block.number, event.place.log_index
        if len(page) < _PAGE:
            return


async def _recognitions_by(projection: Projection, institution: Address) -> AsyncIterator[Recognition]:
    async for event in _acts(projection, Recognition, institution):
        if isinstance(event.act, Recognition):
            yield event.act


async def _marks_of(projection: Projection, records: Sequence[RecordId]) -> AsyncIterator[ResultMark]:
    for start in range(0, len(records), _PAGE):
        async for event in _acts(projection, ResultMark, None, records[start : start + _PAGE]):
            if isinstance(event.act, ResultMark):
                yield event.act


async def _said_of_issued(projection: Projection, issuer: Address) -> AsyncIterator[tuple[int, bool]]:
    """Gives item and answer for each result of an issuer and each institution that said anything of it, the last."""
    items = {}
    async for event in _acts(projection, ResultMark, issuer):
        if isinstance(event.act, ResultMark):
            items[event.act.record_id] = event.act.item_code
    records = list(items)
    for start in range(0, len(records), _PAGE):
        said: dict[tuple[RecordId, Address], bool] = {}
        async for event in _acts(projection, Recognition, None, records[start : start + _PAGE]):
            if isinstance(event.act, Recognition):
                said[event.act.record_id, event.act.institution] = event.act.accepted
        for (record_id, _), accepted in said.items():
            yield items[record_id], accepted
