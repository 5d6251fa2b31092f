"""Evidence that is kept: files named by what they show and their digest, never changed and never removed."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

from consentry.errors import NotFoundError
from consentry.ledger.embedded.durable import explained, private_folder, write_synced

_NAME: Final = re.compile(r"([a-z-]{1,32})-[0-9a-f]{32}")


class Exhibits:
    """The folder; one object at a time keeps files in it, and knows their names without looking."""

    def __init__(self, folder: Path) -> None:
        """Takes the folder, made if it is missing."""
        self._names: dict[str, set[str]] = {}
        with explained("opening the folder of evidence"):
            self._folder = private_folder(folder)
            for path in self._folder.iterdir():
                if parts := _NAME.fullmatch(path.name):
                    self._names.setdefault(parts[1], set()).add(path.name)

    def keep(self, kind: str, content: bytes, *, most: int | None = None) -> str | None:
        """Keeps a file durably, once; gives its name, or none if there are as many of its kind as may be.

        Args:
            kind: what it shows: small letters and hyphens, 32 at most.
            content: of the file.
            most: how many files of the kind may be; any number if none is given. No kind takes the room of another.

        Raises:
            ConfigurationError: the disk does not take it.
        """
        name, known = f"{kind}-{hashlib.sha256(content).hexdigest()[:32]}", self._names.setdefault(kind, set())
        if name in known:
            return name
        if most is not None and len(known) >= most:
            return None
        with explained("keeping evidence"):
            write_synced(self._folder / name, content)
        known.add(name)
        return name

    def names(self, kind: str | None = None) -> list[str]:
        """Lists what is kept, or what is kept of one kind."""
        found = self._names.values() if kind is None else [self._names.get(kind, set())]
        return sorted(name for names in found for name in names)

    def read(self, name: str) -> bytes:
        """Gives a file.

        Raises:
            NotFoundError: there is none of that name.
        """
        if not _NAME.fullmatch(name) or not (self._folder / name).is_file():
            raise NotFoundError("no such evidence is kept")
        return (self._folder / name).read_bytes()
