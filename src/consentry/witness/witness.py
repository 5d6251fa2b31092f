"""The witness: cosigns a checkpoint if it is the one its own node's tree has, and goes on from the last it cosigned.

What is asked of a checkpoint, in this order; the first that fails is the answer:

1. Log. It is of the log the witness is for, and a key of the log signed it.
2. Own memory. It bears no cosignature of the witness that the witness does not remember.
3. Own tree. Where the tree of the witness's node goes as far, it has this root at this size.
4. Old size. The sender goes on from the last size that was cosigned.
5. Proof. It leads from the last root that was cosigned to this one.
6. Lag. The tree of the witness's node goes as far, and the node was looked at since the start and bears it out.

What fails at 3 was signed by the log all the same, so it is kept: with another checkpoint of the log it convicts it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from consentry.core.log_tree import verify_consistency
from consentry.errors import (
    ConfigurationError,
    ConflictError,
    InvalidInputError,
    LedgerUnavailableError,
    NotFoundError,
    NotPermittedError,
    VerificationError,
)
from consentry.evidence.checkpoint import Checkpoint, Cosigner, verify_signature
from consentry.evidence.misbehaviour import accuse, verify_misbehaviour
from consentry.evidence.note import KeyKind, NoteSignature, SignedNote, VerifierKey
from consentry.ledger.embedded.durable import explained, write_synced
from consentry.witness.exhibits import Exhibits
from consentry.witness.keeper import LogKeeper
from consentry.witness.signed_state import LastSigned
from consentry.witness.submission import Submission

REFUSED: Final = "refused-checkpoint"
"""Kind of a kept note: signed by the log, and not what the chain of the witness's node says."""

CONVICTION: Final = "log-misbehaviour"
"""Kind of a kept file that convicts on its own (`consentry.evidence.misbehaviour`)."""

CONTRADICTED: Final = "own-contradiction"
"""Kind of a kept note with the witness's own cosignature over what it could never have cosigned by its tree."""

STOPPED: Final = "stopped"
"""Name of the file beside the last checkpoint that stops the witness for good; such a note is in it."""

MOST_REFUSED: Final = 100
"""Refused notes that are kept: each is a wrong by the log, and who goes on is not recorded for ever."""


class Witness:
    """One witness of one log; nothing here waits, so two callers cannot get in between."""

    def __init__(
        self,
        file: Path,
        keeper: LogKeeper,
        cosigner: Cosigner,
        log_keys: Sequence[VerifierKey],
        exhibits: Exhibits,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Takes up a witness where it was left.

        Args:
            file: where the last cosigned checkpoint is kept.
            keeper: the tree of its own node.
            cosigner: its name and key.
            log_keys: keys of the log, all named as its origin.
            exhibits: where evidence is kept.
            clock: seconds since the epoch.

        Raises:
            ConfigurationError: the keys are of no log or of several, the last checkpoint does not hold or is of another
                log, or its root is not the one the tree has.
        """
        names = {key.name for key in log_keys}
        if len(names) != 1 or any(key.kind is not KeyKind.ED25519 for key in log_keys):
            raise ConfigurationError(f"log keys do not match (got {sorted(names)}, expected kind 1 of one log)")
        self.origin = log_keys[0].name
        self.keeper = keeper
        self._log_keys = tuple(log_keys)
        self._cosigner = cosigner
        self._exhibits = exhibits
        self._clock = clock
        self._last = LastSigned(file, cosigner.verifier_key)
        self._stop_file = file.with_name(STOPPED)
        self._stopped = self._stop_file.exists() or bool(exhibits.names(CONTRADICTED))
        self._convicted = self._convicted_before()
        self._check_last()

    @property
    def key(self) -> VerifierKey:
        """What others need to check its cosignatures."""
        return self._cosigner.verifier_key

    @property
    def last(self) -> SignedNote | None:
        """The last checkpoint it cosigned, with the signatures of the log and its own."""
        return self._last.note

    def _convicted_before(self) -> set[VerifierKey]:
        """Gives the keys that kept files convict; one that does not hold convicts nobody."""
        found = set()
        for name in self._exhibits.names(CONVICTION):
            with suppress(InvalidInputError, VerificationError):
                found.add(verify_misbehaviour(self._exhibits.read(name)).key)
        return found

    def _check_last(self) -> None:
        last = self._last.checkpoint
        if last is None:
            return
        if last.origin != self.origin:
            raise ConfigurationError(f"origin does not match (got {last.origin!r:.80}, expected {self.origin})")
        # A tree that was lost is followed anew; one that came to another root then has no proof from the last one.
        if last.size <= self.keeper.size and (root := self.keeper.root_at(last.size)) != last.root:
            raise ConfigurationError(
                f"root at size {last.size} does not match (got 0x{root.hex()} of the own tree, "
                f"expected 0x{last.root.hex()} as cosigned): nothing more is cosigned"
            )

    def add_checkpoint(self, submission: Submission) -> NoteSignature:
        """Cosigns a checkpoint, or says why not; the cosignature is kept on disk before it is given.

        Raises:
            NotFoundError: it is of another log.
            NotPermittedError: the log did not sign it, or the tree of the witness's node has another root.
            ConflictError: the sender does not go on from the last size; ``details`` has that ``size``.
            VerificationError: the proof does not hold.
            LedgerUnavailableError: not yet: the witness's node is behind, contradicts itself, or was not looked at.
            ConfigurationError: the witness contradicts itself, or its disk fails.
        """
        lines = self._signed_by_log(submission.note, submission.checkpoint)
        self._check_memory(submission.note, submission.checkpoint)
        # Without lines of others: whoever has one note of the log could else make many of it.
        self._check_own_tree(SignedNote(submission.note.text, tuple(lines)), submission.checkpoint)
        self._check_old(submission)
        self._check_proof(submission)
        self._check_lag(submission.checkpoint)
        made = self._cosigner.cosign(submission.checkpoint, max(int(self._clock()), self._last.time))
        self._last.keep(SignedNote(submission.note.text, (*lines, made)))
        self._convict()
        return made

    def _signed_by_log(self, note: SignedNote, checkpoint: Checkpoint) -> list[NoteSignature]:
        if checkpoint.origin != self.origin:
            raise NotFoundError(f"log does not match (got {checkpoint.origin!r:.80}, expected {self.origin})")
        made = [(key, line) for key in self._log_keys if (line := note.signature_of(key)) is not None]
        if not made:
            raise NotPermittedError(f"signature of the log does not match (got none of {self.origin}, expected one)")
        try:
            for key, line in made:
                verify_signature(key, note.text, line)
        except VerificationError as error:
            raise NotPermittedError(error.message) from error
        return [line for _, line in made]

    def _check_memory(self, note: SignedNote, checkpoint: Checkpoint) -> None:
        """Takes back up what the witness cosigned and does not remember: its state was put back to an older one."""
        if self._stopped:
            raise ConfigurationError("witness contradicts itself: its key vouched for another history")
        line, last = note.signature_of(self.key), self._last.checkpoint
        if line is None or not self._holds(note, line):
            return
        if checkpoint.size <= self.keeper.size and checkpoint.root != self.keeper.root_at(checkpoint.size):
            self._stop(note)
        if last is None or checkpoint.size > last.size:
            if checkpoint.size > self.keeper.size:
                raise LedgerUnavailableError("state of the witness was put back: its tree is behind what it cosigned")
            self._last.keep(note)

    def _stop(self, note: SignedNote) -> NoReturn:
        """Stops the witness for good, first of all else: nothing that fails behind it must start it again."""
        self._stopped = True
        with explained("stopping the witness"):
            write_synced(self._stop_file, note.to_bytes())
        self._exhibits.keep(CONTRADICTED, note.to_bytes())
        self._accuse(self.key, note)
        raise ConfigurationError("witness contradicts itself: its key vouched for another history")

    def _holds(self, note: SignedNote, line: NoteSignature) -> bool:
        try:
            verify_signature(self.key, note.text, line)
        except VerificationError:
            return False
        return True

    def _check_own_tree(self, note: SignedNote, checkpoint: Checkpoint) -> None:
        if checkpoint.size > self.keeper.size:
            return
        root = self.keeper.root_at(checkpoint.size)
        if checkpoint.root != root:
            # It is set against the last cosigned one also where there is no room to keep it.
            self._exhibits.keep(REFUSED, note.to_bytes(), most=MOST_REFUSED)
            self._accuse_signers(note)
            raise NotPermittedError(
                f"root at size {checkpoint.size} does not match (got 0x{checkpoint.root.hex()}, "
                f"expected 0x{root.hex()} as the chain has it)"
            )

    def _check_old(self, submission: Submission) -> None:
        last = self._last.checkpoint
        if submission.old != self._last.size:
            raise ConflictError(
                f"old size does not match (got {submission.old}, expected {self._last.size})", size=self._last.size
            )
        same_size = last is not None and last.size == submission.checkpoint.size
        if last is not None and same_size and last.root != submission.checkpoint.root:
            raise ConflictError(f"root at size {last.size} does not match (got another)", size=last.size)

    def _check_proof(self, submission: Submission) -> None:
        last, new = self._last.checkpoint, submission.checkpoint
        if last is None or last.size == 0:
            if submission.proof:
                raise VerificationError("consistency proof does not match (got some, expected none from size 0)")
            return
        verify_consistency(last.size, new.size, submission.proof, last.root, new.root)

    def _check_lag(self, checkpoint: Checkpoint) -> None:
        if self.keeper.trouble is not None:
            raise LedgerUnavailableError(f"not yet: own node does not bear the tree out ({self.keeper.trouble})")
        if checkpoint.size > self.keeper.size:
            raise LedgerUnavailableError(
                f"not yet: own node is behind (got {self.keeper.size} leaves, expected {checkpoint.size})"
            )

    def _convict(self) -> None:
        """Sets every refused note against the last cosigned one, which the chain bears out."""
        for name in self._exhibits.names(REFUSED):
            if self._convicted.issuperset(self._log_keys):
                return
            self._accuse_signers(SignedNote.from_bytes(self._exhibits.read(name)))

    def _accuse_signers(self, refused: SignedNote) -> None:
        for key in self._log_keys:
            if refused.signature_of(key) is not None:
                self._accuse(key, refused)

    def _accuse(self, key: VerifierKey, refused: SignedNote) -> None:
        """Keeps evidence against a key, where it signed the last cosigned note too and that one goes as far.

        Once for each key: it settles the matter, and a second file would say nothing new.
        """
        last, wrong = self._last.note, Checkpoint.parse(refused.text)
        if key in self._convicted or last is None or last.signature_of(key) is None:
            return
        if not wrong.size <= self._last.size <= self.keeper.size:
            return
        nodes = self.keeper.prefix(wrong.size, self._last.size) if 0 < wrong.size < self._last.size else None
        try:
            content = accuse(key, refused, last, nodes).to_json()
            verify_misbehaviour(content)
        except (InvalidInputError, VerificationError):
            # What does not convict is no evidence; the note itself is kept all the same.
            return
        self._exhibits.keep(CONVICTION, content)
        self._convicted.add(key)
