"""What others than subject and custodian may know of a subject.

A guardian who may see sees all but what a shielded minor did, was asked and granted itself; an institution what a
consent covers or an access permitted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import reduce
from operator import or_
from typing import Final, Protocol, TypeVar

from consentry.api.policy import Caller, Role, Sight, subject_seen_by
from consentry.core.asks import AskDenial
from consentry.core.assisted_grants import Assistance
from consentry.core.chain import EventPlace
from consentry.core.codes import GuardianKind, GuardianRemover, NoticeBy, RecoveryProposer
from consentry.core.emergencies import EmergencyNotice, EmergencyReview
from consentry.core.erasures import CorrectionRequest, DeletionAttestation, Erasure, ErasureRequest, Restriction
from consentry.core.events import ActPerformed
from consentry.core.exclusions import Exclusion, ExclusionLift
from consentry.core.guardianship import Circumstances, Directive, GuardianAppointment, GuardianRemoval, ProofOfLife
from consentry.core.recognitions import ResultMark, StudyRegistration
from consentry.core.revocations import ErasureAttestation, RevocationAcknowledgement
from consentry.core.signed_act import SignedAct
from consentry.core.signer_keys import RecoveryProposal
from consentry.core.terms import ZERO_32, Address, ConsentId, ConsentTerms, RecordId, RecordLeaf, SubjectId
from consentry.errors import NotFoundError
from consentry.gateway.consents import closed_classes, is_in_force, is_kept_out
from consentry.gateway.context import Context
from consentry.gateway.last_look import LEASE_SECONDS
from consentry.gateway.ports import AccessView, ConsentView, RecordView

Cursor = tuple[int, int]
_STEP: Final = 200
_OF_OTHERS: Final = (
    *(Circumstances, ProofOfLife, Restriction, Erasure, DeletionAttestation),
    *(ResultMark, StudyRegistration, EmergencyReview),
)
"""Acts of custodians, officers and reviewers: what they say of a subject or its records, its guardian may know."""
_OF_A_CONSENT: Final = (Assistance, RevocationAcknowledgement, ErasureAttestation)
_OF_EITHER: Final = (Exclusion, ExclusionLift, ErasureRequest, CorrectionRequest, AskDenial, Directive, EmergencyNotice)
"""Acts that a subject signs itself, or a guardian whose appointment they name."""


class _Placed(Protocol):
    @property
    def place(self) -> EventPlace: ...


View = TypeVar("View", bound=_Placed)
Fetch = Callable[[Cursor | None, int], Awaitable[Sequence[View]]]


async def fill(fetch: Fetch[View], after: Cursor | None, most: int, fits: Callable[[View], bool]) -> list[View]:
    """Gives up to ``most`` views that fit, in chain order, asking for page after page."""
    found: list[View] = []
    while True:
        page = await fetch(after, _STEP)
        found.extend(view for view in page if fits(view))
        if len(page) < _STEP or len(found) >= most:
            return found[:most]
        place = page[-1].place
        after = place.block.number, place.log_index


async def sight_of(context: Context, caller: Caller, subject: SubjectId, clock: int) -> Sight | None:
    """Gives what the caller sees of a subject as its signer, custodian or guardian; none for all others."""
    try:
        return await subject_seen_by(context, caller, subject, clock)
    except NotFoundError:
        return None


async def shown_acts(
    context: Context,
    sight: Sight,
    subject: SubjectId,
    after: Cursor | None,
    most: int,
    kinds: Sequence[type[SignedAct]] = (),
) -> Sequence[ActPerformed]:
    """Gives up to ``most`` signed acts that concern a subject, without those of a shielded minor for a guardian.

    Args:
        context: the gateway's parts.
        sight: what the caller sees of the subject.
        subject: whom the acts concern.
        after: place in the chain after which they come.
        most: how many at most.
        kinds: of which kinds; of all if none is named.
    """
    known = await _consents_where(context, subject, sight.shows_terms) if not sight.whole else frozenset[ConsentId]()

    def fits(event: ActPerformed) -> bool:
        return sight.whole or _is_for_guardians(event.act, known)

    async def fetch(since: Cursor | None, limit: int) -> Sequence[ActPerformed]:
        return await context.projection.acts(subject_id=subject, kinds=kinds, after=since, limit=limit)

    return await fill(fetch, after, most, fits)


def _is_for_guardians(act: SignedAct, known: frozenset[ConsentId]) -> bool:
    """Tells whether a guardian of a shielded minor sees an act; ``known`` are the consents it sees.

    What is not named here it does not see: keys and cards are the minor's own, and so are its delegates, what it was
    asked, and a recognition, which rests on an access under any consent.
    """
    if isinstance(act, _OF_A_CONSENT):
        return act.consent_id in known
    if isinstance(act, EmergencyNotice) and act.by == NoticeBy.CUSTODIAN:
        return True
    if isinstance(act, _OF_EITHER):
        return act.guardian != ZERO_32
    if isinstance(act, GuardianAppointment):
        return act.kind != GuardianKind.DELEGATE
    if isinstance(act, GuardianRemoval):
        return act.by == GuardianRemover.CUSTODIAN  # a guardian who goes may have been a delegate
    if isinstance(act, RecoveryProposal):
        return act.by == RecoveryProposer.GUARDIAN
    return isinstance(act, _OF_OTHERS)


async def shown_accesses(
    context: Context, sight: Sight, subject: SubjectId, after: Cursor | None, most: int
) -> Sequence[AccessView]:
    """Gives up to ``most`` lines of a subject's log; to a guardian not those under what a shielded minor granted."""
    hidden = await _hidden_consents(context, sight, subject)

    async def fetch(since: Cursor | None, limit: int) -> Sequence[AccessView]:
        return await context.projection.accesses(subject_id=subject, after=since, limit=limit)

    return await fill(fetch, after, most, lambda view: view.entry.request.consent_id not in hidden)


async def _hidden_consents(context: Context, sight: Sight, subject: SubjectId) -> frozenset[ConsentId]:
    if sight.whole:
        return frozenset()
    return await _consents_where(context, subject, lambda terms: not sight.shows_terms(terms))


async def _consents_where(
    context: Context, subject: SubjectId, fits: Callable[[ConsentTerms], bool]
) -> frozenset[ConsentId]:
    async def fetch(since: Cursor | None, limit: int) -> Sequence[ConsentView]:
        return await context.projection.consents_of(subject, since, limit)

    found = await fill(fetch, None, 1 << 30, lambda view: fits(view.terms))
    return frozenset(view.consent_id for view in found)


async def consents_naming(context: Context, caller: Caller, subject: SubjectId) -> list[ConsentView]:
    """Gives the consents of a subject that name the calling institution, whatever their state.

    Raises:
        NotFoundError: there is none; the subject does not exist for this caller.
    """
    if caller.role == Role.INSTITUTION:

        async def fetch(after: Cursor | None, limit: int) -> Sequence[ConsentView]:
            return await context.projection.consents_of(subject, after, limit)

        named = await fill(fetch, None, 1 << 30, lambda view: view.terms.institution == caller.institution)
        if named:
            return named
    raise NotFoundError("subject is not known")


async def listed_to(context: Context, caller: Caller, subject: SubjectId, clock: int) -> Callable[[RecordView], bool]:
    """Gives which records of a subject the caller may see in a list.

    Its own side sees all. A grantee sees those that a consent in force covers by class, level and period, without the
    classes the subject excludes; a consent over a named set shows nothing, because the set is known by its root alone.

    Args:
        context: the gateway's parts.
        caller: who asks.
        subject: whose records.
        clock: the gateway's time in seconds since the epoch.

    Raises:
        NotFoundError: no consent in force names the caller, or it is excluded; the subject does not exist for it.
    """
    if await sight_of(context, caller, subject, clock) is not None:
        return lambda _: True
    # Without new blocks the time of the chain stands still, and a consent would seem to last.
    now = max((await context.ledger.head()).time, clock)
    named = await consents_naming(context, caller, subject)
    institution, noted = Address(caller.institution or b""), await context.ledger.subject_facts(subject)
    in_force = [view.terms for view in named if is_in_force(view, noted, now)]
    if not in_force or await is_kept_out(context.ledger, subject, institution):
        raise NotFoundError("subject is not known")
    covered = reduce(or_, (terms.categories for terms in in_force))
    closed = await closed_classes(context.ledger, subject, institution, covered)
    return lambda view: not closed >> view.leaf.category & 1 and any(_covers(terms, view.leaf) for terms in in_force)


def _covers(terms: ConsentTerms, leaf: RecordLeaf) -> bool:
    return bool(
        terms.categories >> leaf.category & 1
        and leaf.sensitivity <= terms.max_sensitivity
        and terms.data_from <= leaf.data_month <= terms.data_until
    )


async def record_seen_by(context: Context, caller: Caller, wanted: RecordId, clock: int) -> RecordView:
    """Gives a record version to its subject, its custodian, and the institution to which it was permitted lately.

    ``clock`` is the gateway's time in seconds since the epoch.

    Raises:
        NotFoundError: there is no such record, or not for this caller.
    """
    view = await context.projection.record(wanted)
    if view is not None:
        if await sight_of(context, caller, view.leaf.subject_id, clock) is not None:
            return view
        if caller.institution is not None and await _permitted_lately(context, caller.institution, wanted, clock):
            return view
    raise NotFoundError("record is not known")


async def _permitted_lately(context: Context, institution: Address, record: RecordId, clock: int) -> bool:
    head = await context.ledger.head()
    await context.projection.wait_for(head.number)
    return await context.projection.was_permitted(institution, record, max(head.time, clock) - LEASE_SECONDS)
