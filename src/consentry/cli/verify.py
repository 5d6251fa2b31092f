"""``consentry verify``: checks evidence files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from consentry.cli.output import AsJson, answer
from consentry.errors import ConfigurationError, InvalidInputError
from consentry.evidence.completeness import is_statement
from consentry.evidence.national import verify_anchoring
from consentry.evidence.notation import Json
from consentry.evidence.trust import TrustRoot
from consentry.evidence.verify import verify as verify_bundle
from consentry.evidence.verify_completeness import VerifiedStatement
from consentry.evidence.verify_completeness import verify as verify_statement

TrustRootFile = Annotated[Path, typer.Option("--trust-root", help="whom to believe")]
LogRoots = Annotated[
    list[Path] | None, typer.Option("--log-root", help="log root the trust root names, then the versions after it")
]
_PDF: Final = b"%PDF-"


def verify(
    *,
    file: Annotated[Path, typer.Argument(help="evidence bundle, PDF with one inside, or completeness statement")],
    trust_root: TrustRootFile = Path("trust-root.json"),
    log_root: LogRoots = None,
    authority: Annotated[
        list[Path] | None, typer.Option(help="certificate of an authority that has to vouch for who signed the PDF")
    ] = None,
    national: Annotated[
        Path | None,
        typer.Option(help="proof that the nation anchored the ledger's log; the trust root names the nation"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verifies an evidence bundle, the one in a paper, or a completeness statement; needs no network."""
    trust, content = TrustRoot.from_json(content_of(trust_root)), content_of(file)
    versions = [content_of(path) for path in log_root or ()]
    if is_statement(content):
        if national or authority:
            raise InvalidInputError("file does not match (got a completeness statement, expected a bundle or a paper)")
        answer(_shown(verify_statement(content, trust, log_roots=versions)), as_json=as_json)
        return
    about_paper: Json = {}
    if content.startswith(_PDF):
        content, about_paper = _opened(content, [content_of(path) for path in authority or ()])
    elif authority:
        raise InvalidInputError("--authority does not match (got a bundle, expected a PDF)")
    verified = verify_bundle(content, trust, log_roots=versions)
    anchored = None if national is None else verify_anchoring(content_of(national), verified, trust)
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
    answer({**values, **about_paper}, as_json=as_json)


def _opened(paper: bytes, authorities: list[bytes]) -> tuple[bytes, Json]:
    """Takes the bundle out of a paper, and tells who signed that.

    Raises:
        VerificationError: its signature does not hold, or it has none and an authority has to vouch for it.
    """
    # A bundle is verified without loading a reader of PDF.
    from consentry.papers.reading import bundle_in, check_signature  # noqa: PLC0415 - as said above

    signed = check_signature(paper, authorities)
    said: Json = {"signedBy": None}
    if signed is not None:
        said = {"signedBy": signed.name, "signedAt": int(signed.at.timestamp()) if signed.at else None}
        said["signerVouchedFor"] = signed.is_vouched_for
    return bundle_in(paper), {"paper": said}


def _shown(verified: VerifiedStatement) -> Json:
    return {
        "verified": True,
        "claim": verified.claim,
        "block": verified.block.number,
        "accesses": verified.count,
        "vouched": verified.vouched.in_words(),
    }


def content_of(path: Path) -> bytes:
    """Reads a file.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError:
        raise ConfigurationError(f"file {path} cannot be read") from None
