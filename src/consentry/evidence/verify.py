"""Verification of a bundle, offline: numbered steps, the same numbers as in ``docs/formats/bundle.md``.

Steps

 1. Form. The bytes are the canonical JSON of a bundle.
 2. Chain. Chain id, genesis and contracts are those of the trust root.
 3. Headers. Every header is an ancestor of a checkpoint of the trust root, or one itself.
 4. Institution. Its admission is on chain and names its keys, or the rotation of its keys after it does.
 5. Request. The institution's signer signed the request.
 6. Record. The leaf is that of the record asked for, and its anchoring is on chain.
 7. Subject. The enrolment of the consent's subject is on chain and names its signer, or later acts on chain do.
 8. Consent. The terms are those the request invokes, and their grant is on chain; or the authorisation in its place.
 9. Signature of the subject. A signer that was named signed the terms; or the authority the authorisation.
10. Decision. The decision is on chain, at the time of its block, and so is the debt of a permitted emergency.
11. Order. Everything the decision rests on happened before it, and what names a signer before the grant.
12. Rules. The same rules, applied again, do not contradict the decision.
13. Claim. The claim in words is the one this decision has.
14. Seals. Validators followed from the block the trust root pins sealed the block of the decision.
15. Witnesses. As many as the log root demands vouch for a log that has the decision in it.

What the caller must still do: trust the trust root, and know who the institution and the subject are. What no receipt
can prove is that something did *not* happen; that a consent was not revoked, that uses were left, that the record was
current, that nobody was excluded and that a group had a member rests on the decision of the contract, proved by step
10.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from consentry.core import events
from consentry.core.access import (
    OF_TERMS,
    RANKS,
    ConsentFacts,
    Facts,
    InstitutionFacts,
    RecordFacts,
    decide,
    denial,
)
from consentry.core.authorisations import authorisation_id
from consentry.core.batch_tree import is_asked_for
from consentry.core.chain import BlockReference
from consentry.core.codes import (
    BY_AUTHORITY,
    AuthorisationStatus,
    ConsentStatus,
    LegalBasis,
    Reason,
    RecordStatus,
    Standing,
)
from consentry.core.emergencies import debt_id
from consentry.core.terms import ZERO_32, AccessEntry, Material, RecordLeaf, SubjectId
from consentry.core.typed_data import SignedStruct, consent_id, digest, record_id
from consentry.crypto import signing
from consentry.errors import ConsentryError, VerificationError
from consentry.evidence import header as headers
from consentry.evidence import vouching
from consentry.evidence.bundle import Bundle, Granted, Rotation
from consentry.evidence.claim import claim_of
from consentry.evidence.completeness import LoggedBlock
from consentry.evidence.header import Header
from consentry.evidence.included import NOWHERE, Included
from consentry.evidence.inclusion import LogInclusion
from consentry.evidence.keys import signers_named
from consentry.evidence.logs import log_of
from consentry.evidence.steps import (
    CHAIN,
    CLAIM,
    CONSENT,
    DECISION,
    FORM,
    HEADERS,
    INSTITUTION,
    RECORD,
    REQUEST,
    RULES,
    SEALS,
    SIGNATURE,
    SUBJECT,
    WITNESSES,
    present,
    same,
    step,
)
from consentry.evidence.trust import TrustRoot
from consentry.evidence.vouching import Vouched

UNPROVEN: Final = frozenset(
    {
        Reason.INSTITUTION_SUSPENDED,
        Reason.RECORD_SUPERSEDED,
        Reason.RECORD_RESTRICTED,
        Reason.RECORD_ERASED,
        Reason.CONSENT_UNKNOWN,
        Reason.CONSENT_REVOKED,
        Reason.USES_EXHAUSTED,
        Reason.INSTITUTION_LIMIT,
        Reason.EXCLUDED,
        Reason.RECONSENT_NEEDED,
        Reason.EMERGENCY_FORBIDDEN,
        Reason.EMERGENCY_LIMIT,
        Reason.AUTHORISATION_UNKNOWN,
        Reason.AUTHORISATION_WITHDRAWN,
    }
)
"""Denials that rest on facts a bundle does not carry; not being a member of a group is another."""

OF_AUTHORISATION: Final = frozenset({Reason.AUTHORISATION_EXPIRED, Reason.AUTHORISATION_SCOPE})
"""Denials that rest on the terms of an authorisation that was given."""

SMART_ACCOUNT: Final = "; the answer of a smart account (ERC-1271) cannot be repeated offline"


@dataclass(frozen=True, slots=True)
class VerifiedAccess:
    """A decision that is proved, the block it stands in, and who vouches for that.

    ``leaf`` is that of the record; none where the ledger knew no such record.
    """

    entry: AccessEntry
    block: BlockReference
    claim: str
    vouched: Vouched
    leaf: RecordLeaf | None = None


def verify(
    content: bytes, trust: TrustRoot, *, log_roots: Sequence[bytes] = (), now: int | None = None
) -> VerifiedAccess:
    """Checks a bundle against a trust root, with nothing else.

    Args:
        content: bytes of the file.
        trust: whom to believe.
        log_roots: the log root the trust root names, unless that holds it, and the versions after it up to the one that
            was in force when the log was cosigned.
        now: seconds since the epoch; by the clock of this machine if it is not given.

    Returns:
        The decision that is proved.

    Raises:
        VerificationError: the first step that fails, with what was found and what was expected.
    """
    with step(FORM):
        bundle = Bundle.from_json(content)
    vouching.check_chain(CHAIN, bundle, trust)
    trusted, has_checkpoint = _trusted_headers(bundle, trust)
    included = Included(bundle, trust, trusted)
    check = _Verification(bundle, trust, included)
    check.institution()
    check.request()
    check.record()
    check.subject()
    check.consent()
    check.signature_of_subject()
    block = check.decision()
    included.check_order()
    check.rules()
    same(CLAIM, "claim", bundle.claim, claim_of(bundle.entry))
    seals = vouching.sealed_by(SEALS, bundle, trust, block)
    moment = int(time.time()) if now is None else now
    witnesses = vouching.witnessed_by(WITNESSES, _logged(bundle, trust), trust, block, log_roots, moment)
    vouched = Vouched(trust.header_form, has_checkpoint, seals, witnesses)
    return VerifiedAccess(bundle.entry, block, bundle.claim, vouched, bundle.record.leaf if bundle.record else None)


def _logged(bundle: Bundle, trust: TrustRoot) -> LoggedBlock | None:
    if bundle.log_proof is None:
        return None
    log = log_of(events.AccessDecided(NOWHERE, bundle.entry), trust.address("AccessLedger"))
    return LoggedBlock(log, bundle.log_proof)


def _trusted_headers(bundle: Bundle, trust: TrustRoot) -> tuple[dict[bytes, Header], bool]:
    """Step 3: walks from the newest header down, each vouched for by a checkpoint or by its child.

    Returns:
        The headers by their hashes, and whether that of the decision leads to a checkpoint: where it does not, proofs
        still have to show whose it is.
    """
    decided, has_checkpoint = bundle.decision.block_hash, True
    vouched = {checkpoint.hash: checkpoint.number for checkpoint in trust.checkpoints}
    trusted: dict[bytes, Header] = {}
    with step(HEADERS):
        found = sorted((headers.decode(h, trust.header_form) for h in bundle.headers), key=lambda h: -h.number)
    for header in found:
        expected = vouched.get(header.hash)
        if expected is None and header.hash == decided and vouching.is_left_to_proofs(bundle, bundle.log_proof, trust):
            expected, has_checkpoint = header.number, False
        if expected is None:
            raise VerificationError(
                f"header {header.number} does not match (got 0x{header.hash.hex()}, "
                "expected a checkpoint's; the trust root may be one of other blocks)",
                step=HEADERS,
            )
        same(HEADERS, "number of a header", header.number, expected)
        vouched[header.parent_hash] = header.number - 1
        trusted[header.hash] = header
    return trusted, has_checkpoint


class _Verification:
    """Steps 4 to 12 of one bundle."""

    def __init__(self, bundle: Bundle, trust: TrustRoot, included: Included) -> None:
        self._bundle = bundle
        self._trust = trust
        self._included = included
        self._signers: tuple[bytes, ...] = (b"",)

    def _signed(self, number: int, contract: str, signer: bytes, value: SignedStruct, signature: bytes) -> None:
        try:
            signing.verify(signer, digest(self._trust.domain(contract), value), signature, self._trust.verifiers)
        except ConsentryError as error:
            limit = SMART_ACCOUNT if len(signer) == signing.ACCOUNT_SIZE else ""
            raise VerificationError(error.message + limit, step=number) from error

    def institution(self) -> None:
        """Step 4."""
        found, request = self._bundle.institution, self._bundle.entry.request
        same(INSTITUTION, "institution", found.institution, request.institution)
        event = events.InstitutionAdmitted(
            NOWHERE,
            found.institution,
            found.authority,
            found.region,
            found.signer,
            found.release_key,
            found.profile_hash,
        )
        self._included.check(INSTITUTION, event, found.inclusion)
        if self._bundle.rotation is not None:
            self._rotation(self._bundle.rotation)

    def _rotation(self, rotation: Rotation) -> None:
        keys = rotation.keys
        same(INSTITUTION, "institution of the rotation", keys.institution, self._bundle.entry.request.institution)
        event = events.InstitutionKeysRotated(
            NOWHERE, keys.institution, rotation.authority, keys.signer, keys.release_key, keys.sign_before
        )
        self._included.check(INSTITUTION, event, rotation.inclusion)

    def request(self) -> None:
        """Step 5."""
        signer = self._bundle.keys_in_force.signer
        request, within = self._bundle.entry.request, self._bundle.within
        if within is not None and not is_asked_for(request, within):
            raise VerificationError("batch does not match the request: its path leads to another root", step=REQUEST)
        signed = within.batch if within is not None else request
        self._signed(REQUEST, "AccessLedger", signer, signed, self._bundle.request_signature)

    def record(self) -> None:
        """Step 6."""
        found, entry = self._bundle.record, self._bundle.entry
        if entry.subject_id == ZERO_32:
            same(RECORD, "record", found, None)
            return
        anchored = present(RECORD, "record leaf", found)
        leaf = anchored.leaf
        same(RECORD, "record id", record_id(leaf), entry.request.record_id)
        same(RECORD, "subject of the record", leaf.subject_id, entry.subject_id)
        event = events.RecordAnchored(NOWHERE, record_id(leaf), leaf.subject_id, leaf.custodian, leaf)
        self._included.check(RECORD, event, anchored.inclusion)

    def _rests_on_a_grant(self) -> bool:
        entry = self._bundle.entry
        granted = entry.reason == Reason.NONE and entry.request.legal_basis == LegalBasis.CONSENT
        return granted or entry.reason in OF_TERMS

    def _rests_on_an_authorisation(self) -> bool:
        entry = self._bundle.entry
        given = entry.reason == Reason.NONE and entry.request.legal_basis in BY_AUTHORITY
        return given or entry.reason in OF_AUTHORISATION

    def subject(self) -> None:
        """Step 7."""
        found, consent = self._bundle.subject, self._bundle.consent
        same(SUBJECT, "presence of the subject", found is not None, consent is not None)
        if found is None or consent is None:
            same(SUBJECT, "number of acts that name a signer", len(self._bundle.subject_keys), 0)
            return
        same(SUBJECT, "subject", found.subject_id, consent.terms.subject_id)
        event = events.SubjectEnrolled(NOWHERE, found.subject_id, found.custodian, found.signer)
        self._included.check(SUBJECT, event, found.inclusion)
        acts = [performed.act for performed, _ in self._bundle.subject_keys]
        with step(SUBJECT):
            self._signers = signers_named(found.signer, acts, consent.terms)
        for performed, inclusion in self._bundle.subject_keys:
            self._included.check(SUBJECT, performed.event(NOWHERE), inclusion)

    def consent(self) -> None:
        """Step 8."""
        found, request = self._bundle.consent, self._bundle.entry.request
        self._authorisation()
        if found is None and not self._rests_on_a_grant():
            return
        found = present(CONSENT, "consent", found)
        same(CONSENT, "consent id", consent_id(found.terms), request.consent_id)
        event = events.ConsentGranted(NOWHERE, request.consent_id, found.terms.subject_id, found.terms, found.signature)
        self._included.check(CONSENT, event, found.inclusion)

    def _authorisation(self) -> None:
        found, request = self._bundle.authorisation, self._bundle.entry.request
        if found is None and not self._rests_on_an_authorisation():
            return
        found = present(CONSENT, "authorisation", found)
        terms = found.terms
        same(CONSENT, "authorisation id", authorisation_id(terms), request.authorisation_id)
        parties = SubjectId(ZERO_32), terms.institution
        event = events.ActPerformed(NOWHERE, request.authorisation_id, *parties, terms, found.signatures)
        self._included.check(CONSENT, event, found.inclusion)

    def signature_of_subject(self) -> None:
        """Step 9."""
        given = self._bundle.authorisation
        if given:
            same(SIGNATURE, "number of signatures of the authorisation", len(given.signatures), 1)
            self._signed(SIGNATURE, "Authorisations", given.terms.authority, given.terms, given.signatures[0])
        consent = self._bundle.consent
        if self._bundle.subject and consent:
            self._signed(SIGNATURE, "Consents", self._signer_of(consent), consent.terms, consent.signature)

    def _signer_of(self, consent: Granted) -> bytes:
        """Gives of the signers that were named the one that signed the terms; the first if none did."""
        hashed = digest(self._trust.domain("Consents"), consent.terms)
        for signer in self._signers[1:]:
            with suppress(ConsentryError):
                signing.verify(signer, hashed, consent.signature, self._trust.verifiers)
                return signer
        return self._signers[0]

    def decision(self) -> BlockReference:
        """Step 10."""
        bundle = self._bundle
        block = self._included.decision(events.AccessDecided(NOWHERE, bundle.entry))
        same(DECISION, "time of the decision", bundle.entry.decided_at, block.time)
        self._debt()
        return block

    def _debt(self) -> None:
        """A permitted emergency opened its debt in the same transaction, just behind the decision; nothing else did."""
        entry, found, decision = self._bundle.entry, self._bundle.debt, self._bundle.decision
        request = entry.request
        owed = entry.reason == Reason.NONE and request.legal_basis == LegalBasis.EMERGENCY
        same(DECISION, "presence of the debt", found is not None, owed)
        if found is None:
            return
        what = "block" if isinstance(decision, LogInclusion) else "transaction"
        same(DECISION, f"{what} of the debt", found.group, decision.group)
        same(DECISION, "log index of the debt", found.position, decision.position + 1)
        named = debt_id(request.institution, request.request_id)
        parties = entry.subject_id, request.institution
        event = events.DebtOpened(NOWHERE, named, *parties, request.request_id, request.practitioner)
        self._included.check(DECISION, event, found)

    def rules(self) -> None:
        """Step 12: decides again with every unproven fact in favour; only such facts may make a difference."""
        entry, consent = self._bundle.entry, self._bundle.consent
        again = self._decided_again()
        unproven = entry.reason in UNPROVEN or (
            entry.reason == Reason.GRANTEE_MISMATCH and consent is not None and consent.terms.group != ZERO_32
        )
        if not (unproven and (again == Reason.NONE or RANKS.get(again, -1) >= RANKS[Reason(entry.reason)])):
            same(RULES, "reason", entry.reason, int(again))

    def _decided_again(self) -> Reason:
        bundle = self._bundle
        entry, record, consent = bundle.entry, bundle.record, bundle.consent
        release_key_hash = hashlib.sha256(bundle.keys_in_force.release_key).digest()
        facts = Facts(
            institution=InstitutionFacts(Standing.ACTIVE, release_key_hash),
            record=RecordFacts(RecordStatus.CURRENT, record.leaf) if record else RecordFacts(),
            consent=ConsentFacts(ConsentStatus.ACTIVE if consent else ConsentStatus.NONE, 0),
            signature_valid=True,
            request_used=False,
            group_member=True,
            authorisation=AuthorisationStatus.ACTIVE if bundle.authorisation else AuthorisationStatus.NONE,
        )
        given = bundle.authorisation
        if record is None or consent is None:
            return denial(entry.request, given.terms if given else None, facts, entry.decided_at)
        material = Material(record.leaf, consent.terms, bundle.scope_proof)
        return decide(entry.request, material, facts, entry.decided_at)
