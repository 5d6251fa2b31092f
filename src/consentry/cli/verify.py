"""``consentry verify``: checks evidence files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consentry.cli.output import AsJson, answer
from consentry.errors import ConfigurationError
from consentry.evidence.national import verify_anchoring
from consentry.evidence.trust import TrustRoot
from consentry.evidence.verify import verify as verify_bundle


def verify(
    file: Annotated[Path, typer.Argument(help="evidence bundle")],
    trust_root: Annotated[Path, typer.Option(help="whom to believe")] = Path("trust-root.json"),
    log_root: Annotated[
        list[Path] | None, typer.Option(help="log root the trust root names, then the versions after it")
    ] = None,
    national: Annotated[
        Path | None,
        typer.Option(help="proof that the nation anchored the ledger's log; the trust root names the nation"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verifies an evidence bundle; needs no network."""
    trust = TrustRoot.from_json(_content(trust_root))
    verified = verify_bundle(_content(file), trust, log_roots=[_content(path) for path in log_root or ()])
    anchored = None if national is None else verify_anchoring(_content(national), verified, trust)
    values = {
        "verified": True,
        "claim": verified.claim,
        "block": verified.block.number,
        "decidedAt": verified.entry.decided_at,
        "permitted": verified.entry.reason == 0,
        "vouched": verified.vouched.in_words(),
    }
    if anchored is not None:
        values["national"] = anchored.in_words()
    answer(values, as_json=as_json)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise ConfigurationError(f"file {path} cannot be read") from None
