"""``consentry verify``: checks evidence files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consentry.cli.output import AsJson, answer
from consentry.errors import ConfigurationError
from consentry.evidence.completeness import is_statement
from consentry.evidence.notation import Json
from consentry.evidence.trust import TrustRoot
from consentry.evidence.verify import verify as verify_bundle
from consentry.evidence.verify_completeness import VerifiedStatement
from consentry.evidence.verify_completeness import verify as verify_statement


def verify(
    file: Annotated[Path, typer.Argument(help="evidence bundle, or completeness statement")],
    trust_root: Annotated[Path, typer.Option(help="whom to believe")] = Path("trust-root.json"),
    log_root: Annotated[
        list[Path] | None, typer.Option(help="log root the trust root names, then the versions after it")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verifies an evidence bundle or a completeness statement; needs no network."""
    trust, content = TrustRoot.from_json(_content(trust_root)), _content(file)
    files = [_content(path) for path in log_root or ()]
    if is_statement(content):
        answer(_shown(verify_statement(content, trust, log_roots=files)), as_json=as_json)
        return
    verified = verify_bundle(content, trust, log_roots=files)
    values = {
        "verified": True,
        "claim": verified.claim,
        "block": verified.block.number,
        "decidedAt": verified.entry.decided_at,
        "permitted": verified.entry.reason == 0,
        "vouched": verified.vouched.in_words(),
    }
    answer(values, as_json=as_json)


def _shown(verified: VerifiedStatement) -> Json:
    return {
        "verified": True,
        "claim": verified.claim,
        "block": verified.block.number,
        "accesses": verified.count,
        "vouched": verified.vouched.in_words(),
    }


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise ConfigurationError(f"file {path} cannot be read") from None
