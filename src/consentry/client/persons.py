"""Codes of persons and links between their subjects, from the side of custodians, authorities and patients.

What opens a link comes with it, and is checked: against the signed commitment always, against the chain with a node of
one's own.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from consentry.client.answers import ACTED, IDENTIFIED, KEPT, LINK, PREPARED_LINK, PREPARED_UNLINK, RESOLVED, expect
from consentry.client.chain import Chain, confirmed
from consentry.client.transport import Transport
from consentry.core.identifiers import IdentifierKind
from consentry.core.persons import LinkStatus, SubjectLink, SubjectUnlink
from consentry.core.terms import Address, SubjectId
from consentry.core.typed_data import struct_hash
from consentry.crypto.person_links import verify_link, verify_unlink
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence.notation import Json, bytes_of, hex_of, read, write

_SALT_SIZE: Final = 32


@dataclass(frozen=True, slots=True)
class Link:
    """A link, checked to be about its subjects; no blinding value once one of them was erased."""

    act: SubjectLink
    subjects: tuple[SubjectId, ...]
    blinding: bytes


@dataclass(frozen=True, slots=True)
class Unlink:
    """An unlink, checked to be for its reason; both are empty where they are not known."""

    act: SubjectUnlink
    reason: str
    blinding: bytes


def _coded(kind: IdentifierKind, code: str) -> Json:
    # The digest of a body stands in a header: the salt keeps the code from being guessed from it.
    return {"kind": kind.name, "code": code, "salt": hex_of(secrets.token_bytes(_SALT_SIZE))}


async def identify(transport: Transport, kind: IdentifierKind, code: str, subject_id: SubjectId) -> Json:
    """Has a code stand for a subject of the custodian."""
    body = {**_coded(kind, code), "subjectId": hex_of(subject_id)}
    return expect(await transport.post("/v1/identifiers", body), IDENTIFIED)


async def end(transport: Transport, kind: IdentifierKind, code: str, subject_id: SubjectId) -> Json:
    """Ends that a code stands for a subject."""
    body = {**_coded(kind, code), "subjectId": hex_of(subject_id)}
    return expect(await transport.post("/v1/identifiers/end", body), IDENTIFIED)


async def resolve(transport: Transport, kind: IdentifierKind, code: str) -> list[Json]:
    """Gives the subjects of the person a code stands for.

    Raises:
        NotFoundError: nobody, or nobody this institution may know of.
        VerificationError: the answer cannot be read.
    """
    answer = await transport.post("/v1/identifiers/resolve", _coded(kind, code))
    listed = answer.get("subjects")
    if not isinstance(listed, list) or not listed:
        raise VerificationError("answer of the gateway cannot be read: it names no subject")
    return [expect(one, RESOLVED, "a subject") for one in listed]


async def prepare_link(transport: Transport, authority: Address, subjects: Sequence[SubjectId]) -> Link:
    """Has a link made for an authority to sign.

    Raises:
        VerificationError: what comes back is about others.
    """
    body = {"authority": hex_of(authority), "subjects": [hex_of(one) for one in subjects]}
    made = link_of(expect(await transport.post("/v1/persons/links/prepare", body), PREPARED_LINK))
    if (made.act.authority, made.subjects) != (authority, tuple(sorted(subjects))):
        raise VerificationError("prepared link is not about the subjects that were named")
    return made


async def prepare_unlink(transport: Transport, authority: Address, link: bytes, reason: str) -> Unlink:
    """Has an unlink made for an authority to sign.

    Raises:
        VerificationError: what comes back is about something else.
    """
    body = {"authority": hex_of(authority), "link": hex_of(link), "reason": reason}
    made = unlink_of(expect(await transport.post("/v1/persons/unlinks/prepare", body), PREPARED_UNLINK))
    if (made.act.authority, made.act.link, made.reason) != (authority, link, reason):
        raise VerificationError("prepared unlink is not about the link that was named")
    return made


async def perform(transport: Transport, made: Link | Unlink, signature: bytes, chain: Chain | None = None) -> Json:
    """Has a signed link or unlink receipted; gives the receipt.

    Raises:
        VerificationError: the gateway answers about another act, or the own node does not show it.
    """
    kind, wanted = ("links", LinkStatus.STANDING) if isinstance(made, Link) else ("unlinks", LinkStatus.UNDONE)
    body = {"act": write(made.act), "signatures": [hex_of(signature)]}
    answer = expect(await transport.post(f"/v1/persons/{kind}", body), ACTED)
    if bytes_of(answer["actHash"], 32) != struct_hash(made.act):
        raise VerificationError("answer of the gateway is about another act")
    link = struct_hash(made.act) if isinstance(made, Link) else made.act.link
    await _confirm(chain, link, wanted)
    return answer


async def keep(transport: Transport, link: Link) -> Json:
    """Gives a custodian's directory what opens a link that was prepared at another's."""
    body = {"act": write(link.act), "subjects": [hex_of(one) for one in link.subjects]}
    return expect(await transport.post("/v1/persons/links/openings", {**body, "blinding": hex_of(link.blinding)}), KEPT)


async def links(transport: Transport, subject_id: SubjectId, chain: Chain | None = None) -> list[Json]:
    """Lists every link of a subject, undone ones too.

    Raises:
        VerificationError: a line is about other subjects than was signed, or the own node shows another status.
    """
    found = await transport.get_all(f"/v1/persons/{hex_of(subject_id)}/links", LINK)
    for line in found:
        made = link_of(line)
        if struct_hash(made.act) != bytes_of(line["actHash"], 32) or subject_id not in made.subjects:
            raise VerificationError("link is not the one it is listed as")
        if line["undone"] is not None:
            undoing = unlink_of(line["undone"])
            if undoing.act.link != struct_hash(made.act):
                raise VerificationError("unlink is about another link")
        standing = LinkStatus.STANDING if line["undone"] is None else LinkStatus.UNDONE
        if line["status"] != standing.name:
            raise VerificationError("link is listed as what it is not")
        await _confirm(chain, struct_hash(made.act), standing)
    return found


async def _confirm(chain: Chain | None, link: bytes, wanted: LinkStatus) -> None:
    if chain is None:
        return
    own = chain

    async def shown() -> bool:
        return await own.link_status(link) == wanted

    await confirmed(shown, f"link is not {wanted.name} on chain, whatever the gateway answers")


def link_of(line: Json) -> Link:
    """Reads a link and opens its commitment, unless its blinding value was destroyed.

    Raises:
        VerificationError: the commitment is to other subjects.
        InvalidInputError: it cannot be read.
    """
    subjects = tuple(SubjectId(bytes_of(one, 32)) for one in line["subjects"])
    made = Link(read(SubjectLink, line["act"]), subjects, _blinding(line))
    if made.blinding:
        try:
            verify_link(made.act.commitment, made.blinding, subjects)
        except InvalidInputError as error:
            raise VerificationError(f"link cannot be opened: {error.message}") from None
    return made


def unlink_of(line: Json) -> Unlink:
    """Reads an unlink and opens its commitment, where its reason is known.

    Raises:
        VerificationError: the commitment is to another reason.
        InvalidInputError: it cannot be read.
    """
    made = Unlink(read(SubjectUnlink, line["act"]), line["reason"] or "", _blinding(line))
    if made.blinding:
        verify_unlink(made.act.commitment, made.blinding, made.act.link, made.reason)
    return made


def _blinding(line: Json) -> bytes:
    return b"" if line["blinding"] is None else bytes_of(line["blinding"], 32)
