"""What an audit looks for after an erasure: keys given out later, and deletions that nobody attested."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from consentry.audit.findings import Finding, Kind
from consentry.audit.ports import KeptRelease
from consentry.core.chain import BlockReference
from consentry.core.codes import CLOCK_TOLERANCE, DAY
from consentry.core.state import LedgerState

ATTESTATION_SECONDS: Final = 30 * DAY
"""Within this time after an erasure the custodian attests that the object is gone."""


def missing_attestations(state: LedgerState, head: BlockReference) -> list[Finding]:
    """Finds erasures whose deletion should have been attested by now.

    Args:
        state: the chain at head.
        head: up to where the chain was read.
    """
    message = "a record was erased, but nobody attested that its object was deleted"
    return [
        Finding(
            Kind.ATTESTATION_MISSING,
            "0x" + record_id.hex(),
            message,
            f"an attestation before {end.erased_at + ATTESTATION_SECONDS}",
            "none",
        )
        for record_id, end in state.erasures.ends.items()
        if end.erased_at and not end.attested_at and head.time >= end.erased_at + ATTESTATION_SECONDS
    ]


def late_releases(state: LedgerState, releases: Iterable[KeptRelease]) -> list[Finding]:
    """Finds releases of a record that was erased before, by the vault's own clock.

    Args:
        state: the chain at head.
        releases: what the vault says it gave out.
    """
    message = "the vault gave out the keys of a record after it was erased"
    findings = []
    for kept in releases:
        erased_at = state.erasures.end_of(kept.record_id).erased_at
        if erased_at and kept.released_at > erased_at + CLOCK_TOLERANCE:
            about, expected = "0x" + kept.record_id.hex(), f"none after {erased_at}"
            got = f"request {kept.request_id} of 0x{kept.institution.hex()} at {kept.released_at}"
            findings.append(Finding(Kind.RELEASE_AFTER_ERASURE, about, message, expected, got))
    return findings
