"""A chain that says whatever it is told, for the steps no honest chain can fail.

Its blocks hold receipts with invented logs under true receipt roots, and its trust root vouches for them. So everything
up to the invented falsehood verifies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import rlp

from consentry.core import events
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.terms import AccessEntry, AccessRequest, Address, ConsentTerms, RecordLeaf
from consentry.core.typed_data import consent_id, digest, record_id
from consentry.crypto.signing import AccountKey
from consentry.evidence import header, trie
from consentry.evidence.assemble import AccessHistory, ChainFacts, SealedBlock, assemble
from consentry.evidence.bundle import Bundle
from consentry.evidence.logs import ProvableEvent, emitter_of, log_of
from consentry.evidence.trust import TrustedBlock, TrustRoot
from tests.support.samples import NOW

RECEIPTS_ROOT: Final = 5
NUMBER: Final = 8
TIME: Final = 11


@dataclass
class Rogue:
    """A true bundle's events, to be changed, and mined again on the rogue chain."""

    bundle: Bundle
    trust: TrustRoot
    hospital: AccountKey
    patient: AccountKey

    def all_events(self) -> dict[str, ProvableEvent]:
        """Gives the events of the bundle by their part in it."""
        b, nowhere = self.bundle, EventPlace(BlockReference(0, bytes(32), 0), bytes(32), 0)
        i = b.institution
        found: dict[str, ProvableEvent] = {
            "admitted": events.InstitutionAdmitted(
                nowhere, i.institution, i.authority, i.region, i.signer, i.release_key, i.profile_hash
            )
        }
        if b.subject and b.record and b.consent:
            s, leaf, c = b.subject, b.record.leaf, b.consent
            found["enrolled"] = events.SubjectEnrolled(nowhere, s.subject_id, s.custodian, s.signer)
            found["anchored"] = events.RecordAnchored(nowhere, record_id(leaf), leaf.subject_id, leaf.custodian, leaf)
            found["granted"] = events.ConsentGranted(
                nowhere, consent_id(c.terms), c.terms.subject_id, c.terms, c.signature
            )
        if b.rotation:
            keys = b.rotation.keys
            found["rotated"] = events.InstitutionKeysRotated(
                nowhere, keys.institution, b.rotation.authority, keys.signer, keys.release_key, keys.sign_before
            )
        for number, (performed, _) in enumerate(b.subject_keys):
            found[f"key-{number}"] = performed.event(nowhere)
        found["decided"] = events.AccessDecided(nowhere, b.entry)
        return found

    def receipt_of(self, event: ProvableEvent, emitter: Address | None = None) -> bytes:
        """Gives the receipt of a transaction with one log."""
        log = log_of(event, emitter or self.trust.address(emitter_of(event)))
        return bytes(rlp.encode([b"\x01", b"\x01", bytes(256), [[log.address, list(log.topics), log.data]]]))

    def mine(
        self,
        changed: dict[str, ProvableEvent],
        *,
        order: tuple[str, ...] = ("admitted", "enrolled", "anchored", "granted", "decided"),
        time: int | None = None,
        emitters: dict[str, Address] | None = None,
        **members: Any,  # noqa: ANN401 - members of the history
    ) -> tuple[Bundle, TrustRoot]:
        """Puts each event into a block of its own, in ``order``, and proves the access."""
        found = self.all_events() | changed
        decided = found["decided"]
        assert isinstance(decided, events.AccessDecided)
        block_time = decided.entry.decided_at if time is None else time
        template = list(rlp.decode(self.bundle.headers[0]))
        blocks, placed, parent = {}, {}, bytes(32)
        for number, name in enumerate(order, start=1):
            receipt = self.receipt_of(found[name], (emitters or {}).get(name))
            items = [*template]
            items[0], items[RECEIPTS_ROOT] = parent, trie.root_of([receipt])
            items[NUMBER], items[TIME] = bytes([number]), block_time.to_bytes(5, "big").lstrip(b"\0")
            encoded = bytes(rlp.encode(items))
            parent = header.decode(encoded).hash
            blocks[number] = SealedBlock(encoded, (receipt,))
            placed[name] = replace(
                found[name], place=EventPlace(BlockReference(number, parent, block_time), bytes(32), 0)
            )
        trust = replace(self.trust, checkpoints=(TrustedBlock(len(order), parent),))
        return self._bundle(placed, trust, blocks, emitters or {}, members), trust

    def _bundle(
        self,
        placed: dict[str, Any],
        trust: TrustRoot,
        blocks: dict[int, SealedBlock],
        emitters: dict[str, Address],
        members: dict[str, Any],
    ) -> Bundle:
        values: dict[str, Any] = {
            "scope_proof": self.bundle.scope_proof,
            "request_signature": self.hospital.sign_digest(
                digest(trust.domain("AccessLedger"), placed["decided"].entry.request)
            ),
        }
        history = AccessHistory(
            placed["admitted"],
            placed.get("rotated"),
            placed.get("enrolled"),
            placed.get("anchored"),
            placed.get("granted"),
            placed["decided"],
            keys=tuple(placed[name] for name in sorted(placed) if name.startswith("key-")),
            **(values | members),
        )
        lying = {emitter_of(placed[name]): address for name, address in emitters.items()}
        contracts = tuple((name, lying.get(name, address)) for name, address in trust.contracts)
        facts = ChainFacts(trust.chain_id, trust.genesis_hash, trust.header_form, contracts)
        made = assemble(history, facts, blocks, [block.header for block in blocks.values()])
        return replace(made, contracts=trust.contracts)

    def decided(self, request: AccessRequest | None = None, **changes: Any) -> events.AccessDecided:  # noqa: ANN401 - members by name
        """Gives the decision with another request or other members."""
        base = self.bundle.entry
        entry: AccessEntry = replace(base, request=request or base.request, **changes)
        return events.AccessDecided(EventPlace(BlockReference(0, bytes(32), 0), bytes(32), 0), entry)

    def request(self, **changes: Any) -> AccessRequest:  # noqa: ANN401 - members of the request
        """Gives the request with other members."""
        return replace(self.bundle.entry.request, **changes)

    def permitted_under(
        self, terms: ConsentTerms | None = None, leaf: RecordLeaf | None = None
    ) -> dict[str, ProvableEvent]:
        """Gives the events of a permitted access under other terms, or to another record, all duly signed."""
        b, nowhere = self.bundle, EventPlace(BlockReference(0, bytes(32), NOW), bytes(32), 0)
        assert b.consent
        assert b.record
        terms, leaf = terms or b.consent.terms, leaf or b.record.leaf
        signature = self.patient.sign_digest(digest(self.trust.domain("Consents"), terms))
        request = self.request(consent_id=consent_id(terms), record_id=record_id(leaf))
        return {
            "anchored": events.RecordAnchored(nowhere, record_id(leaf), leaf.subject_id, leaf.custodian, leaf),
            "granted": events.ConsentGranted(nowhere, consent_id(terms), terms.subject_id, terms, signature),
            "decided": self.decided(request, subject_id=leaf.subject_id),
        }
