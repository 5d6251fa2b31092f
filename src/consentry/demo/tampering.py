"""What a dishonest operator could do to a database and a store; done to a copy."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Final

from consentry.config import Settings
from consentry.core.codes import Reason
from consentry.core.terms import AccessEntry, RecordId
from consentry.errors import ConfigurationError, ObjectCorruptError
from consentry.wiring.copies import read_object

_REFUSALS: Final = "SELECT rowid, payload FROM ledger_events WHERE kind = 'AccessDecided' AND NOT permitted"
_REASON: Final = [f.name for f in dataclasses.fields(AccessEntry)].index("reason")


def tampered_copy(folder: Path, target: Path) -> Path:
    """Copies a gateway's folder, then changes one row of the access log and one byte of each stored image.

    Returns:
        The copy.
    """
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder / "objects", target / "objects")
    source, copy = sqlite3.connect(folder / "gateway.db"), sqlite3.connect(target / "gateway.db")
    with source, copy:
        source.backup(copy)
        refusal = copy.execute(_REFUSALS).fetchone()
        if refusal is None:
            raise ConfigurationError("copy holds no refusal to hide")
        place, payload = refusal
        # The refusal becomes a permit, as somebody would write it who wants to be paid for it.
        entry = json.loads(payload)
        entry[0][_REASON] = int(Reason.NONE)
        copy.execute("UPDATE ledger_events SET payload = ? WHERE rowid = ?", (json.dumps(entry), place))
    source.close()
    copy.close()
    largest = max((p for p in (target / "objects").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.chmod(0o600)
    largest.write_bytes(content)
    return target


async def read_refused(settings: Settings, record: RecordId) -> str:
    """Reads a record's ciphertext as the gateway would; gives the code of the refusal.

    Raises:
        ConfigurationError: nothing was refused.
    """
    try:
        await read_object(settings, record)
    except ObjectCorruptError as error:
        return error.code
    raise ConfigurationError("a changed object was read without a refusal")
