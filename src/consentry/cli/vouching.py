"""What is to vouch for evidence that a command writes: options that name it, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import httpx
import typer

from consentry.cli import values
from consentry.config import Settings
from consentry.errors import GatewayUnavailableError, InvalidInputError
from consentry.evidence.notation import Json
from consentry.evidence.note import LARGEST
from consentry.evidence.validator_trail import Anchor
from consentry.evidence.vouching import Vouched
from consentry.ledger.besu.files import EPOCH_BLOCKS
from consentry.ledger.manifest import Manifest
from consentry.ledger.vouching import Wanted
from consentry.witness.gateway_log import read_log_root

_ASK_SECONDS = 10.0
LogRootFile = Annotated[
    Path | None, typer.Option(help="log root that says whose cosignatures count; that of the settings if not given")
]
CheckpointPlace = Annotated[
    str, typer.Option(help="file or address of the log's checkpoint; that of the own log if not given")
]


def wanted_for(log_root: Path | None, checkpoint: str, settings: Settings, manifest: Manifest) -> Wanted:
    """Gives what is to vouch: witnesses by a log root and a checkpoint, seals from block 0 on.

    Raises:
        ConsentryError: what is named cannot be had, or is none.
    """
    root_file = log_root or settings.log_root_file
    pinned = Anchor(0, manifest.identity.genesis_hash, EPOCH_BLOCKS)
    return Wanted(read_log_root(root_file) if root_file else None, _checkpoint(checkpoint, settings), pinned)


def told(vouched: Vouched, missing: Sequence[str], *, as_json: bool) -> Json:
    """Tells who vouches for what was written, and what is missing: for programs a list, for people a line."""
    return {"vouched": vouched.in_words(), "missing": list(missing) if as_json else "; ".join(missing) or "nothing"}


def _checkpoint(given: str, settings: Settings) -> bytes | None:
    """Reads the checkpoint that is named, or that of the gateway's own log if there is one."""
    if given.startswith(("http://", "https://")):
        return _asked_for(given)
    path = Path(given) if given else settings.log_folder / "published" / "checkpoint"
    if not given and not path.exists():
        return None
    return values.content_of(path)


def _asked_for(url: str) -> bytes | None:
    try:
        with httpx.stream("GET", url, timeout=_ASK_SECONDS) as given:
            content = b""
            for part in given.iter_bytes():
                content += part
                if len(content) > LARGEST:
                    raise InvalidInputError(f"checkpoint does not match (got more than {LARGEST} bytes)")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise GatewayUnavailableError(f"checkpoint cannot be had ({type(error).__name__})") from error
    return content if given.status_code == httpx.codes.OK else None
