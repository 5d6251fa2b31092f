"""What the contracts hold at a block, proved against the state root of its header.

The proofs are those of ``eth_getProof`` (EIP-1186): one way down the trie of accounts, and one down the storage of a
contract. Unlike a receipt they can also prove that something is not there: no head, no consent, no suspension. The
places of variables are those of the compiler's storage layout, which is part of the artifacts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

from consentry.core.codes import ConsentStatus, Standing
from consentry.core.terms import Address, ConsentId, SubjectId
from consentry.errors import InvalidInputError
from consentry.evidence.flat_rlp import members_of, number_in, string_of
from consentry.evidence.trie_path import value_at

_WORD: Final = 32
SUBJECT_HEADS: Final = 3
INSTITUTION_HEADS: Final = 4
"""Places of ``_subjectHeads`` and ``_institutionHeads`` in ``AccessLedger``."""
CONSENT_STATES: Final = 15
"""Place of ``_states`` in ``Consents``."""
INSTITUTIONS: Final = 6
"""Place of ``_institutions`` in ``Participants``."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account of the state; ``balance`` in wei."""

    nonce: int
    balance: int
    storage_root: bytes
    code_hash: bytes


@dataclass(frozen=True, slots=True)
class SlotProof:
    """The way to one storage slot of one contract: nodes of the account, then nodes of the slot."""

    account: tuple[bytes, ...]
    storage: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ConsentState:
    """What ``Consents`` holds of a consent; times in seconds of block time, zero for never."""

    status: ConsentStatus
    uses: int
    granted_at: int
    revoked_at: int


@dataclass(frozen=True, slots=True)
class InstitutionState:
    """What ``Participants`` holds of an institution's standing; ``suspended_until`` in seconds, zero for never."""

    standing: Standing
    region: int
    suspended_until: int
    daily_limit: int
    emergency_limit: int

    def standing_at(self, time: int) -> Standing:
        """Gives how it stands at a block time, in seconds: a suspension in emergency is over once it is reached."""
        suspended = self.standing == Standing.ACTIVE and time < self.suspended_until
        return Standing.SUSPENDED if suspended else self.standing


def account_at(state_root: bytes, address: Address, nodes: Sequence[bytes]) -> Account | None:
    """Gives an account, or None if it is proved that there is none.

    Raises:
        InvalidInputError: the nodes prove neither, or what stands there is no account.
    """
    value = value_at(state_root, keccak(address), nodes)
    if value is None:
        return None
    parts = [string_of(item) for item in members_of(value)]
    if len(parts) != 4 or len(parts[2]) != _WORD or len(parts[3]) != _WORD:  # noqa: PLR2004 - the four of an account
        raise InvalidInputError("account does not match (got another structure, expected nonce, balance, two hashes)")
    return Account(number_in(parts[0], 8), number_in(parts[1], _WORD), parts[2], parts[3])


def slot_at(storage_root: bytes, slot: bytes, nodes: Sequence[bytes]) -> bytes:
    """Gives the word in a storage slot, 32 bytes; zeros if it is proved that nothing stands there.

    Raises:
        InvalidInputError: the nodes prove neither, or what stands there is no word.
    """
    value = value_at(storage_root, keccak(slot), nodes)
    if value is None:
        return bytes(_WORD)
    word = number_in(string_of(value), _WORD)
    if not word:
        raise InvalidInputError("storage slot does not match (got a zero that is written, expected nothing)")
    return word.to_bytes(_WORD, "big")


def slot_in(mapping: int, key: bytes) -> bytes:
    """Gives the slot of a mapping's entry; the key as a word of 32 bytes.

    Source: Solidity, layout of state variables in storage.
    """
    return keccak(key.rjust(_WORD, b"\0") + mapping.to_bytes(_WORD, "big"))


def _word(state_root: bytes, contract: Address, slot: bytes, proof: SlotProof) -> bytes:
    account = account_at(state_root, contract, proof.account)
    if account is None:
        raise InvalidInputError(f"contract does not match (got no account 0x{contract.hex()}, expected one)")
    return slot_at(account.storage_root, slot, proof.storage)


def institution_head(state_root: bytes, ledger: Address, institution: Address, proof: SlotProof) -> bytes:
    """Gives an institution's head at ``AccessLedger``; zeros if nothing was ever decided for it.

    Raises:
        InvalidInputError: the proof does not prove the slot.
    """
    return _word(state_root, ledger, slot_in(INSTITUTION_HEADS, institution), proof)


def subject_head(state_root: bytes, ledger: Address, subject_id: SubjectId, proof: SlotProof) -> bytes:
    """Gives a subject's head at ``AccessLedger``; zeros if nothing was ever decided about it.

    Raises:
        InvalidInputError: the proof does not prove the slot.
    """
    return _word(state_root, ledger, slot_in(SUBJECT_HEADS, subject_id), proof)


def _members(word: bytes, *widths: int) -> list[int]:
    """Takes apart a slot whose members stand from the right; widths in bytes, what is left over must be zero."""
    left, found = int.from_bytes(word, "big"), []
    for width in widths:
        found.append(left & ((1 << 8 * width) - 1))
        left >>= 8 * width
    if left:
        raise InvalidInputError("storage slot does not match (got more than its members, expected zeros)")
    return found


def consent_state(state_root: bytes, consents: Address, consent_id: ConsentId, proof: SlotProof) -> ConsentState:
    """Gives what ``Consents`` holds of a consent; status NONE if it was never granted.

    Raises:
        InvalidInputError: the proof does not prove the slot, or there is no such status.
    """
    word = _word(state_root, consents, slot_in(CONSENT_STATES, consent_id), proof)
    status, uses, granted_at, revoked_at = _members(word, 1, 4, 8, 8)
    try:
        return ConsentState(ConsentStatus(status), uses, granted_at, revoked_at)
    except ValueError as error:
        raise InvalidInputError(f"status of a consent does not match (got {status}, expected a known one)") from error


def institution_state(
    state_root: bytes, participants: Address, institution: Address, proof: SlotProof
) -> InstitutionState:
    """Gives what ``Participants`` holds of an institution; standing NONE if it was never admitted.

    Raises:
        InvalidInputError: the proof does not prove the slot, or there is no such standing.
    """
    word = _word(state_root, participants, slot_in(INSTITUTIONS, institution), proof)
    standing, region, suspended_until, daily_limit, emergency_limit = _members(word, 1, 4, 8, 4, 2)
    try:
        return InstitutionState(Standing(standing), region, suspended_until, daily_limit, emergency_limit)
    except ValueError as error:
        raise InvalidInputError(f"standing does not match (got {standing}, expected a known one)") from error
