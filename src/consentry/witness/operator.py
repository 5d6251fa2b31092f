"""Whoever signs for the log: checkpoints of its own tree, and cosignatures of witnesses for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from consentry.errors import (
    ConfigurationError,
    ConsentryError,
    GatewayUnavailableError,
    InvalidInputError,
    VerificationError,
)
from consentry.evidence.checkpoint import Checkpoint, LogSigner, checkpoint_note, verify_signature
from consentry.evidence.note import NoteSignature, SignedNote, VerifierKey
from consentry.witness.keeper import LogKeeper
from consentry.witness.signed_state import LastSigned
from consentry.witness.submission import Submission
from consentry.witness.tile_threads import TileThreads

_LARGEST_ANSWER: Final = 1 << 16
_MOST_DIGITS: Final = 19
"""Of a size; Python reads no more than some thousand, and fails with an error of its own."""
_TRIES: Final = 3
"""Times a witness is sent one checkpoint: first as if it knew nothing, then from where it says it is."""

WITNESS_SECONDS: Final = 10.0
"""How long a witness may take for all its answers: a client's limits are for each byte, and one may drip for ever."""


class LogOperator:
    """Signs what its own tree has, and never less than before."""

    def __init__(self, file: Path, keeper: LogKeeper, signer: LogSigner, threads: TileThreads | None = None) -> None:
        """Takes up the log where it was left.

        Args:
            file: where the last signed checkpoint is kept.
            keeper: the tree of its own node.
            signer: name and key of the log.
            threads: in which tiles are read; own ones if none are given.

        Raises:
            ConfigurationError: the last checkpoint cannot be read, or was not signed by the key.
        """
        self._keeper = keeper
        self._threads = threads or TileThreads()
        self._signer = signer
        self._last = LastSigned(file, signer.verifier_key)

    def read_ahead(self) -> None:
        """Reads the tiles that `checkpoint` proves the last signed root with, which the store then has at hand.

        Raises:
            ConfigurationError: one of them is missing or was changed.
            TilesUnavailableError: the store does not answer.
        """
        if self._last.size <= self._keeper.size:
            self._keeper.root_at(self._last.size)

    def checkpoint(self) -> Checkpoint:
        """Signs the tree as it is now; the note is kept before anything is given out.

        Raises:
            ConfigurationError: the tree is behind, or another than the one signed last; nothing is signed.
        """
        last, size = self._last.checkpoint, self._keeper.size
        if last is not None and (last.origin != self._signer.name or last.size > size):
            raise ConfigurationError(
                f"checkpoint does not match (got {size} leaves of {self._signer.name}, "
                f"expected at least {last.size} of {last.origin})"
            )
        if last is not None and self._keeper.root_at(last.size) != last.root:
            raise ConfigurationError(f"root at size {last.size} does not match (got another than was signed)")
        if last is not None and last.size == size:
            return last
        made = Checkpoint(self._signer.name, size, self._keeper.root)
        self._last.keep(checkpoint_note(made, self._signer.sign(made)))
        return made

    @property
    def note(self) -> SignedNote:
        """The last signed checkpoint with all the signatures it has so far.

        Raises:
            ConfigurationError: none was signed yet.
        """
        if self._last.note is None:
            raise ConfigurationError("no checkpoint was signed yet")
        return self._last.note

    @property
    def signed(self) -> SignedNote | None:
        """The same; None before the first."""
        return self._last.note

    async def ask(self, witnesses: Sequence[AskedWitness], client: httpx.AsyncClient) -> dict[str, ConsentryError]:
        """Asks witnesses for cosignatures of the last checkpoint, and keeps those that hold.

        Returns:
            For each witness that gave none, by name, why; what goes wrong with one keeps no other from being heard.

        Raises:
            ConfigurationError: the disk does not take them.
        """
        asked = (self._cosigned(witness, client) for witness in witnesses)
        answers = await asyncio.gather(*asked, return_exceptions=True)
        failed: dict[str, ConsentryError] = {}
        for witness, answer in zip(witnesses, answers, strict=True):
            if isinstance(answer, ConsentryError):
                failed[witness.key.name] = answer
            elif isinstance(answer, Exception):
                failed[witness.key.name] = _unforeseen(answer)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                others = [line for line in self.note.signatures if not line.is_of(witness.key)]
                self._last.keep(SignedNote(self.note.text, (*others, answer)))
        return failed

    async def _cosigned(self, witness: AskedWitness, client: httpx.AsyncClient) -> NoteSignature:
        note, old, left = self.note, 0, WITNESS_SECONDS
        checkpoint = Checkpoint.parse(note.text)
        for _ in range(_TRIES):
            proof = await self._threads.keep(partial(self._keeper.consistency, old, checkpoint.size))
            # Only its own time counts, not that of the tiles; and so nothing but the asking is ever cut off.
            begun = time.monotonic()
            answer = await _post(client, witness.url, Submission(old, proof, note, checkpoint).to_bytes(), left)
            left -= time.monotonic() - begun
            if answer.status_code == httpx.codes.CONFLICT:
                old = _size_in(answer, checkpoint.size)
                continue
            return _line_in(answer, note.text, witness.key)
        raise GatewayUnavailableError(f"witness {witness.key.name} goes on while it is asked: try again")


@dataclass(frozen=True, slots=True)
class AskedWitness:
    """A witness: where it answers, and its key."""

    url: str
    key: VerifierKey

    @classmethod
    def parse(cls, text: str) -> AskedWitness:
        """Reads an address and a verifier key with a space between.

        Raises:
            InvalidInputError: it is something else.
        """
        url, _, key = text.strip().partition(" ")
        if not key or not url.startswith(("http://", "https://")):
            raise InvalidInputError(
                f"witness does not match (got {text!r:.80}, expected an address, a space and a verifier key)"
            )
        return cls(url, VerifierKey.parse(key))


def _unforeseen(error: Exception) -> ConsentryError:
    """Tells of a fault nobody thought of by its kind alone: its text may hold anything."""
    told = GatewayUnavailableError(f"asking the witness failed (unforeseen {type(error).__name__})")
    told.__cause__ = error
    return told


async def _post(client: httpx.AsyncClient, url: str, body: bytes, seconds: float) -> httpx.Response:
    address, content = url.rstrip("/") + "/add-checkpoint", b""
    try:
        async with asyncio.timeout(seconds), client.stream("POST", address, content=body) as answer:
            async for part in answer.aiter_bytes():
                content += part
                if len(content) > _LARGEST_ANSWER:
                    raise VerificationError(f"answer of a witness does not match (got over {_LARGEST_ANSWER} bytes)")
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise GatewayUnavailableError(f"witness does not answer ({type(error).__name__})") from error
    return httpx.Response(answer.status_code, content=content)


def _size_in(answer: httpx.Response, most: int) -> int:
    text = answer.content.decode("ascii", errors="replace").removesuffix("\n")
    # Its length is looked at before anything is read as a number: a thousand zeros are a small one too.
    is_number = len(text) <= _MOST_DIGITS and text.isascii() and text.isdecimal()
    if not is_number or int(text) > most:
        raise VerificationError(f"size at the witness does not match (got {text!r:.80}, expected at most {most})")
    return int(text)


def _line_in(answer: httpx.Response, text: bytes, key: VerifierKey) -> NoteSignature:
    if answer.status_code != httpx.codes.OK:
        raise GatewayUnavailableError(f"witness {key.name} did not cosign (it answered {answer.status_code})")
    lines = SignedNote.from_bytes(text + b"\n" + answer.content)
    line = lines.signature_of(key)
    if line is None:
        raise VerificationError(f"cosignature does not match (got none of {key.name}, expected one)")
    verify_signature(key, text, line)
    return line
