"""The port ``gateway.ports.Projection`` on the tables: what lists and look-ups read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy
from sqlalchemy import func, tuple_
from sqlmodel import col, select

from consentry.core.act_table import BY_EVENT, EVENTS
from consentry.core.chain import BlockReference
from consentry.core.codes import ConsentStatus, RecordStatus, Standing
from consentry.core.emergencies import Debt, EmergencyNotice, EmergencyReview, debts_after
from consentry.core.erasures import Erasure, Restriction
from consentry.core.events import ActPerformed, ConsentGranted, ConsentRevoked
from consentry.core.guardianship import GuardianAppointment
from consentry.core.persons import SubjectUnlink
from consentry.core.signed_act import SignedAct
from consentry.core.signer_keys import (
    INTRODUCING,
    NAMING,
    CardRegistration,
    RecoveryCompletion,
    RecoveryProposal,
    SignerRotation,
)
from consentry.core.terms import Address, ConsentId, RecordId, SubjectId
from consentry.database.engine import Database
from consentry.directory.codec import from_row
from consentry.directory.projection import Follower
from consentry.directory.tables import BlockRow, EventRow
from consentry.gateway.ports import AccessView, ConsentView, InstitutionView, RecordView, SubjectView

Cursor = tuple[int, int]
_EVENTS_WITH_TIMES: Final = sqlalchemy.select(
    *(col(getattr(EventRow, name)) for name in EventRow.model_fields),
    col(BlockRow.hash).label("block_hash"),
    col(BlockRow.time).label("block_time"),
).join(BlockRow, col(BlockRow.number) == col(EventRow.block_number))
_EVERY: Final = 100_000
_STATUS_EVENTS: Final = ["RecordSuperseded", EVENTS[Restriction], EVENTS[Erasure]]

_BRINGING_OWN: Final = ["SubjectEnrolled", *(EVENTS[act] for act in INTRODUCING)]
"""Events that bring a subject a signer of its own, now or later."""
_SHOWING: Final = [*_BRINGING_OWN, EVENTS[CardRegistration], EVENTS[GuardianAppointment]]
"""Events that show a signer together with a subject, to everybody and for ever."""


def _status_after(changed: Any) -> RecordStatus:
    """Gives the status of a record version from the event that changed it last."""
    act = getattr(changed, "act", None)
    if isinstance(act, Erasure):
        return RecordStatus.ERASED
    if isinstance(act, Restriction):
        return RecordStatus.RESTRICTED if act.restricted else RecordStatus.CURRENT
    return RecordStatus.CURRENT if changed is None else RecordStatus.SUPERSEDED


def _order(event: Any) -> Cursor:
    return event.place.block.number, event.place.log_index


class Directory:
    """Reads the projection."""

    def __init__(self, database: Database, follower: Follower) -> None:
        """Takes the database and the follower that fills it."""
        self._database = database
        self._follower = follower

    async def position(self) -> BlockReference | None:
        """Gives the last block taken in."""
        return await self._follower.position()

    async def wait_for(self, block_number: int) -> None:
        """Returns once the block is taken in."""
        await self._follower.wait_for(block_number)

    async def _events(
        self,
        kind: str | list[str],
        after: Cursor | None = None,
        limit: int = _EVERY,
        *,
        newest_first: bool = False,
        naming: str = "",
        **equal: Any,
    ) -> list[Any]:
        place = (col(EventRow.block_number), col(EventRow.log_index))
        query = _EVENTS_WITH_TIMES.where(col(EventRow.kind).in_([kind] if isinstance(kind, str) else kind))
        for name, value in equal.items():
            column = col(getattr(EventRow, name))
            query = query.where(column.in_(value) if isinstance(value, list | tuple) else column == value)
        if after is not None:
            query = query.where(tuple_(*place) > after)
        if naming:
            query = query.where(col(EventRow.payload).contains(naming))
        order = [c.desc() for c in place] if newest_first else list(place)
        query = query.order_by(*order).limit(limit)
        found = await self._database.read(lambda connection: connection.execute(query).all())
        return [from_row(row, BlockReference(row.block_number, row.block_hash, row.block_time)) for row in found]

    async def _latest(self, kind: str | list[str], **equal: Any) -> Any:
        found = await self._events(kind, limit=1, newest_first=True, **equal)
        return found[0] if found else None

    async def institution(self, address: Address) -> InstitutionView | None:
        """Gives an institution, None if it was never admitted."""
        admitted = await self._latest("InstitutionAdmitted", participant=address)
        return await self._institution(admitted) if admitted else None

    async def institutions(self, after: Cursor | None = None, limit: int | None = None) -> Sequence[InstitutionView]:
        """Gives a page of the institutions in the order of admission, or all of them."""
        found = await self._events("InstitutionAdmitted", after, _EVERY if limit is None else limit)
        return [await self._institution(event) for event in found]

    async def _institution(self, admitted: Any) -> InstitutionView:
        own = {"participant": admitted.institution}
        keys = await self._latest("InstitutionKeysRotated", **own) or admitted
        standing = await self._standing(own)
        return InstitutionView(
            admitted.institution, standing, admitted.region, keys.signer, keys.release_key, admitted.place
        )

    async def _standing(self, own: dict[str, Any]) -> Standing:
        """Gives the standing at the last block: one officer alone suspends for a time, two of them for good."""
        changed = await self._latest("InstitutionStandingChanged", **own)
        emergency = await self._latest("InstitutionSuspendedInEmergency", **own)
        position = await self.position()
        if emergency and position and (changed is None or _order(emergency) > _order(changed)):
            return Standing.SUSPENDED if position.time < emergency.until else Standing.ACTIVE
        return changed.standing if changed else Standing.ACTIVE

    async def authority_region(self, address: Address) -> int | None:
        """Gives the region of an active authority, None for anybody else."""
        admitted = await self._latest("AuthorityAdmitted", participant=address)
        changed = await self._latest("AuthorityStandingChanged", participant=address)
        if admitted is None or (changed is not None and changed.standing != Standing.ACTIVE):
            return None
        return int(admitted.region)

    async def subject(self, subject_id: SubjectId) -> SubjectView | None:
        """Gives a subject with the signer it has now, None if it is not enrolled."""
        event = await self._latest("SubjectEnrolled", subject_id=subject_id)
        if event is None:
            return None
        changed = await self._latest([EVENTS[act] for act in NAMING], subject_id=subject_id)
        signer = await self._signer_after(changed.act) if changed else event.signer
        return SubjectView(event.subject_id, signer, event.custodian, event.place)

    async def _signer_after(self, act: SignerRotation | RecoveryCompletion) -> bytes:
        if isinstance(act, SignerRotation):
            return act.signer
        proposed = await self.act(act.recovery)
        return proposed.act.signer if proposed and isinstance(proposed.act, RecoveryProposal) else b""

    async def subjects_of_signer(self, signer: bytes) -> Sequence[SubjectView]:
        """Gives the subjects a signer acts for now."""
        named = await self._events(_BRINGING_OWN, signer=signer)
        views = [await self.subject(subject_id) for subject_id in dict.fromkeys(event.subject_id for event in named)]
        own = [view for view in views if view is not None and view.signer == signer]
        return sorted(own, key=lambda view: (view.place.block.number, view.place.log_index))

    async def subjects_shown_with(self, signer: bytes) -> Sequence[SubjectView]:
        """Gives the subjects in whose events a signer ever stood."""
        named = await self._events(_SHOWING, signer=signer)
        views = [await self.subject(subject_id) for subject_id in dict.fromkeys(event.subject_id for event in named)]
        return [view for view in views if view is not None]

    async def appointments_of(self, guardian: bytes) -> Sequence[ActPerformed]:
        """Gives the appointments of a guardian, standing or not."""
        return await self._events(EVENTS[GuardianAppointment], signer=guardian)

    async def record(self, record_id: RecordId) -> RecordView | None:
        """Gives an anchored record version."""
        event = await self._latest("RecordAnchored", record_id=record_id)
        return await self._record(event) if event else None

    async def records_of(self, subject_id: SubjectId, after: Cursor | None, limit: int) -> Sequence[RecordView]:
        """Gives a page of a subject's record versions."""
        found = await self._events("RecordAnchored", after, limit, subject_id=subject_id)
        return [await self._record(event) for event in found]

    async def _record(self, event: Any) -> RecordView:
        # Nothing follows an erasure, and only a current version can be restricted or superseded: the latest tells.
        changed = await self._latest(_STATUS_EVENTS, record_id=event.record_id)
        return RecordView(event.record_id, event.leaf, _status_after(changed), event.place)

    async def consent(self, consent_id: ConsentId) -> ConsentView | None:
        """Gives a consent that was granted."""
        # A consent is granted once and revoked once at most: one statement gives both.
        found = await self._events(["ConsentGranted", "ConsentRevoked"], consent_id=consent_id)
        granted = next((event for event in found if isinstance(event, ConsentGranted)), None)
        revoked = next((event for event in found if isinstance(event, ConsentRevoked)), None)
        return await self._consent(granted, revoked) if granted else None

    async def consents_of(self, subject_id: SubjectId, after: Cursor | None, limit: int) -> Sequence[ConsentView]:
        """Gives a page of a subject's consents."""
        found = await self._events("ConsentGranted", after, limit, subject_id=subject_id)
        return [
            await self._consent(event, await self._latest("ConsentRevoked", consent_id=event.consent_id))
            for event in found
        ]

    async def _consent(self, event: ConsentGranted, revoked: ConsentRevoked | None) -> ConsentView:
        query = select(func.count()).select_from(EventRow).where(col(EventRow.kind) == "AccessDecided")
        query = query.where(col(EventRow.consent_id) == event.consent_id, col(EventRow.permitted).is_(True))
        uses = await self._database.read(lambda connection: connection.execute(query).scalar_one())
        return ConsentView(
            consent_id=event.consent_id,
            terms=event.terms,
            signature=event.signature,
            status=ConsentStatus.REVOKED if revoked else ConsentStatus.ACTIVE,
            uses=uses,
            granted_at=event.place.block.time,
            revoked_at=revoked.place.block.time if revoked else 0,
            place=event.place,
            revocation=revoked.place if revoked else None,
        )

    async def acts(
        self,
        *,
        subject_id: SubjectId | None = None,
        institution: Address | None = None,
        records: Sequence[RecordId] = (),
        kinds: Sequence[type[SignedAct]] = (),
        after: Cursor | None,
        limit: int,
    ) -> Sequence[ActPerformed]:
        """Gives a page of signed acts: all, of a party, about some records, of some kinds."""
        asked = {"subject_id": subject_id, "participant": institution}
        equal: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        equal |= {"record_id": list(records)} if records else {}
        names = [EVENTS[kind] for kind in kinds] or list(BY_EVENT)
        return await self._events(names, after, limit, **equal)

    async def act(self, act_hash: bytes) -> ActPerformed | None:
        """Gives the act of a struct hash."""
        found: ActPerformed | None = await self._latest(list(BY_EVENT), act_hash=act_hash)
        return found

    async def unlink_of(self, link: bytes) -> ActPerformed | None:
        """Gives the act that undid a link."""
        # Unlinks are rare, and the payload names the link in hexadecimal: no column is kept for it.
        found = await self._events(EVENTS[SubjectUnlink], naming=link.hex())
        return next((event for event in found if event.act.link == link), None)

    async def debts_of_subject(self, subject_id: SubjectId) -> dict[bytes, Debt]:
        """Gives every emergency access to a subject's records and what became of it."""
        names = ["DebtOpened", *(EVENTS[kind] for kind in (EmergencyNotice, EmergencyReview))]
        return debts_after(await self._events(names, subject_id=subject_id))

    async def was_permitted(self, institution: Address, record_id: RecordId, since: int) -> bool:
        """Whether an access of the institution to the record was permitted at or after ``since`` (block time)."""
        asked = {"participant": institution, "record_id": record_id, "permitted": True}
        event = await self._latest("AccessDecided", **asked)
        return event is not None and event.place.block.time >= since

    async def accesses(
        self,
        *,
        subject_id: SubjectId | None = None,
        institutions: Sequence[Address] | None = None,
        after: Cursor | None,
        limit: int,
    ) -> Sequence[AccessView]:
        """Gives a page of the access log: of everybody, of a subject, or of some institutions."""
        asked = {"subject_id": subject_id, "participant": institutions}
        equal: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        found = await self._events("AccessDecided", after, limit, **equal)
        return [AccessView(event.entry, event.place) for event in found]
