"""The annex of a paper that has every identifier whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from consentry.core.terms import ZERO_32, ZERO_ADDRESS
from consentry.evidence.bundle import Bundle
from consentry.evidence.trust import TrustRoot
from consentry.papers.blocks import Facts
from consentry.papers.words import Words


def all_identifiers(bundle: Bundle, trust: TrustRoot, digest: bytes, say: Words) -> Facts:
    """Lists what the rest of the paper shows in short; ``digest`` is the SHA-256 of the bundle."""
    found = [("bundle", digest), ("trust", hashlib.sha256(trust.to_json()).digest()), *_about_request(bundle)]
    found += [*_about_consent(bundle), *_about_authorisation(bundle)]
    found += [
        ("ledger", dict(bundle.contracts)["AccessLedger"]),
        ("block", bundle.decision.block_hash),
        ("genesis", bundle.genesis_hash),
    ]
    shown = [(say("ids", name), "0x" + value.hex()) for name, value in found if value not in {ZERO_32, ZERO_ADDRESS}]
    return Facts(((say("ids", "request"), str(bundle.entry.request.request_id)), *shown))


def _about_request(bundle: Bundle) -> Iterator[tuple[str, bytes]]:
    request = bundle.entry.request
    yield "institution", request.institution
    yield "authority", bundle.institution.authority
    yield "practitioner", request.practitioner
    yield "subject", bundle.entry.subject_id
    yield "record", request.record_id
    if bundle.record is not None:
        yield "custodian", bundle.record.leaf.custodian


def _about_consent(bundle: Bundle) -> Iterator[tuple[str, bytes]]:
    yield "consent", bundle.entry.request.consent_id
    if bundle.consent is not None:
        terms = bundle.consent.terms
        yield "grantee", terms.group if terms.group != ZERO_32 else terms.institution
        yield "somebody", terms.practitioner
        yield "records", terms.records_root
        yield "guardian", terms.guardian
        yield "notice", terms.notice_hash


def _about_authorisation(bundle: Bundle) -> Iterator[tuple[str, bytes]]:
    yield "authorisation", bundle.entry.request.authorisation_id
    if bundle.authorisation is not None:
        yield "giver", bundle.authorisation.terms.authority
        yield "basis", bundle.authorisation.terms.basis_text_hash
