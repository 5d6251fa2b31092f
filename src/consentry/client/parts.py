"""Parts of a permitted record: opened by byte ranges, for viewers that show one corner of a large image.

Each part is authentic and in its place: every chunk is sealed under its number. That the whole is what its custodian
committed to shows only to whoever reads it whole, as `Hospital.download` does.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Self

from consentry.client.decisions import Permitted
from consentry.client.hospital import Hospital, ciphertext_of
from consentry.client.transport import Transport
from consentry.crypto.random_access import RandomAccessReader, chunk_span, last_chunk_span
from consentry.crypto.sealing import HEADER_SIZE, Bytes, sealing_context
from consentry.errors import VerificationError

_Span = tuple[int, int]


class RecordParts:
    """Opens parts of one permitted record, each for one request to the gateway.

    Example::

        parts = await RecordParts.begin(hospital, permitted)
        tile = await parts.read(offset, length)
    """

    def __init__(self, transport: Transport, target: str, fetched: _Fetched, reader: RandomAccessReader) -> None:
        """Takes what `begin` made."""
        self._transport = transport
        self._target = target
        self._fetched = fetched
        self._reader = reader

    @classmethod
    async def begin(cls, hospital: Hospital, permitted: Permitted) -> Self:
        """Opens the keys, and checks that header and end of the object are those of the record.

        Raises:
            VerificationError: the keys, or the size of what the gateway sends, are not what was permitted.
            VaultError: the object is not the record's, or the gateway cannot serve it.
        """
        keys, size = await hospital.open_keys(permitted), permitted.leaf.ciphertext_size
        target, fetched = ciphertext_of(permitted), _Fetched()
        for span in ((0, HEADER_SIZE), last_chunk_span(size)):
            fetched.keep(span, await _fetch(hospital.transport, target, span))
        context = sealing_context(permitted.object_id, permitted.leaf.version)
        reader = RandomAccessReader(fetched.read_at, size, keys.data_key, context)
        fetched.forget()
        return cls(hospital.transport, target, fetched, reader)

    @property
    def size(self) -> int:
        """Size of the record in bytes."""
        return self._reader.plaintext_size

    async def read(self, offset: int, length: int) -> bytes:
        """Gives ``length`` bytes from ``offset``; fewer at the end of the record. One call at a time.

        Raises:
            InvalidInputError: ``offset`` or ``length`` is negative.
            VerificationError: the gateway sends another range.
            VaultError: a chunk is not authentic, or the gateway cannot serve it; nothing is handed out.
        """
        span = chunk_span(offset, length, self.size)
        if span is not None:
            self._fetched.keep(span, await _fetch(self._transport, self._target, span))
        try:
            return self._reader.read(offset, length)
        finally:
            self._fetched.forget()


class _Fetched:
    """Sealed bytes that are at hand."""

    def __init__(self) -> None:
        self._pieces: list[tuple[_Span, memoryview]] = []

    def keep(self, span: _Span, content: bytes) -> None:
        self._pieces.append((span, memoryview(content)))

    def forget(self) -> None:
        self._pieces.clear()

    def read_at(self, offset: int, length: int) -> Bytes:
        for (start, end), content in self._pieces:
            if start <= offset and offset + length <= end:
                return content[offset - start : offset - start + length]
        return b""


async def _fetch(transport: Transport, target: str, span: _Span) -> bytes:
    """Asks for a range; a gateway that would send something else is not read to its end."""
    wanted, content = span[1] - span[0], bytearray()
    async with transport.download(target, span) as answer:
        if answer.status_code != HTTPStatus.PARTIAL_CONTENT:
            raise VerificationError("answer of the gateway is not the range that was asked for")
        async for piece in answer.aiter_bytes():
            content += piece
            if len(content) > wanted:
                break
    if len(content) != wanted:
        raise VerificationError(f"size of the range does not match (got {len(content)}, expected {wanted})")
    return bytes(content)
