"""A `Persons` in memory: what is known stands in plain lists, codes in the clear."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from consentry.core.identifiers import IdentifierKind
from consentry.core.terms import SubjectId
from consentry.core.typed_data import struct_hash
from consentry.errors import ConflictError
from consentry.gateway.person_ports import LinkOpening, Period, UnlinkOpening

Entry = tuple[IdentifierKind, str, SubjectId]


@dataclass
class MemoryPersons:
    """Entries in order, openings by hash."""

    entries: list[tuple[Entry, Period]] = field(default_factory=list)
    openings: dict[bytes, LinkOpening] = field(default_factory=dict)
    undoings: dict[bytes, UnlinkOpening] = field(default_factory=dict)

    def fingerprint(self, content: bytes) -> bytes:
        return hashlib.sha256(b"a key" + content).digest()

    async def add(self, kind: IdentifierKind, code: str, subject_id: SubjectId, since: int) -> None:
        known = await self.period(kind, code, subject_id)
        if known is not None and known.until is None:
            raise ConflictError("row does not match (got present or not allowed, expected absent and valid)")
        self.entries.append(((kind, code, subject_id), Period(since, None)))

    async def end(self, kind: IdentifierKind, code: str, subject_id: SubjectId, until: int) -> None:
        asked = kind, code, subject_id
        self.entries = [
            (entry, replace(period, until=until) if entry == asked and period.until is None else period)
            for entry, period in self.entries
        ]

    async def period(self, kind: IdentifierKind, code: str, subject_id: SubjectId) -> Period | None:
        found = [period for entry, period in self.entries if entry == (kind, code, subject_id)]
        return found[-1] if found else None

    async def subjects_of(self, kind: IdentifierKind, code: str) -> Sequence[SubjectId]:
        return [e[2] for e, period in self.entries if e[:2] == (kind, code) and period.until is None]

    async def keep_link(self, opening: LinkOpening) -> None:
        self.openings[struct_hash(opening.act)] = opening

    async def link(self, link: bytes) -> LinkOpening | None:
        return self.openings.get(link)

    async def links_of(self, subject_id: SubjectId) -> Sequence[LinkOpening]:
        return [opening for opening in self.openings.values() if subject_id in opening.subjects]

    async def keep_unlink(self, opening: UnlinkOpening) -> None:
        self.undoings[struct_hash(opening.act)] = opening

    async def unlink(self, unlink: bytes) -> UnlinkOpening | None:
        return self.undoings.get(unlink)

    async def forget(self, subject_id: SubjectId) -> None:
        self.entries = [(entry, period) for entry, period in self.entries if entry[2] != subject_id]
        for name in [name for name, opening in self.openings.items() if subject_id in opening.subjects]:
            kept = self.openings[name]
            others = tuple(one for one in kept.subjects if one != subject_id)
            self.openings[name] = replace(kept, subjects=others, blinding=b"")
            for unlink, undoing in self.undoings.items():
                if undoing.act.link == name:
                    self.undoings[unlink] = replace(undoing, reason="", blinding=b"")
