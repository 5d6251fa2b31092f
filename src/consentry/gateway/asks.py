"""Asks for consents as they stand: who asked for what, and what became of it. Nothing here counts refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast

from consentry.core.asks import COOL_DOWN, AskDenial, ConsentAsk, ask_answered_by
from consentry.core.chain import EventPlace
from consentry.core.codes import AskStatus
from consentry.core.terms import Address, SubjectId
from consentry.gateway.ports import Projection

_STEP: Final = 500
Cursor = tuple[int, int]


@dataclass(frozen=True, slots=True)
class AskView:
    """One ask; ``cool_down_ends`` is zero unless it was denied. Times in seconds."""

    ask_id: bytes
    ask: ConsentAsk
    status: AskStatus
    cool_down_ends: int
    place: EventPlace


async def asks_of(
    projection: Projection,
    subject_id: SubjectId,
    now: int,
    *,
    institution: Address | None = None,
    after: Cursor | None,
    limit: int,
) -> Sequence[AskView]:
    """Gives at most ``limit`` asks to a subject in chain order: of everybody, or of one institution.

    Args:
        projection: what is known of the chain.
        subject_id: who was asked.
        now: time in seconds, which tells what has lapsed.
        institution: whose asks alone are to be given.
        after: place of the last one seen; None starts at the first.
        limit: how many at most.
    """
    found = await projection.acts(
        subject_id=subject_id, institution=institution, kinds=(ConsentAsk,), after=after, limit=limit
    )
    if not found:
        return []
    denied, answered = await _denials(projection, subject_id), await _answers(projection, subject_id)
    views = []
    for event in found:
        ask, denial = cast("ConsentAsk", event.act), denied.get(event.act_hash)
        if denial is not None:
            status = AskStatus.DENIED
        elif event.act_hash in answered:
            status = AskStatus.ANSWERED
        else:
            status = AskStatus.OPEN if now < ask.lapses_at else AskStatus.LAPSED
        ends = denial + COOL_DOWN if denial is not None else 0
        views.append(AskView(event.act_hash, ask, status, ends, event.place))
    return views


async def asks_to(
    projection: Projection, subjects: Iterable[SubjectId], now: int, after: Cursor | None
) -> AsyncIterator[AskView]:
    """Gives every ask to any of some subjects after a place of the chain, in chain order.

    Args:
        projection: what is known of the chain.
        subjects: who was asked.
        now: time in seconds, which tells what has lapsed.
        after: place of the last one seen; None starts at the first.
    """
    asked, is_more = list(subjects), True
    while is_more:
        pages = [await asks_of(projection, subject, now, after=after, limit=_STEP) for subject in asked]
        # Beyond the end of a full page there may be others to the same subject, which come before those of the rest.
        ends = [_place_of(page[-1]) for page in pages if len(page) == _STEP]
        found = sorted((view for page in pages for view in page), key=_place_of)
        is_more = bool(ends)
        for view in found:
            if not ends or _place_of(view) <= min(ends):
                after = _place_of(view)
                yield view


def _place_of(view: AskView) -> Cursor:
    return view.place.block.number, view.place.log_index


async def _denials(projection: Projection, subject_id: SubjectId) -> dict[bytes, int]:
    """Gives when each denied ask of a subject was denied."""
    denied: dict[bytes, int] = {}
    after: Cursor | None = None
    while True:
        page = await projection.acts(subject_id=subject_id, kinds=(AskDenial,), after=after, limit=_STEP)
        for event in page:
            denied[cast("AskDenial", event.act).ask_id] = event.place.block.time
        if len(page) < _STEP:
            return denied
        after = page[-1].place.block.number, page[-1].place.log_index


async def _answers(projection: Projection, subject_id: SubjectId) -> set[bytes]:
    """Gives the nonces of a subject's consents: among them are the ids of the asks it answered."""
    answered: set[bytes] = set()
    after: Cursor | None = None
    while True:
        page = await projection.consents_of(subject_id, after, _STEP)
        answered |= {ask_answered_by(view.terms) for view in page}
        if len(page) < _STEP:
            return answered
        after = page[-1].place.block.number, page[-1].place.log_index
