"""``consentry verify``: checks evidence files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from consentry.cli import values
from consentry.cli.app import EXIT_VERIFICATION
from consentry.cli.output import AsJson, answer, listing
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence import bundle, completeness
from consentry.evidence.completeness import is_statement
from consentry.evidence.national import verify_anchoring
from consentry.evidence.notation import Json
from consentry.evidence.opening import Opening, check_bytes
from consentry.evidence.trust import TrustRoot
from consentry.evidence.verify import verify as verify_bundle
from consentry.evidence.verify_completeness import VerifiedStatement
from consentry.evidence.verify_completeness import verify as verify_statement

TrustRootFile = Annotated[Path, typer.Option("--trust-root", help="whom to believe")]
LogRoots = Annotated[
    list[Path] | None, typer.Option("--log-root", help="log root the trust root names, then the versions after it")
]
_PDF: Final = b"%PDF-"
_UNCHECKED: Final = "not checked: nobody signed the paper, so what is printed may say something else"
LARGEST: Final = max(2 * bundle.LARGEST, completeness.LARGEST)
"""Bytes of the largest evidence file of any kind, papers among them."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What every file is verified with: whom to believe, and what else was given on the command line."""

    trust: TrustRoot
    log_roots: list[bytes]
    authorities: list[bytes]
    national: bytes | None
    record: Path | None
    opening: Opening | None

    @property
    def is_about_access(self) -> bool:
        return bool(self.authorities or self.national or self.record)


def verify(
    *,
    files: Annotated[
        list[Path],
        typer.Argument(help="evidence bundle, PDF with one inside, or completeness statement; several of them"),
    ],
    trust_root: TrustRootFile = Path("trust-root.json"),
    log_root: LogRoots = None,
    authority: Annotated[
        list[Path] | None, typer.Option(help="certificate of an authority that has to vouch for who signed the PDF")
    ] = None,
    national: Annotated[
        Path | None,
        typer.Option(help="proof that the nation anchored the ledger's log; the trust root names the nation"),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(help="file that has to be the record: its ciphertext, or with --opening the plaintext"),
    ] = None,
    opening: Annotated[Path | None, typer.Option(help="what access request --opening wrote beside the record")] = None,
    as_json: AsJson = False,
) -> None:
    """Verifies evidence bundles, those in papers, or completeness statements; needs no network."""
    if opening is not None and record is None:
        raise InvalidInputError("opening does not match (got one without --record, expected the plaintext as well)")
    if len(files) > 1 and (national or record):
        raise InvalidInputError("files do not match (got several, expected one beside --national or --record)")
    plan = _Plan(
        TrustRoot.from_json(values.content_of(trust_root)),
        _contents(log_root),
        _contents(authority),
        values.content_of(national) if national else None,
        record,
        Opening.from_json(values.content_of(opening)) if opening else None,
    )
    if len(files) == 1:
        answer(_verified(values.content_of(files[0], LARGEST), plan), as_json=as_json)
        return
    _verify_each(files, plan, as_json=as_json)


def _contents(files: list[Path] | None) -> list[bytes]:
    return [values.content_of(file) for file in files or ()]


def _verify_each(files: list[Path], plan: _Plan, *, as_json: bool) -> None:
    """Verifies every file, whatever became of the one before, and ends with 5 if one was refused."""
    told: list[Json] = []
    for file in files:
        try:
            told.append({"file": str(file), **_verified(values.content_of(file, LARGEST), plan)})
        except VerificationError as error:
            told.append({"file": str(file), "verified": False, "step": error.step, "refused": error.message})
        except InvalidInputError as error:
            told.append({"file": str(file), "verified": False, "step": None, "refused": error.message})
    rows = [(one["file"], "yes" if one["verified"] else "no", _outcome(one)) for one in told]
    listing(told, ("file", "verified", "what"), rows, as_json=as_json)
    if not all(one["verified"] for one in told):
        raise typer.Exit(EXIT_VERIFICATION)


def _outcome(one: Json) -> str:
    if one["verified"]:
        return str(one["claim"])
    return str(one["refused"]) if one["step"] is None else f"step {one['step']}: {one['refused']}"


def _verified(content: bytes, plan: _Plan) -> Json:
    """Verifies one file.

    Raises:
        VerificationError: the first step that fails.
        InvalidInputError: what was given on the command line does not fit this kind of file.
    """
    if not content.startswith(_PDF) and is_statement(content):
        if plan.is_about_access:
            raise InvalidInputError("file does not match (got a completeness statement, expected a bundle or a paper)")
        return _shown(verify_statement(content, plan.trust, log_roots=plan.log_roots))
    about_paper: Json = {}
    if content.startswith(_PDF):
        content, about_paper = _opened(content, plan.authorities)
    elif plan.authorities:
        raise InvalidInputError("--authority does not match (got a bundle, expected a PDF)")
    verified = verify_bundle(content, plan.trust, log_roots=plan.log_roots)
    told: Json = {
        "verified": True,
        "claim": verified.claim,
        "block": verified.block.number,
        "decidedAt": verified.entry.decided_at,
        "permitted": verified.entry.reason == 0,
        "vouched": verified.vouched.in_words(),
    }
    if plan.national is not None:
        told["national"] = verify_anchoring(plan.national, verified, plan.trust).in_words()
    if plan.record is not None:
        with values.readable(plan.record) as file:
            check_bytes(verified.leaf, file, plan.opening)
        told["record"] = f"{plan.record} is the record"
    return {**told, **about_paper}


def _opened(paper: bytes, authorities: list[bytes]) -> tuple[bytes, Json]:
    """Takes the bundle out of a paper, and tells who signed that.

    Raises:
        VerificationError: its signature does not hold, or it has none and an authority has to vouch for it.
    """
    # A bundle is verified without loading a reader of PDF.
    from consentry.papers.reading import Paper  # noqa: PLC0415 - loads pyHanko

    opened = Paper(paper)
    signed = opened.signed(authorities)
    said: Json = {"signedBy": None, "pages": _UNCHECKED}
    if signed is not None:
        said = {"signedBy": signed.name, "signedAt": int(signed.at.timestamp()) if signed.at else None}
        said["signerVouchedFor"] = signed.is_vouched_for
    return opened.bundle(), {"paper": said}


def _shown(verified: VerifiedStatement) -> Json:
    return {
        "verified": True,
        "claim": verified.claim,
        "block": verified.block.number,
        "blockTime": verified.block.time,
        "statedUpTo": verified.stated_up_to(),
        "accesses": verified.count,
        "vouched": verified.vouched.in_words(),
    }
