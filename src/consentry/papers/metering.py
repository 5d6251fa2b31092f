"""How many bytes of a foreign PDF are read at all: a library that reads byte by byte is stopped when it reads too many.

The bytes are counted as the library asks for them, and the file itself is not searched for what looks like an object
or a stream: what lies in a string, in a comment or in a stream is counted if, and as often as, it is read.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from consentry.errors import InvalidInputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MOST_PARSED: Final = 1024 * 1024
"""Bytes of objects and tables of contents; a signed paper has about 20 000, most of them for its tables of contents."""
MOST_COPIED: Final = 4
"""Times the length of the file, in contents of streams and bytes to digest: each is read once, and digested once."""
LONGEST_NUMBER: Final = 4096
"""Digits; the library puts a number together from pieces, and copies it for each of them."""
_LONGEST_PIECE: Final = 64
"""Bytes; more than the library asks for at once to read an object (20). A shorter stream counts as one."""
_OF_NUMBERS: Final = b"+,-.0123456789"
"""What the library takes for a part of a number."""


class MeteredFile(io.BytesIO):
    """Bytes of a file that can be read for so long.

    Bounded is what is read by ``read`` and ``readinto``, over the life of this object: pieces of objects, wherever they
    lie, contents of streams as they are in the file, and digests. So are time and memory of parsing, as each piece
    costs some microseconds and leaves some hundred bytes behind: two seconds and 100 MB. Not bounded here is what
    becomes of a stream when it is unpacked, nor what is done with objects once they are read.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._take = super().read  # looked up once: it is called for each byte
        self._to_parse = MOST_PARSED
        self._to_copy = MOST_COPIED * len(content)
        self._digits = 0
        self._excess = ""

    def read(self, size: int | None = -1, /) -> bytes:
        """Reads bytes.

        Raises:
            InvalidInputError: too many have been read.
        """
        found = self._take(size)
        if len(found) > _LONGEST_PIECE:
            self._copy(len(found))
        else:
            self._parse(found)
        if self._excess:
            self.check()
        return found

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Reads bytes into a buffer.

        Raises:
            InvalidInputError: too many have been read.
        """
        count = super().readinto(buffer)
        self._copy(count)
        self.check()
        return count

    def check(self) -> None:
        """Checks that nothing was refused so far: a library may say something else of it, or nothing.

        Raises:
            InvalidInputError: too many bytes have been read.
        """
        if self._excess:
            raise InvalidInputError(
                f"objects of the paper do not match (got {self._excess}, expected those of a paper)"
            )

    def _copy(self, count: int) -> None:
        self._to_copy -= count
        if self._to_copy < 0:
            self._excess = "more bytes of streams than the file has"

    def _parse(self, piece: bytes) -> None:
        # Nothing is counted as well: who does not notice the end of a file asks for ever.
        self._to_parse -= len(piece) or 1
        if self._to_parse < 0:
            self._excess = f"more than {MOST_PARSED} bytes to parse"
        if len(piece) <= 1 or piece.strip(_OF_NUMBERS):
            # Names and strings are read byte by byte, and may be of digits alone.
            self._digits = 0
            return
        self._digits += len(piece)
        if self._digits > LONGEST_NUMBER:
            self._excess = f"a number of more than {LONGEST_NUMBER} digits"
