"""Steps 4 to 11 of a verification, as far as they ask where an event stands: in a receipt, or in the ledger log.

A receipt is proved against the header of its block. A leaf is proved against the root of the checkpoint in the log
proof of the bundle; that enough witnesses vouch for that checkpoint is step 15, which is then never left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from consentry.core import events
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.log_tree import verify_inclusion
from consentry.core.terms import ZERO_32
from consentry.errors import VerificationError
from consentry.evidence import trie
from consentry.evidence.bundle import Bundle
from consentry.evidence.checkpoint import Checkpoint
from consentry.evidence.header import Header
from consentry.evidence.inclusion import Inclusion, LogInclusion, Shown
from consentry.evidence.log_entry import leaf_of
from consentry.evidence.logs import ProvableEvent, emitter_of, log_of
from consentry.evidence.steps import DECISION, ORDER, same, step
from consentry.evidence.trust import TrustRoot

NOWHERE: Final = EventPlace(BlockReference(0, ZERO_32, 0), ZERO_32, 0)
"""Place of an event that is only built to be compared with a log."""


class Included:
    """Where the events of one bundle stand; remembers each that it found."""

    def __init__(self, bundle: Bundle, trust: TrustRoot, headers: Mapping[bytes, Header]) -> None:
        """Takes the bundle, whom to believe, and the headers of step 3 by their hashes."""
        self._bundle = bundle
        self._trust = trust
        self._headers = headers
        self._head: Checkpoint | None = None
        self._places: list[tuple[str, tuple[int, int]]] = []
        self._decided: tuple[tuple[int, int], str] = ((0, 0), "")

    def check(self, number: int, event: ProvableEvent, shown: Shown) -> None:
        """Checks that an event is where a bundle says.

        Args:
            number: of the step that asks.
            event: what the contract must have emitted; its own place is not looked at.
            shown: where it is to be.

        Raises:
            VerificationError: it is not there, or the block or the log is not one to be believed.
        """
        if isinstance(shown, LogInclusion):
            self._logged(number, event, shown, shown.path)
        else:
            self._received(number, event, shown)

    def decision(self, event: events.AccessDecided) -> BlockReference:
        """Checks where the decision is (step 10).

        Returns:
            Its block.

        Raises:
            VerificationError: as of `check`.
        """
        shown, proof = self._bundle.decision, self._bundle.log_proof
        header = self._block(DECISION, shown.block_hash)
        if isinstance(shown, LogInclusion) and proof is not None:
            # Its path is not said twice.
            same(DECISION, "leaf of the decision", shown.leaf_index, proof.index)
            same(DECISION, "number of its block", shown.block_number, header.number)
            self._logged(DECISION, event, shown, proof.path)
        else:
            self.check(DECISION, event, shown)
        if proof is not None and isinstance(self._bundle.inclusions[0], LogInclusion):
            self._decided = (header.number, proof.index), "leaf"
        elif isinstance(shown, Inclusion):
            self._decided = (header.number, shown.transaction_index), "transaction"
        return BlockReference(header.number, header.hash, header.time)

    def _block(self, number: int, block_hash: bytes) -> Header:
        header = self._headers.get(block_hash)
        if header is None:
            raise VerificationError(
                f"block does not match (got 0x{block_hash.hex()}, expected that of a header above)", step=number
            )
        return header

    def _received(self, number: int, event: ProvableEvent, shown: Inclusion) -> None:
        header = self._block(number, shown.block_hash)
        with step(number):
            receipt = trie.receipt_at(header.receipts_root, shown.transaction_index, shown.nodes)
            logs = trie.logs_of(receipt)
            expected = log_of(event, self._trust.address(emitter_of(event)))
        name = _name(event)
        if shown.log_index >= len(logs):
            raise VerificationError(
                f"log index does not match (got {shown.log_index}, expected one below {len(logs)})", step=number
            )
        found = logs[shown.log_index]
        same(number, f"emitter of {name}", found.address, expected.address)
        same(number, f"topics of {name}", found.topics, expected.topics)
        same(number, f"data of {name}", found.data, expected.data)
        self._remember(number, name, (header.number, shown.transaction_index))

    def _logged(self, number: int, event: ProvableEvent, shown: LogInclusion, path: tuple[bytes, ...]) -> None:
        name = _name(event)
        head = self._head_of_log(number, name)
        with step(number):
            log = log_of(event, self._trust.address(emitter_of(event)))
            leaf = leaf_of(self._trust.chain_id, shown.block_number, shown.block_hash, log)
            try:
                verify_inclusion(leaf, shown.leaf_index, head.size, path, head.root)
            except VerificationError as error:
                raise VerificationError(f"{name}: {error.message}", expected=error.expected, got=error.got) from error
        self._remember(number, name, (shown.block_number, shown.leaf_index))

    def _remember(self, number: int, name: str, place: tuple[int, int]) -> None:
        if number < DECISION:
            self._places.append((name, place))

    def _head_of_log(self, number: int, name: str) -> Checkpoint:
        proof = self._bundle.log_proof
        if proof is None or self._trust.log_root is None:
            raise VerificationError(
                f"log root does not match (got none in the trust root, expected one: {name} is shown by the log alone)",
                step=number,
            )
        if self._head is None:
            with step(number):
                self._head = Checkpoint.parse(proof.note.text)
        return self._head

    def check_order(self) -> None:
        """Checks that everything the decision rests on happened before it, and what names a signer before the grant.

        Places in the log are compared where the log shows the events, else blocks and transactions within them.

        Raises:
            VerificationError: something happened later (step 11).
        """
        decision, what = self._decided
        granted = dict(self._places).get(events.ConsentGranted.__name__, decision)
        naming = {performed.act.FORM.event for performed, _ in self._bundle.subject_keys}
        for name, place in self._places:
            latest, before = (granted, "grant") if name in naming else (decision, "decision")
            if place > latest:
                raise VerificationError(
                    f"order of {name} does not match (got block {place[0]}, {what} {place[1]}, "
                    f"expected a place before the {before}, block {latest[0]}, {what} {latest[1]})",
                    step=ORDER,
                )


def _name(event: ProvableEvent) -> str:
    return event.act.FORM.event if isinstance(event, events.ActPerformed) else type(event).__name__
