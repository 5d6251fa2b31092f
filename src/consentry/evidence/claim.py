"""What a bundle says in plain words. The words are derived from the decision, so they cannot say anything else."""

from __future__ import annotations

from datetime import UTC, datetime

from consentry.core.codes import Action, ActorKind, LegalBasis, Purpose, Reason
from consentry.core.terms import ZERO_32, AccessEntry
from consentry.evidence.notice import LAST_MOMENT


def _time(seconds: int) -> str:
    if seconds > LAST_MOMENT:
        return f"second {seconds}"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _name(kind: type[Action | ActorKind | LegalBasis | Purpose], code: int) -> str:
    return kind(code).name if code in kind._value2member_map_ else f"unknown code {code}"


def claim_of(entry: AccessEntry) -> str:
    """Gives the claim of one decision, in one sentence."""
    request = entry.request
    outcome = "permitted" if entry.reason == Reason.NONE else f"denied ({Reason(entry.reason).name})"
    ground = f"consent 0x{request.consent_id.hex()}" if request.consent_id != ZERO_32 else "no consent"
    if request.authorisation_id != ZERO_32:
        ground = f"authorisation 0x{request.authorisation_id.hex()}"
    subject = f"subject 0x{entry.subject_id.hex()}" if entry.subject_id != ZERO_32 else "no known subject"
    return (
        f"At {_time(entry.decided_at)} the ledger {outcome} request {request.request_id} of institution "
        f"0x{request.institution.hex()} by practitioner 0x{request.practitioner.hex()} "
        f"({_name(ActorKind, request.actor_kind)}) to {_name(Action, request.action)} record "
        f"0x{request.record_id.hex()} of {subject} for {_name(Purpose, request.purpose)} under {ground}, legal basis "
        f"{_name(LegalBasis, request.legal_basis)}: entry {entry.subject_sequence} of the subject's log, entry "
        f"{entry.institution_sequence} of the institution's log."
    )
