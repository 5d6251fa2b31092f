"""Writes completeness statements from one node; what it writes is for others to verify."""

from __future__ import annotations

from typing import Any, Final

from consentry.core import heads
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.events import AccessDecided
from consentry.core.terms import Address, SubjectId
from consentry.errors import ConfigurationError, InvalidInputError, LedgerUnavailableError
from consentry.evidence import header, state_proof
from consentry.evidence.completeness import Statement, Told, Whose, claim_of
from consentry.evidence.header import Header
from consentry.evidence.notation import bytes_of, hex_of
from consentry.evidence.state_proof import SlotProof
from consentry.evidence.trust import TrustedBlock, TrustRoot
from consentry.ledger.abi import artifact
from consentry.ledger.connection import Connection
from consentry.ledger.events import Log, decode_log
from consentry.ledger.manifest import Manifest
from consentry.ledger.vouching import NodeProofs

_DECIDED: Final = next(d for d, s in artifact("AccessLedger").events.items() if s.name == "AccessDecided")
_ENROLLED: Final = next(d for d, s in artifact("Subjects").events.items() if s.name == "SubjectEnrolled")
_ADMITTED: Final = next(d for d, s in artifact("Participants").events.items() if s.name == "InstitutionAdmitted")
_ENTERED: Final[dict[Whose, tuple[str, bytes]]] = {
    "subject": ("Subjects", _ENROLLED),
    "institution": ("Participants", _ADMITTED),
}
"""What a contract logs when a subject or institution comes to be there."""
_PLACES: Final[dict[Whose, int]] = {
    "subject": state_proof.SUBJECT_HEADS,
    "institution": state_proof.INSTITUTION_HEADS,
}


class Stater(NodeProofs):
    """Builds statements about the newest block of one node, or one whose state it still has."""

    def __init__(self, connection: Connection, manifest: Manifest) -> None:
        """Takes the node and the deployment, which the caller has compared.

        Raises:
            ConfigurationError: the engine proves no state, so nothing would show where a list ends.
        """
        kind = connection.profile.proof_kind
        if kind == "none":
            raise ConfigurationError(
                f"proofs of engine {connection.profile.name} do not match (got none, expected tries)"
            )
        super().__init__(connection, manifest)

    async def state(self, whose: Whose, key: bytes, number: int | None = None) -> Statement:
        """States all accesses of a subject or institution, with nobody to vouch for the block.

        Args:
            whose: subject or institution.
            key: its id or address.
            number: of the block it is about; the newest if it is not given.

        Raises:
            LedgerUnavailableError: the node does not give what is needed, or not all of it.
        """
        form, identity = self._connection.profile.header_form, self._manifest.identity
        about = (await self.block()).number if number is None else number
        encoded = await self._connection.header_bytes(about)
        block = header.decode(encoded, form)
        proof = await self._proof(whose, key, about)
        entries = await self._entries(whose, key, block)
        self._check(whose, key, block, proof, len(entries))
        return Statement(
            whose=whose,
            key=key,
            claim=claim_of(whose, key, len(entries), block.number, block.time),
            chain_id=identity.chain_id,
            genesis_hash=identity.genesis_hash,
            contracts=tuple(sorted(identity.contracts)),
            headers=(encoded,),
            proof=proof,
            entries=entries,
        )

    async def has_state(self, whose: Whose, key: bytes, number: int) -> bool:
        """Tells whether the node proves the state of a block: most keep that of the newest ones alone."""
        try:
            await self._proof(whose, key, number)
        except LedgerUnavailableError:
            return False
        return True

    async def is_known(self, whose: Whose, key: bytes, number: int) -> bool:
        """Tells whether the subject was enrolled, or the institution admitted, up to a block.

        Raises:
            LedgerUnavailableError: the node does not answer.
        """
        contract, entered = _ENTERED[whose]
        first, word = self._manifest.identity.deployed_in, key.rjust(32, b"\0")
        return bool(await self._connection.logs([self._manifest.address(contract)], first, number, (entered, word)))

    async def harmless_logs(self) -> tuple[Log, ...]:
        """Gives the logs that a statement may show: whoever reads the statement reads them too.

        Those of `Participants` are about institutions, authorities and relays, and tell nothing of a patient. The log
        of a decision does, even if the statement tells the decision: it has both sequence numbers, so it says how often
        the patient was asked about everywhere, or how often the institution asked about anybody.

        Raises:
            LedgerUnavailableError: the node does not answer.
        """
        first = self._manifest.identity.deployed_in
        return await self._connection.logs([self._manifest.address("Participants")], first, None)

    def trust_root(self, statement: Statement) -> TrustRoot:
        """Gives a trust root whose one checkpoint is the block of a statement: for who trusts this node now."""
        form = self._connection.profile.header_form
        block = header.decode(statement.headers[0], form)
        return TrustRoot(
            chain_id=statement.chain_id,
            genesis_hash=statement.genesis_hash,
            header_form=form,
            contracts=statement.contracts,
            checkpoints=(TrustedBlock(block.number, block.hash),),
        )

    async def _proof(self, whose: Whose, key: bytes, number: int) -> SlotProof:
        slot = hex_of(state_proof.slot_in(_PLACES[whose], key))
        ledger = hex_of(self._manifest.address("AccessLedger"))
        found: Any = await self._connection.raw("eth_getProof", ledger, [slot], hex(number))
        try:
            ways = found["accountProof"], found["storageProof"][0]["proof"]
            return SlotProof(*(tuple(bytes_of(node) for node in way) for way in ways))
        except (LookupError, TypeError, InvalidInputError) as error:
            raise LedgerUnavailableError("node gives a proof that cannot be read") from error

    async def _entries(self, whose: Whose, key: bytes, block: Header) -> tuple[Told, ...]:
        found = []
        word, target = key.rjust(32, b"\0"), self._manifest.address("AccessLedger")
        topics = (_DECIDED, None, word) if whose == "subject" else (_DECIDED, None, None, word)
        first = self._manifest.identity.deployed_in
        for log in await self._connection.logs([target], first, block.number, topics):
            place = EventPlace(BlockReference(log.block_number, log.block_hash, 0), log.transaction_hash, log.log_index)
            event = decode_log(log, place)
            if isinstance(event, AccessDecided):
                entry = event.entry
                found.append(Told(entry.request, entry.subject_id, int(entry.reason), entry.decided_at))
        return tuple(found)

    def _check(self, whose: Whose, key: bytes, block: Header, proof: SlotProof, count: int) -> None:
        """A node that leaves decisions out is told now, and not by whoever is handed the file."""
        ledger = self._manifest.address("AccessLedger")
        try:
            if whose == "subject":
                head = state_proof.subject_head(block.state_root, ledger, SubjectId(key), proof)
            else:
                head = state_proof.institution_head(block.state_root, ledger, Address(key), proof)
        except InvalidInputError as error:
            raise LedgerUnavailableError(f"node gives a proof that does not hold ({error.message})") from error
        counted = heads.sequence_of(head)
        if counted != count:
            raise LedgerUnavailableError(
                f"node gives {count} decisions of the {counted} that its state counts up to block {block.number}"
            )
