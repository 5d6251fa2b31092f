"""What the use cases about persons need from below: the directory of one custodian.

It is no cache: neither the keyed hashes of codes nor the openings of links are on chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from consentry.core.identifiers import IdentifierKind
from consentry.core.persons import SubjectLink, SubjectUnlink
from consentry.core.terms import SubjectId


@dataclass(frozen=True, slots=True)
class Period:
    """How long a code stood for a subject, in seconds since the epoch; no ``until`` while it does."""

    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class LinkOpening:
    """A link with what its commitment hides; the blinding value is empty once it was destroyed."""

    act: SubjectLink
    subjects: tuple[SubjectId, ...]
    blinding: bytes


@dataclass(frozen=True, slots=True)
class UnlinkOpening:
    """An unlink with what its commitment hides; reason and blinding value are empty once they were destroyed."""

    act: SubjectUnlink
    reason: str
    blinding: bytes


class Persons(Protocol):
    """Codes by keyed hash, and openings. Codes come in the form of `consentry.core.identifiers.normalised`."""

    def fingerprint(self, content: bytes) -> bytes:
        """Gives a keyed digest, 32 bytes, for what may hold a code and must be recognised again."""
        ...

    async def add(self, kind: IdentifierKind, code: str, subject_id: SubjectId, since: int) -> None:
        """Has a code stand for a subject; raises ConflictError if it does."""
        ...

    async def end(self, kind: IdentifierKind, code: str, subject_id: SubjectId, until: int) -> None:
        """Ends the entry that stands; none changes nothing. What was stays on record."""
        ...

    async def period(self, kind: IdentifierKind, code: str, subject_id: SubjectId) -> Period | None:
        """Gives the newest entry of a code for a subject; None if there never was one."""
        ...

    async def subjects_of(self, kind: IdentifierKind, code: str) -> Sequence[SubjectId]:
        """Gives the subjects a code stands for, in the order of entry."""
        ...

    async def keep_link(self, opening: LinkOpening) -> None:
        """Keeps an opening durably, before the link is on chain; the same again changes nothing."""
        ...

    async def link(self, link: bytes) -> LinkOpening | None:
        """Gives the opening of a link by its hash."""
        ...

    async def links_of(self, subject_id: SubjectId) -> Sequence[LinkOpening]:
        """Gives the openings of every link that was prepared for a subject, on chain or not."""
        ...

    async def keep_unlink(self, opening: UnlinkOpening) -> None:
        """Keeps an opening durably, before the unlink is on chain; the same again changes nothing."""
        ...

    async def unlink(self, unlink: bytes) -> UnlinkOpening | None:
        """Gives the opening of an unlink by its hash."""
        ...

    async def forget(self, subject_id: SubjectId) -> None:
        """Deletes a subject's codes, and destroys the blinding values of every link that names it (promise P11)."""
        ...
