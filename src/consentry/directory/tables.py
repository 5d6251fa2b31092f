"""The chain as rows: events, blocks with events, how far the projection came, and of which chain all of them are.

Nothing here is derived: a status is the question whether a later event exists. So undoing a reorganisation is deleting
the rows above the fork, and a rebuild gives the same rows.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from consentry.database.engine import own_metadata


class Base(SQLModel):
    """Root of the directory's tables."""

    metadata = own_metadata()


_PLACE: Final = ("block_number", "log_index")


def _index(column: str, *more: str, is_rare: bool = False) -> Index:
    """Gives an index whose rows come in the order in which they are asked for, so that the latest is the first read.

    A column that most rows leave empty has none of them in its index.
    """
    present = text(f"{column} IS NOT NULL") if is_rare else None
    name = f"ix_ledger_events_{column}"
    return Index(name, column, *more, sqlite_where=present, postgresql_where=present)


class EventRow(Base, table=True):
    """One event; the columns beside ``payload`` are what lists are asked by.

    Most rows are decisions, and one institution may have millions of them: an index by a column alone would have every
    one of them read to find out that it is of another kind.
    """

    __tablename__ = "ledger_events"
    __table_args__: ClassVar[Any] = (
        _index("kind", *_PLACE),
        _index("subject_id", "kind", *_PLACE),
        _index("participant", "kind", *_PLACE),
        _index("record_id", "kind", *_PLACE),
        _index("consent_id", "kind", *_PLACE, "permitted"),
        _index("signer", "kind", *_PLACE, is_rare=True),
        _index("act_hash", is_rare=True),
    )

    block_number: int = Field(sa_type=BigInteger, primary_key=True)
    log_index: int = Field(primary_key=True)
    kind: str = Field(max_length=64)
    transaction_hash: bytes = Field(sa_type=LargeBinary)
    subject_id: bytes | None = Field(default=None, sa_type=LargeBinary)
    participant: bytes | None = Field(default=None, sa_type=LargeBinary)
    record_id: bytes | None = Field(default=None, sa_type=LargeBinary)
    consent_id: bytes | None = Field(default=None, sa_type=LargeBinary)
    signer: bytes | None = Field(default=None, sa_type=LargeBinary)
    permitted: bool | None = None
    act_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    payload: str = Field(sa_type=Text)


class BlockRow(Base, table=True):
    """A block that holds events."""

    __tablename__ = "ledger_blocks"

    number: int = Field(sa_type=BigInteger, primary_key=True)
    hash: bytes = Field(sa_type=LargeBinary)
    time: int = Field(sa_type=BigInteger)


class PositionRow(Base, table=True):
    """How far the projection came: the last block it took in, with or without events."""

    __tablename__ = "ledger_position"
    __table_args__: ClassVar[Any] = (CheckConstraint("id = 1", "single"),)

    id: int = Field(default=1, primary_key=True)
    number: int = Field(sa_type=BigInteger)
    hash: bytes = Field(sa_type=LargeBinary)
    time: int = Field(sa_type=BigInteger)


class SourceRow(Base, table=True):
    """The chain and the deployment that the rows are of; rows of two are never mixed."""

    __tablename__ = "ledger_source"
    __table_args__: ClassVar[Any] = (CheckConstraint("id = 1", "single"),)

    id: int = Field(default=1, primary_key=True)
    chain_id: str = Field(max_length=78)
    genesis_hash: bytes = Field(sa_type=LargeBinary)
    contracts: str = Field(sa_type=Text)
