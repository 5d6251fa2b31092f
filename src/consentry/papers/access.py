"""The paper about one access: a bundle that verifies, in words, with the bundle inside."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import typst

from consentry.core.codes import (
    DEBT_PERIOD,
    Action,
    ActorKind,
    Category,
    EmergencyReason,
    LegalBasis,
    Purpose,
    Reason,
)
from consentry.core.terms import ZERO_32
from consentry.evidence.bundle import Bundle
from consentry.evidence.notice import month_text, shown_text
from consentry.evidence.trust import TrustRoot
from consentry.evidence.verify import VerifiedAccess, verify
from consentry.papers.blocks import (
    ATTACHED,
    Attachment,
    Block,
    Facts,
    Heading,
    Language,
    Paragraph,
    Part,
    Picture,
    Points,
    Verbatim,
    Verdict,
)
from consentry.papers.checks import steps_taken, who_vouches
from consentry.papers.codes import qr_code
from consentry.papers.grounds import about_authorisation, about_consent
from consentry.papers.identifiers import all_identifiers
from consentry.papers.typesetting import Document, to_pdf
from consentry.papers.words import Words, short, words

MEDIA_TYPE: Final = "application/json"
_QR_WIDTH: Final = 38
"""Millimetres; a module of the code is then some 0.8 mm wide."""
_LIMITS: Final = ("unhappened", "people", "content", "trust", "print", "later")


def access_paper(  # the arguments are those of `verify`, and what is printed
    content: bytes,
    trust: TrustRoot,
    fonts: typst.Fonts,
    languages: Sequence[Language] = ("zh", "en"),
    *,
    log_roots: Sequence[bytes] = (),
    now: int | None = None,
) -> bytes:
    """Prints the paper of a bundle as PDF/A-3a, with the bundle inside; the same arguments give the same bytes.

    Args:
        content: bytes of the bundle.
        trust: whom to believe.
        fonts: those of `consentry.papers.fonts`.
        languages: in this order, each from a new page on.
        log_roots: as for `verify`.
        now: as for `verify`; it decides whether there is a paper, not what stands in it.

    Raises:
        VerificationError: the bundle does not verify, at its step.
        InvalidInputError: the decision lies outside the calendar.
    """
    return to_pdf(access_document(content, trust, languages, log_roots=log_roots, now=now), fonts)


def access_document(
    content: bytes,
    trust: TrustRoot,
    languages: Sequence[Language],
    *,
    log_roots: Sequence[bytes] = (),
    now: int | None = None,
) -> Document:
    """Verifies a bundle and writes its paper, before it is set; see `access_paper`."""
    verified = verify(content, trust, log_roots=log_roots, now=now)
    writer = _Writer(content, Bundle.from_json(content), trust, verified)
    parts = tuple(writer.part(words(language)) for language in languages)
    footer = f"{' / '.join(words(language)('check', 'footer') for language in languages)} {writer.digest.hex()}"
    attachment = Attachment(ATTACHED, content, MEDIA_TYPE, "consentry.bundle/v1")
    return Document(parts[0].title, verified.entry.decided_at, footer, parts, attachment)


class _Writer:
    """Writes the parts of one paper."""

    def __init__(self, content: bytes, bundle: Bundle, trust: TrustRoot, verified: VerifiedAccess) -> None:
        self.digest = hashlib.sha256(content).digest()
        self._bundle = bundle
        self._trust = trust
        self._verified = verified

    def part(self, say: Words) -> Part:
        """Writes the paper in one language."""
        blocks: list[Block] = [self._verdict(say), Heading(say("headings", "who")), self._who(say)]
        blocks += self._ground(say)
        blocks += [Heading(say("headings", "final")), *who_vouches(self._verified, say)]
        blocks += [Heading(say("headings", "steps")), steps_taken(self._bundle, self._trust, self._verified, say)]
        blocks += [Heading(say("headings", "limits")), Points(tuple(say("limits", name) for name in _LIMITS))]
        blocks += self._how_to_check(say)
        blocks += self._annexes(say)
        return Part(say.language, say.region, say.title, say.subtitle, tuple(blocks))

    def _verdict(self, say: Words) -> Verdict:
        entry = self._bundle.entry
        request = entry.request
        known = entry.subject_id != ZERO_32
        outcome = "permitted" if entry.reason == Reason.NONE else "denied"
        text = say(
            "claims",
            outcome,
            moment=say.moment(entry.decided_at),
            institution=short(request.institution),
            action=say.of("asked", Action, request.action),
            subject=say("claims", "patient", id=short(entry.subject_id)) if known else say("claims", "nobody"),
            purpose=say.of("purpose", Purpose, request.purpose),
            basis=say.of("basis", LegalBasis, request.legal_basis),
            reason="" if outcome == "permitted" else say.of("reason", Reason, entry.reason),
        )
        return Verdict(say("outcomes", outcome), text, "good" if outcome == "permitted" else "bad")

    def _who(self, say: Words) -> Facts:
        bundle, entry, block = self._bundle, self._bundle.entry, self._verified.block
        request, admitted = entry.request, bundle.institution
        rows = {
            "institution": say(
                "facts",
                "institution",
                id=short(request.institution),
                region=admitted.region,
                authority=short(admitted.authority),
            ),
            "practitioner": say(
                "facts",
                "practitioner",
                kind=say.of("actor", ActorKind, request.actor_kind),
                id=short(request.practitioner),
            ),
            "subject": short(entry.subject_id) if entry.subject_id != ZERO_32 else say("claims", "nobody"),
            "record": self._record(say),
            "action": say.of("action", Action, request.action),
            "purpose": say.of("purpose", Purpose, request.purpose),
            "basis": say.of("basis", LegalBasis, request.legal_basis),
        }
        rows |= self._emergency(say)
        rows |= {
            "requested": say.period(request.issued_at, request.expires_at),
            "decided": say.moment(entry.decided_at),
            "block": say("facts", "block", number=block.number, chain=bundle.chain_id),
            "places": self._places(say),
        }
        return Facts(tuple((say("labels", name), text) for name, text in rows.items()))

    def _places(self, say: Words) -> str:
        entry = self._bundle.entry
        if entry.subject_id == ZERO_32:
            return say("facts", "place_of_institution", institution=entry.institution_sequence)
        return say("facts", "places", subject=entry.subject_sequence, institution=entry.institution_sequence)

    def _record(self, say: Words) -> str:
        record = self._bundle.record
        if record is None:
            return say("facts", "unknown_record", id=short(self._bundle.entry.request.record_id))
        leaf = record.leaf
        return say(
            "facts",
            "record",
            id=short(self._bundle.entry.request.record_id),
            category=say.of("category", Category, leaf.category),
            month=month_text(leaf.data_month),
            level=leaf.sensitivity,
            version=leaf.version,
            custodian=short(leaf.custodian),
        )

    def _emergency(self, say: Words) -> dict[str, str]:
        entry, found = self._bundle.entry, {}
        if entry.request.legal_basis == LegalBasis.EMERGENCY:
            found["emergency"] = say.of("emergency", EmergencyReason, entry.request.reason_code)
        if self._bundle.debt is not None:
            found["debt"] = say("facts", "debt", moment=say.moment(entry.decided_at + DEBT_PERIOD))
        return found

    def _ground(self, say: Words) -> list[Block]:
        consent, given = self._bundle.consent, self._bundle.authorisation
        blocks: list[Block] = []
        if consent is not None:
            rested_on = "terms" if self._bundle.entry.reason == Reason.NONE else "unused"
            blocks += [Heading(say("headings", rested_on)), about_consent(consent.terms, say)]
        if given is not None:
            blocks += [Heading(say("headings", "authorisation")), about_authorisation(given.terms, say)]
        return blocks

    def _how_to_check(self, say: Words) -> list[Block]:
        code = f"consentry.bundle/v1 sha256:{self.digest.hex()}"
        return [
            Heading(say("headings", "check")),
            Paragraph(say("check", "how")),
            Verbatim(say("check", "command"), "en"),
            Picture(qr_code(code), say("check", "alt"), f"{say('check', 'digest')} 0x{self.digest.hex()}", _QR_WIDTH),
        ]

    def _annexes(self, say: Words) -> list[Block]:
        bundle = self._bundle
        blocks: list[Block] = [
            Heading(say("headings", "annex")),
            all_identifiers(bundle, self._trust, self.digest, say),
        ]
        if bundle.consent is not None:
            blocks.append(Heading(say("headings", "notice")))
            shown = shown_text(bundle.consent.terms)
            if shown is None:
                blocks.append(Paragraph(say("facts", "other_notice")))
            else:
                language: Language = "zh" if shown[0] == "zh" else "en"
                blocks.append(Paragraph(say("facts", "notice", language=say("languages", language))))
                blocks.append(Verbatim(shown[1].rstrip(), language))
        return [*blocks, Heading(say("headings", "claim")), Verbatim(bundle.claim, "en")]
