"""Codes of persons and openings of links: the part of the directory that no chain can give back.

A code stands here as a hash under this custodian's key, and nowhere as itself. How a link stands is asked of the rows
of the chain, so that an unlink somebody else passed on counts too.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, Text, text
from sqlmodel import Field

from consentry.directory.tables import Base

_STANDING = text("until IS NULL")


class IdentifierRow(Base, table=True):
    """A code of a subject from ``since`` until ``until``; several may stand for one subject, and one for several."""

    __tablename__ = "person_identifiers"
    __table_args__: ClassVar[Any] = (
        Index(
            "uq_person_identifiers_standing",
            "code_hash",
            "subject_id",
            unique=True,
            sqlite_where=_STANDING,
            postgresql_where=_STANDING,
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: int
    code_hash: bytes = Field(sa_type=LargeBinary, index=True)
    subject_id: bytes = Field(sa_type=LargeBinary, index=True)
    since: int = Field(sa_type=BigInteger)
    until: int | None = Field(default=None, sa_type=BigInteger)


class LinkRow(Base, table=True):
    """A link that was prepared: the act, and the blinding value that opens it."""

    __tablename__ = "person_links"

    act_hash: bytes = Field(sa_type=LargeBinary, primary_key=True)
    authority: bytes = Field(sa_type=LargeBinary)
    commitment: bytes = Field(sa_type=LargeBinary)
    sign_before: int = Field(sa_type=BigInteger)
    blinding: bytes = Field(sa_type=LargeBinary)


class LinkedSubjectRow(Base, table=True):
    """A subject of a link."""

    __tablename__ = "person_link_subjects"

    act_hash: bytes = Field(sa_type=LargeBinary, primary_key=True)
    subject_id: bytes = Field(sa_type=LargeBinary, primary_key=True, index=True)


class UnlinkRow(Base, table=True):
    """An unlink that was prepared: the act, why, and the blinding value that opens it."""

    __tablename__ = "person_unlinks"

    act_hash: bytes = Field(sa_type=LargeBinary, primary_key=True)
    link: bytes = Field(sa_type=LargeBinary, index=True)
    authority: bytes = Field(sa_type=LargeBinary)
    commitment: bytes = Field(sa_type=LargeBinary)
    sign_before: int = Field(sa_type=BigInteger)
    reason: str = Field(sa_type=Text)
    blinding: bytes = Field(sa_type=LargeBinary)


class KeyCheckRow(Base, table=True):
    """What the directory key makes of a fixed text: another key would find nobody, and nobody would notice."""

    __tablename__ = "person_key_check"
    __table_args__: ClassVar[Any] = (CheckConstraint("id = 1", "single"),)

    id: int = Field(default=1, primary_key=True)
    value: bytes = Field(sa_type=LargeBinary)
