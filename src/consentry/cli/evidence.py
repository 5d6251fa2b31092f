"""``consentry evidence``: a bundle as a paper that people can read, and back."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from consentry.cli import values
from consentry.cli.options import SettingsFile
from consentry.cli.output import AsJson, answer
from consentry.cli.verify import LARGEST, LogRoots, TrustRootFile
from consentry.config import Settings, load_settings
from consentry.errors import ConfigurationError, InvalidInputError
from consentry.evidence.trust import TrustRoot
from consentry.ledger.keyfiles import read_private, read_private_bytes
from consentry.papers.access import access_paper
from consentry.papers.blocks import Language
from consentry.papers.fonts import load_fonts
from consentry.papers.reading import bundle_in
from consentry.papers.signing import PaperSigner

app = typer.Typer(
    help="Evidence on paper: paper (PDF of a bundle), extract (the bundle in a PDF).", no_args_is_help=True
)
LANGUAGES: dict[str, tuple[Language, ...]] = {"zh": ("zh",), "en": ("en",), "both": ("zh", "en")}


@app.command()
def paper(
    *,
    bundle: Annotated[Path, typer.Argument(help="evidence bundle")],
    out: Annotated[Path, typer.Option("--out", help="where the PDF goes")],
    language: Annotated[str, typer.Option(help="zh, en, or both: Chinese, then English")] = "both",
    trust_root: TrustRootFile = Path("trust-root.json"),
    log_root: LogRoots = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Verifies a bundle and prints it as PDF/A-3a with the bundle inside, signed if a certificate is configured."""
    if language not in LANGUAGES:
        raise InvalidInputError(f"language does not match (got {language!r:.40}, expected zh, en or both)")
    values.check_target(out)
    known = load_settings(settings)
    signer, fonts = paper_signer(known), load_fonts(known.font_folder)
    content, trust = values.content_of(bundle, LARGEST), TrustRoot.from_json(values.content_of(trust_root))
    log_roots = [values.content_of(path) for path in log_root or ()]
    printed = access_paper(content, trust, fonts, LANGUAGES[language], log_roots=log_roots)
    made = printed if signer is None else signer.sign(printed)
    values.write(out, made)
    digest = "0x" + hashlib.sha256(content).hexdigest()
    answer({"paper": str(out), "bytes": len(made), "bundle": digest, "signed": signer is not None}, as_json=as_json)


def paper_signer(settings: Settings) -> PaperSigner | None:
    """Opens the certificate papers are signed with, if one is configured.

    Raises:
        ConfigurationError: it is missing, others may read it, or the passphrase does not open it.
    """
    file, secret = settings.paper_certificate_file, settings.paper_passphrase_file
    if file is None:
        return None
    if secret is None:
        raise ConfigurationError("settings cannot be used: paper_passphrase_file is not set")
    passphrase = read_private(secret, "passphrase file").encode()
    return PaperSigner(read_private_bytes(file, "certificate file"), passphrase)


@app.command()
def extract(
    *,
    paper: Annotated[Path, typer.Argument(help="PDF of an evidence bundle")],
    out: Annotated[Path, typer.Option("--out", help="new file for the bundle")],
    as_json: AsJson = False,
) -> None:
    """Takes the bundle out of a paper, byte for byte; `consentry verify` checks it, there or here."""
    values.check_target(out, fresh=True)
    content = bundle_in(values.content_of(paper, LARGEST))
    values.write(out, content)
    digest = "0x" + hashlib.sha256(content).hexdigest()
    answer({"bundle": str(out), "bytes": len(content), "digest": digest}, as_json=as_json)
