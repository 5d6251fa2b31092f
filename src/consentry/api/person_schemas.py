"""Bodies about codes of persons and the links between their subjects.

Bodies with a code carry a random ``salt`` too: the digest of a body stands in a header, and without it would be a hash
of the code that anybody who reads headers could guess from.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from consentry.api.schemas import Anchor, Hex, Hex20, Hex32, Place, Strict
from consentry.core.identifiers import IdentifierKind
from consentry.gateway.persons import MOST_REASON, MOST_SUBJECTS

KindName = Literal["ID_NUMBER", "HEALTH_CARD", "INSURANCE", "PASSPORT", "HOSPITAL_NUMBER", "NETWORK_NUMBER"]
Code = Annotated[str, Field(min_length=1, max_length=128, description="as it was presented; kept nowhere")]
Salt = Annotated[Hex32, Field(description="random, drawn for this call alone")]


class ResolveBody(Strict):
    """Asks which subjects a code stands for."""

    kind: KindName
    code: Code
    salt: Salt

    def known_kind(self) -> IdentifierKind:
        """Gives the kind of the code."""
        return IdentifierKind[self.kind]


class IdentifierBody(ResolveBody):
    """Says that a code stands for a subject, or ends that it does."""

    subject_id: Hex32


class IdentifierAnswer(Strict):
    """How long a code stands for a subject; it is not repeated. No ``until`` while it does."""

    kind: KindName
    subject_id: Hex32
    since: int
    until: int | None


class ResolvedSubject(Strict):
    """A subject of the person; ``linked`` if a link led to it and not the code itself."""

    subject_id: Hex32
    custodian: Hex20
    linked: bool


class ResolveAnswer(Strict):
    """The subjects of a person that the caller may know of; one at least."""

    subjects: list[ResolvedSubject]


class LinkToPrepare(Strict):
    """Asks for a link that an authority is to sign."""

    authority: Hex20
    subjects: Annotated[list[Hex32], Field(min_length=2, max_length=MOST_SUBJECTS)]


class PreparedLink(Strict):
    """A link to be signed, and what opens its commitment: whoever signs checks that first."""

    act_hash: Hex32
    act: dict[str, Any]
    subjects: list[Hex32]
    blinding: Hex32


class UnlinkToPrepare(Strict):
    """Asks for an unlink that an authority is to sign."""

    authority: Hex20
    link: Hex32
    reason: Annotated[str, Field(min_length=1, max_length=MOST_REASON)]


class PreparedUnlink(Strict):
    """An unlink to be signed, and what opens its commitment."""

    act_hash: Hex32
    act: dict[str, Any]
    reason: str
    blinding: Hex32


class OpeningBody(Strict):
    """A link that stands on chain, prepared at another custodian, with what opens it."""

    act: Annotated[dict[str, Any], Field(max_length=32)]
    subjects: Annotated[list[Hex32], Field(min_length=2, max_length=MOST_SUBJECTS)]
    blinding: Hex32


class KeptAnswer(Strict):
    """An opening is kept."""

    act_hash: Hex32


class UndoneItem(Strict):
    """How a link was undone; reason and blinding value are null where the unlink was not prepared, or once erased."""

    act_hash: Hex32
    act: dict[str, Any]
    signatures: list[Hex]
    reason: str | None
    blinding: Hex32 | None
    place: Place


class LinkItem(Strict):
    """A link on chain with what opens it; no blinding value once a subject of it was erased."""

    act_hash: Hex32
    status: Literal["STANDING", "UNDONE"]
    act: dict[str, Any]
    signatures: list[Hex]
    subjects: list[Hex32]
    blinding: Hex32 | None
    place: Place
    undone: UndoneItem | None


class LinkList(Strict):
    """Every link of a subject, in chain order."""

    items: list[LinkItem]


class LinkAnswer(Strict):
    """A link or an unlink was receipted."""

    act_hash: Hex32
    anchor: Anchor
