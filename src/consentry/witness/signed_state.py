"""The last checkpoint that was signed: on disk before the signature goes anywhere."""

from __future__ import annotations

from pathlib import Path

from consentry.errors import ConfigurationError, ConsentryError
from consentry.evidence.checkpoint import Checkpoint, verify_signature
from consentry.evidence.note import SignedNote, VerifierKey
from consentry.ledger.embedded.durable import explained, private_folder, write_synced


class LastSigned:
    """One file with one note; who takes a signature from here has it kept first."""

    def __init__(self, path: Path, key: VerifierKey) -> None:
        """Takes up the file, or begins without one.

        Args:
            path: the file; its folder is made if it is missing.
            key: whose signature the note must bear.

        Raises:
            ConfigurationError: the file cannot be read, or its note is not signed by the key.
        """
        self._path = path
        self._key = key
        with explained("opening the folder of signed checkpoints"):
            private_folder(path.parent)
        self.note: SignedNote | None = None
        self.checkpoint: Checkpoint | None = None
        self.time = 0
        """Seconds at which it was cosigned; 0 for a signature without a time."""
        if path.exists():
            self._take(self._read())

    def _read(self) -> SignedNote:
        try:
            return SignedNote.from_bytes(self._path.read_bytes())
        except (OSError, ConsentryError) as error:
            raise ConfigurationError(f"signed checkpoint {self._path.name} cannot be read ({error})") from error

    def _take(self, note: SignedNote) -> None:
        line = note.signature_of(self._key)
        if line is None:
            raise ConfigurationError(f"signed checkpoint {self._path.name} is not of {self._key.name}")
        try:
            self.time = verify_signature(self._key, note.text, line) or 0
            self.checkpoint = Checkpoint.parse(note.text)
        except ConsentryError as error:
            raise ConfigurationError(f"signed checkpoint {self._path.name} does not hold: {error.message}") from error
        self.note = note

    @property
    def size(self) -> int:
        """Leaves of the tree that was signed last; 0 before the first."""
        return self.checkpoint.size if self.checkpoint else 0

    def keep(self, note: SignedNote) -> None:
        """Keeps a note in place of the one before, synced.

        Raises:
            ConfigurationError: the disk does not take it; then nothing may be given out.
        """
        with explained("keeping a signed checkpoint"):
            write_synced(self._path, note.to_bytes())
        self._take(note)
