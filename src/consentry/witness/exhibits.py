"""Evidence that is kept: files named by what they show and their digest, never changed and never removed."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

from consentry.errors import NotFoundError
from consentry.ledger.embedded.durable import explained, private_folder, write_synced

MOST: Final = 1_000
"""Files that are kept. Each shows a wrong by somebody with a key; who goes on is not recorded for ever."""

_NAME: Final = re.compile(r"([a-z-]{1,32})-[0-9a-f]{32}")


class Exhibits:
    """The folder."""

    def __init__(self, folder: Path) -> None:
        """Takes the folder, made if it is missing."""
        with explained("opening the folder of evidence"):
            self._folder = private_folder(folder)

    def keep(self, kind: str, content: bytes) -> str | None:
        """Keeps a file durably, once; gives its name, or none if there is no more room.

        Raises:
            ConfigurationError: the disk does not take it.
        """
        name = f"{kind}-{hashlib.sha256(content).hexdigest()[:32]}"
        with explained("keeping evidence"):
            if not (self._folder / name).exists():
                if len(self.names()) >= MOST:
                    return None
                write_synced(self._folder / name, content)
        return name

    def names(self, kind: str | None = None) -> list[str]:
        """Lists what is kept, or what is kept of one kind."""
        found = ((path.name, _NAME.fullmatch(path.name)) for path in self._folder.iterdir())
        return sorted(name for name, parts in found if parts and kind in {None, parts[1]})

    def read(self, name: str) -> bytes:
        """Gives a file.

        Raises:
            NotFoundError: there is none of that name.
        """
        if not _NAME.fullmatch(name) or not (self._folder / name).is_file():
            raise NotFoundError("no such evidence is kept")
        return (self._folder / name).read_bytes()
