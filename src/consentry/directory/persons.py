"""The port ``gateway.person_ports.Persons`` on the directory's tables."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import delete, update
from sqlmodel import col, select

from consentry.core.identifiers import IdentifierKind
from consentry.core.persons import SubjectLink, SubjectUnlink
from consentry.core.terms import Address, SubjectId
from consentry.core.typed_data import struct_hash
from consentry.crypto.pseudonyms import identifier_of
from consentry.database.engine import Database
from consentry.directory.person_tables import IdentifierRow, KeyCheckRow, LinkedSubjectRow, LinkRow, UnlinkRow
from consentry.errors import ConfigurationError
from consentry.gateway.person_ports import LinkOpening, Period, UnlinkOpening

_FINGERPRINT: Final = b"consentry/directory-fingerprint/v1"
_KEY_CHECK: Final = b"consentry/directory-key-check/v1"


class PersonStore:
    """Codes and openings of one custodian."""

    def __init__(self, database: Database, key: bytes) -> None:
        """Takes the database and the custodian's directory key, 32 bytes."""
        self._database = database
        self._key = key

    async def check_key(self) -> None:
        """Compares the key with the one the codes were entered under; the first is kept in mind.

        Raises:
            ConfigurationError: it is another: every code would seem unknown, and be entered a second time.
        """
        due = hmac.digest(self._key, _KEY_CHECK, "sha256")
        async with self._database.writing() as session:
            kept = (await session.exec(select(KeyCheckRow))).first()
            if kept is None:
                session.add(KeyCheckRow(value=due))
        if kept is not None and not hmac.compare_digest(kept.value, due):
            raise ConfigurationError("directory key does not match the one the codes were entered under: put it back")

    def fingerprint(self, content: bytes) -> bytes:
        """Gives a keyed digest of what may hold a code."""
        return hmac.digest(self._key, _FINGERPRINT + content, "sha256")

    def _asked(self, kind: IdentifierKind, code: str, subject_id: SubjectId) -> tuple[Any, ...]:
        hashed = identifier_of(self._key, kind, code)
        return col(IdentifierRow.code_hash) == hashed, col(IdentifierRow.subject_id) == subject_id

    async def add(self, kind: IdentifierKind, code: str, subject_id: SubjectId, since: int) -> None:
        """Has a code stand for a subject; raises ConflictError if it does."""
        hashed = identifier_of(self._key, kind, code)
        async with self._database.writing() as session:
            session.add(IdentifierRow(kind=int(kind), code_hash=hashed, subject_id=subject_id, since=since))

    async def end(self, kind: IdentifierKind, code: str, subject_id: SubjectId, until: int) -> None:
        """Ends the entry that stands."""
        query = update(IdentifierRow).where(*self._asked(kind, code, subject_id), col(IdentifierRow.until).is_(None))
        async with self._database.writing() as session:
            await session.exec(query.values(until=until))

    async def period(self, kind: IdentifierKind, code: str, subject_id: SubjectId) -> Period | None:
        """Gives the newest entry of a code for a subject."""
        query = select(IdentifierRow).where(*self._asked(kind, code, subject_id)).order_by(col(IdentifierRow.id).desc())
        async with self._database.reading() as session:
            row = (await session.exec(query)).first()
        return Period(row.since, row.until) if row else None

    async def subjects_of(self, kind: IdentifierKind, code: str) -> Sequence[SubjectId]:
        """Gives the subjects a code stands for."""
        hashed = identifier_of(self._key, kind, code)
        query = select(IdentifierRow).where(col(IdentifierRow.code_hash) == hashed, col(IdentifierRow.until).is_(None))
        async with self._database.reading() as session:
            rows = (await session.exec(query.order_by(col(IdentifierRow.id)))).all()
        return [SubjectId(row.subject_id) for row in rows]

    async def keep_link(self, opening: LinkOpening) -> None:
        """Keeps the opening of a link."""
        act, name = opening.act, struct_hash(opening.act)
        row = LinkRow(
            act_hash=name,
            authority=act.authority,
            commitment=act.commitment,
            sign_before=act.sign_before,
            blinding=opening.blinding,
        )
        if await self.link(name) == opening:
            return
        async with self._database.writing() as session:
            session.add(row)
            session.add_all([LinkedSubjectRow(act_hash=name, subject_id=subject) for subject in opening.subjects])

    async def link(self, link: bytes) -> LinkOpening | None:
        """Gives the opening of a link."""
        found = await self._links([link])
        return found[0] if found else None

    async def links_of(self, subject_id: SubjectId) -> Sequence[LinkOpening]:
        """Gives the openings of the links prepared for a subject."""
        query = select(LinkedSubjectRow.act_hash).where(col(LinkedSubjectRow.subject_id) == subject_id)
        async with self._database.reading() as session:
            names = (await session.exec(query)).all()
        return await self._links(names)

    async def _links(self, names: Sequence[bytes]) -> list[LinkOpening]:
        links = select(LinkRow).where(col(LinkRow.act_hash).in_(names)).order_by(col(LinkRow.act_hash))
        members = select(LinkedSubjectRow).where(col(LinkedSubjectRow.act_hash).in_(names))
        async with self._database.reading() as session:
            rows = (await session.exec(links)).all()
            named = (await session.exec(members.order_by(col(LinkedSubjectRow.subject_id)))).all()
        return [
            LinkOpening(
                SubjectLink(Address(row.authority), row.commitment, row.sign_before),
                tuple(SubjectId(one.subject_id) for one in named if one.act_hash == row.act_hash),
                row.blinding,
            )
            for row in rows
        ]

    async def keep_unlink(self, opening: UnlinkOpening) -> None:
        """Keeps the opening of an unlink."""
        act, name = opening.act, struct_hash(opening.act)
        if await self.unlink(name) == opening:
            return
        async with self._database.writing() as session:
            session.add(
                UnlinkRow(
                    act_hash=name,
                    link=act.link,
                    authority=act.authority,
                    commitment=act.commitment,
                    sign_before=act.sign_before,
                    reason=opening.reason,
                    blinding=opening.blinding,
                )
            )

    async def unlink(self, unlink: bytes) -> UnlinkOpening | None:
        """Gives the opening of an unlink."""
        async with self._database.reading() as session:
            row = (await session.exec(select(UnlinkRow).where(col(UnlinkRow.act_hash) == unlink))).first()
        if row is None:
            return None
        act = SubjectUnlink(Address(row.authority), row.link, row.commitment, row.sign_before)
        return UnlinkOpening(act, row.reason, row.blinding)

    async def forget(self, subject_id: SubjectId) -> None:
        """Deletes a subject's codes and destroys what opens its links; that there were links stays."""
        mine = select(LinkedSubjectRow.act_hash).where(col(LinkedSubjectRow.subject_id) == subject_id)
        async with self._database.writing() as session:
            names = (await session.exec(mine)).all()
            await session.exec(delete(IdentifierRow).where(col(IdentifierRow.subject_id) == subject_id))
            await session.exec(update(LinkRow).where(col(LinkRow.act_hash).in_(names)).values(blinding=b""))
            gone = update(UnlinkRow).where(col(UnlinkRow.link).in_(names))
            await session.exec(gone.values(blinding=b"", reason=""))
            await session.exec(delete(LinkedSubjectRow).where(col(LinkedSubjectRow.subject_id) == subject_id))
