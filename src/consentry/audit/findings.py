"""What an audit can find, with the evidence for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from consentry.core.chain import BlockReference, EventPlace


class Kind(StrEnum):
    """What is wrong."""

    ORDER = "events.out-of-order"
    BLOCK = "events.block-differs"
    ACT = "act.not-allowed"
    IDENTITY = "event.does-not-fit"
    BROUGHT = "event.not-brought"
    SIGNATURE = "signature.not-valid"
    REQUEST_SIGNATURE = "request.signature-not-valid"
    DECISION = "decision.wrong"
    DECISION_TIME = "decision.time"
    DECISION_SUBJECT = "decision.subject"
    REPLAY = "request.decided-twice"
    SUBJECT_SEQUENCE = "subject.sequence-gap"
    INSTITUTION_SEQUENCE = "institution.sequence-gap"
    SUBJECT_HEAD = "subject.head-differs"
    INSTITUTION_HEAD = "institution.head-differs"
    CONSENT_STATE = "consent.state-differs"
    AUTHORISATION_STATE = "authorisation.state-differs"
    DEBT_STATE = "debt.state-differs"
    RECORD_STATE = "record.state-differs"
    SUBJECT_STATE = "subject.state-differs"
    SUBJECT_FACTS = "subject.facts-differ"
    CARD_STATE = "card.state-differs"
    GUARDIAN_STATE = "guardian.state-differs"
    INSTITUTION_STATE = "institution.state-differs"
    AUTHORITY_STATE = "authority.state-differs"
    OFFICER_STATE = "officer.state-differs"
    RELAY_STATE = "relay.state-differs"
    VERIFIER_STATE = "verifier.state-differs"
    MEMBERSHIP = "group.membership-differs"
    REJECTION = "rejection.wrong"
    MATERIAL = "material.does-not-fit"
    BATCH = "batch.does-not-fit"
    SCOPE_UNPROVEN = "scope.unproven"
    PROJECTION_BEHIND = "projection.behind"
    ROW_MISSING = "projection.row-missing"
    ROW_UNKNOWN = "projection.row-unknown"
    ROW_DIFFERS = "projection.row-differs"
    OBJECT_UNANCHORED = "vault.object-unanchored"
    OBJECT_MISSING = "vault.object-missing"
    OBJECT_DIFFERS = "vault.object-differs"
    OBJECT_KEPT = "vault.object-kept"
    RELEASE_WITHOUT_DECISION = "release.without-decision"
    RELEASE_AFTER_ERASURE = "release.after-erasure"
    ATTESTATION_MISSING = "erasure.attestation-missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that should not be.

    Attributes:
        kind: what is wrong.
        about: id of the request, consent, record, subject or account, as hexadecimal.
        message: one sentence; ids only, never content.
        expected: what the rules, or the chain, say.
        got: what was found.
        place: the event concerned, if there is one.
    """

    kind: Kind
    about: str
    message: str
    expected: str
    got: str
    place: EventPlace | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Outcome of one audit.

    Attributes:
        head: the block up to which the chain was read.
        events: number of events read.
        decisions: number of accesses that were decided again.
        signatures: number of signatures that were checked again.
        findings: what should not be; empty when all is well.
        limits: what could not be checked, in words.
        unreleased: number of permitted accesses to a custodian's records whose key its vault never gave out; none when
            no vault was compared. No fault: the requester may never have come for it.
    """

    head: BlockReference
    events: int
    decisions: int
    signatures: int
    findings: tuple[Finding, ...]
    limits: tuple[str, ...] = ()
    unreleased: int | None = None

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings
