"""The chain as rows: events, blocks with events, how far the projection came, and of which chain all of them are.

Nothing here is derived: a status is the question whether a later event exists. So undoing a reorganisation is deleting
the rows above the fork, and a rebuild gives the same rows.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, LargeBinary, Text
from sqlmodel import Field, SQLModel

from consentry.database.engine import own_metadata


class Base(SQLModel):
    """Root of the directory's tables."""

    metadata = own_metadata()


class EventRow(Base, table=True):
    """One event; the columns beside ``payload`` are what lists are asked by."""

    __tablename__ = "ledger_events"

    block_number: int = Field(sa_type=BigInteger, primary_key=True)
    log_index: int = Field(primary_key=True)
    kind: str = Field(max_length=64, index=True)
    transaction_hash: bytes = Field(sa_type=LargeBinary)
    subject_id: bytes | None = Field(default=None, sa_type=LargeBinary, index=True)
    participant: bytes | None = Field(default=None, sa_type=LargeBinary, index=True)
    record_id: bytes | None = Field(default=None, sa_type=LargeBinary, index=True)
    consent_id: bytes | None = Field(default=None, sa_type=LargeBinary, index=True)
    signer: bytes | None = Field(default=None, sa_type=LargeBinary, index=True)
    permitted: bool | None = None
    act_hash: bytes | None = Field(default=None, sa_type=LargeBinary, index=True)
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
