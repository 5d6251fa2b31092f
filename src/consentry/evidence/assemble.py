"""Building a bundle from events and the blocks they stand in.

The caller fetches; this module only finds, proves and puts together. What it builds still has to be verified: a
builder trusts its node, a verifier does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from consentry.core import events
from consentry.core.authorisations import StandingAuthorisation
from consentry.core.terms import Address, BatchPath, InstitutionKeys
from consentry.errors import InvalidInputError
from consentry.evidence import header, trie
from consentry.evidence.bundle import Admission, Anchored, Authorised, Bundle, Enrolled, Granted, Rotation
from consentry.evidence.claim import claim_of
from consentry.evidence.header import HeaderForm
from consentry.evidence.inclusion import Inclusion, LogInclusion, Shown
from consentry.evidence.keys import Performed
from consentry.evidence.log_entry import leaf_of
from consentry.evidence.log_proof import LogProof
from consentry.evidence.log_tree_proof import LogTree
from consentry.evidence.logs import ProvableEvent, emitter_of, log_of


@dataclass(frozen=True, slots=True)
class SealedBlock:
    """A block as bytes: RLP of its header, and all its receipts in order as they stand in the trie."""

    header: bytes
    receipts: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class AccessHistory:
    """The events one bundle is about; what does not apply is missing.

    ``scope_proof``, ``request_signature`` and the place within a batch are those of the calldata; ``keys`` are the acts
    that name the signer of the consent, see `consentry.evidence.keys`.
    """

    admitted: events.InstitutionAdmitted
    rotated: events.InstitutionKeysRotated | None
    enrolled: events.SubjectEnrolled | None
    anchored: events.RecordAnchored | None
    granted: events.ConsentGranted | None
    decided: events.AccessDecided
    scope_proof: tuple[bytes, ...]
    request_signature: bytes
    within: BatchPath | None = None
    authorised: events.ActPerformed | None = None
    opened: events.DebtOpened | None = None
    keys: tuple[events.ActPerformed, ...] = ()

    def blocks(self) -> frozenset[int]:
        """Gives the numbers of the blocks that must be fetched."""
        consent = (self.enrolled, *self.keys, self.granted)
        found = (self.admitted, self.rotated, self.anchored, *consent, self.authorised, self.decided)
        return frozenset(event.place.block.number for event in found if event)


@dataclass(frozen=True, slots=True)
class ChainFacts:
    """Which chain and deployment a bundle is about."""

    chain_id: int
    genesis_hash: bytes
    header_form: HeaderForm
    contracts: tuple[tuple[str, Address], ...]


def leaf_of_event(facts: ChainFacts, event: ProvableEvent) -> bytes:
    """Gives the leaf of an event in the ledger log."""
    block, log = event.place.block, log_of(event, dict(facts.contracts)[emitter_of(event)])
    return leaf_of(facts.chain_id, block.number, block.hash, log)


class _Prover:
    def __init__(self, facts: ChainFacts, blocks: Mapping[int, SealedBlock], log: LogTree | None) -> None:
        self._facts = facts
        self._contracts = dict(facts.contracts)
        self._form = facts.header_form
        self._blocks = blocks
        self._log = log

    def show(self, event: ProvableEvent) -> Shown:
        """Shows an event by the log where there is one, else by its receipt."""
        if self._log is None:
            return self.prove(event)
        place, block = self._log.place_of(leaf_of_event(self._facts, event)), event.place.block
        if place is None:
            raise InvalidInputError(f"event does not match (got no {type(event).__name__} in the log)")
        return LogInclusion(block.hash, block.number, place, self._log.path_of(place))

    def show_answer(self, event: ProvableEvent) -> Shown:
        """Shows the decision, or its debt: by its receipt wherever seals can say something of that."""
        return self.prove(event) if self._form == "qbft" else self.show(event)

    def show_decision(self, event: ProvableEvent) -> Shown:
        """Shows the decision; its path is that of the log proof."""
        shown = self.show_answer(event)
        return replace(shown, path=()) if isinstance(shown, LogInclusion) else shown

    def log_proof(self, decided: events.AccessDecided) -> LogProof | None:
        """Proves the decision in the log, where there is one."""
        return self._log.proof_of(leaf_of_event(self._facts, decided)) if self._log else None

    def prove(self, event: ProvableEvent) -> Inclusion:
        """Finds an event in its block and proves it."""
        block = self._blocks.get(event.place.block.number)
        if block is None:
            raise InvalidInputError(f"block does not match (got none of number {event.place.block.number})")
        expected = log_of(event, self._contracts[emitter_of(event)])
        for index, receipt in enumerate(block.receipts):
            for place, log in enumerate(trie.emitted_in(receipt)):
                if log == expected:
                    nodes = trie.prove(block.receipts, index)
                    return Inclusion(header.decode(block.header, self._form).hash, index, place, nodes)
        raise InvalidInputError(f"event does not match (got no {type(event).__name__} in block of its place)")


def _rotation(event: events.InstitutionKeysRotated, prover: _Prover) -> Rotation:
    keys = InstitutionKeys(event.institution, event.signer, event.release_key, event.sign_before)
    return Rotation(event.authority, keys, prover.show(event))


def _numbers(history: AccessHistory, log: LogTree | None) -> frozenset[int]:
    """Gives the blocks whose headers are needed: that of the decision for its time, the others for receipts."""
    return frozenset({history.decided.place.block.number}) if log else history.blocks()


def _enrolled(event: events.SubjectEnrolled, prover: _Prover) -> Enrolled:
    return Enrolled(event.subject_id, event.custodian, event.signer, prover.show(event))


def _authorised(event: events.ActPerformed, prover: _Prover) -> Authorised:
    if not isinstance(event.act, StandingAuthorisation):
        raise InvalidInputError(f"act does not match (got {type(event.act).__name__}, expected an authorisation)")
    return Authorised(event.act, event.signatures, prover.show(event))


def assemble(
    history: AccessHistory,
    facts: ChainFacts,
    blocks: Mapping[int, SealedBlock],
    path: Sequence[bytes] = (),
    log: LogTree | None = None,
) -> Bundle:
    """Builds the bundle of one access.

    Args:
        history: the events.
        facts: the chain.
        blocks: every block of ``history.blocks()``, by number; where the log shows the events, that of the decision.
        path: further headers as RLP, so that each block's header leads to a checkpoint by parent hashes.
        log: shows the events in place of receipts; the decision keeps its receipt where blocks have seals.

    Raises:
        InvalidInputError: an event is not in the block it names, or not in the log.
    """
    prover = _Prover(facts, blocks, log)
    a, k, e, r, g = history.admitted, history.rotated, history.enrolled, history.anchored, history.granted
    headers = {blocks[number].header for number in _numbers(history, log)} | set(path)
    return Bundle(
        claim=claim_of(history.decided.entry),
        chain_id=facts.chain_id,
        genesis_hash=facts.genesis_hash,
        contracts=tuple(sorted(facts.contracts)),
        headers=tuple(sorted(headers, key=lambda encoded: header.decode(encoded, facts.header_form).number)),
        institution=Admission(
            a.institution, a.authority, a.region, a.signer, a.release_key, a.profile_hash, prover.show(a)
        ),
        rotation=_rotation(k, prover) if k else None,
        subject=_enrolled(e, prover) if e and g else None,
        subject_keys=tuple((Performed(k.act, k.signatures), prover.show(k)) for k in history.keys),
        record=Anchored(r.leaf, prover.show(r)) if r else None,
        consent=Granted(g.terms, g.signature, prover.show(g)) if g else None,
        authorisation=_authorised(history.authorised, prover) if history.authorised else None,
        scope_proof=history.scope_proof,
        request_signature=history.request_signature,
        within=history.within,
        entry=history.decided.entry,
        decision=prover.show_decision(history.decided),
        debt=prover.show_answer(history.opened) if history.opened else None,
        log_proof=prover.log_proof(history.decided),
    )
