"""Bodies about signed acts: members follow from `consentry.core.act_table`, and are read by ``evidence.notation``.

A JSON object stands for the act here; which members it has, `consentry act KIND --help` and ``docs/acts.md`` tell.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import Field

from consentry.api.schemas import Anchor, Hex, Hex20, Hex32, Place, Strict
from consentry.core.act_table import BY_NAME

ActName = Annotated[
    str,
    Path(pattern=r"^[a-z][a-z-]{0,63}$", description="one of " + ", ".join(BY_NAME), examples=[next(iter(BY_NAME))]),
]
Members = Annotated[dict[str, Any], Field(max_length=32, description="members of the act's EIP-712 type")]
Signatures = Annotated[list[Hex], Field(max_length=4)]


class ActToPrepare(Strict):
    """An act to be signed."""

    act: Members


class PreparedAct(Strict):
    """What those who have to sign an act sign, in the order their signatures are to come."""

    act_hash: Hex32
    signers: list[str]
    document: dict[str, Any]


class ActBody(Strict):
    """A signed act; signatures stand in the order of its signers."""

    act: Members
    signatures: Signatures


class ActAnswer(Strict):
    """An act was taken."""

    act_hash: Hex32
    anchor: Anchor


class ActItem(Strict):
    """A signed act on chain."""

    kind: str
    act_hash: Hex32
    act: Members
    signatures: list[Hex]
    place: Place


class AskItem(Strict):
    """An ask for a consent as it stands; ``coolDownEnds`` is 0 unless it was denied."""

    ask_id: Hex32
    ask: Members
    status: Literal["OPEN", "ANSWERED", "DENIED", "LAPSED"]
    cool_down_ends: int
    place: Place


class AskPage(Strict):
    """A page of asks."""

    items: list[AskItem]


class DutyItem(Strict):
    """What an institution owes after a revocation; overdue from ``dueAt`` on."""

    consent_id: Hex32
    kind: Literal["ACKNOWLEDGE", "ERASE"]
    due_at: int
    overdue: bool


class DutyList(Strict):
    """Everything an institution owes, the earliest first."""

    items: list[DutyItem]


class AssistedConsents(Strict):
    """How many consents staff of an institution prepared that were granted: all, in this quarter, and undone."""

    granted: int
    in_quarter: int
    undone: int


class DebtItem(Strict):
    """An emergency access and what became of it; overdue from ``dueAt`` on unless noticed and reviewed."""

    debt_id: Hex32
    subject_id: Hex32
    institution: Hex20
    practitioner: Hex32
    opened_at: int
    due_at: int
    noticed: bool
    referred: bool
    reviewed: bool
    overdue: bool


class DebtList(Strict):
    """Emergency accesses, the earliest first."""

    items: list[DebtItem]


class ActPage(Strict):
    """A page of signed acts."""

    items: list[ActItem]


class ErasureItem(Strict):
    """What an erasure destroys, and how far it is; ``deletedAt`` is zero while anything is left."""

    record_id: Hex32
    subject_id: Hex32
    status: str
    report: str
    report_digest: Hex32
    keys_destroyed: bool
    deleted_at: int


class ErasureAnswer(Strict):
    """A record was erased."""

    act_hash: Hex32
    anchor: Anchor
    keys_destroyed: bool
    deleted_at: int


class ItemCounts(Strict):
    """Results of one item, as receiver and as issuer; each counted once, by what was said last."""

    item_code: int
    received_accepted: int
    received_refused: int
    issued_accepted: int
    issued_refused: int


class RecognitionCounts(Strict):
    """Counts of an institution by item."""

    items: list[ItemCounts]
