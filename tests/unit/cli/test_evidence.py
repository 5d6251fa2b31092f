"""``consentry evidence`` and ``consentry verify`` of a paper: what they write, tell and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from consentry.cli import verify
from consentry.papers.reading import check_signature
from tests.support.certificates import Holder, authority
from tests.unit.cli.conftest import Run
from tests.vectors.bundles.build_bundles import TRUE, TRUST_ROOT

BUNDLE = TRUE / "permitted-passkey.json"
TRUST = ("--trust-root", str(TRUST_ROOT))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Gives an empty folder that is the current one, and no settings from outside."""
    monkeypatch.chdir(tmp_path)
    for name in ("FONT_FOLDER", "PAPER_CERTIFICATE_FILE", "PAPER_PASSPHRASE_FILE"):
        monkeypatch.delenv(f"CONSENTRY_{name}", raising=False)
    return tmp_path


def _configure(desk: Path, monkeypatch: pytest.MonkeyPatch, mode: int = 0o600) -> Holder:
    """Puts a certificate for papers into the settings; gives the authority that vouches for it."""
    root = authority("Authority of papers")
    files = {"papers.p12": root.vouch_for("Hospital B").pkcs12(b"secret"), "papers.passphrase": b"secret\n"}
    for name, content in files.items():
        (desk / name).write_bytes(content)
        (desk / name).chmod(mode)
    monkeypatch.setenv("CONSENTRY_PAPER_CERTIFICATE_FILE", "papers.p12")
    monkeypatch.setenv("CONSENTRY_PAPER_PASSPHRASE_FILE", "papers.passphrase")
    return root


def test_paper_is_written_verified_and_taken_apart(desk: Path, run: Run) -> None:
    printed = run("evidence", "paper", str(BUNDLE), "--out", "paper.pdf", "--language", "zh", *TRUST, "--json")
    verified = run("verify", "paper.pdf", *TRUST, "--json")
    extracted = run("evidence", "extract", "paper.pdf", "--out", "bundle.json", "--json")

    assert [ended.status for ended in (printed, verified, extracted)] == [0, 0, 0]
    told = json.loads(printed.out)
    assert told["bytes"] == (desk / "paper.pdf").stat().st_size
    assert told["bundle"] == json.loads(extracted.out)["digest"]
    assert told["signed"] is False
    assert json.loads(verified.out)["permitted"] is True
    assert json.loads(verified.out)["paper"] == {"signedBy": None, "pages": verify._UNCHECKED}
    assert (desk / "bundle.json").read_bytes() == BUNDLE.read_bytes()


def test_evidence_changed_inside_a_paper_is_refused_as_changed(desk: Path, run: Run) -> None:
    run("evidence", "paper", str(BUNDLE), "--out", "paper.pdf", "--language", "en", *TRUST)
    paper = bytearray((desk / "paper.pdf").read_bytes())
    paper[paper.index(b"stream", paper.index(b"/EmbeddedFile")) + 1000] ^= 1
    (desk / "paper.pdf").write_bytes(paper)

    verified = run("verify", "paper.pdf", *TRUST)

    assert verified.status == 5
    assert "evidence in the paper does not match" in verified.err


def test_paper_is_signed_where_a_certificate_is_configured(
    desk: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    root = _configure(desk, monkeypatch)
    (desk / "root.pem").write_bytes(root.pem)

    printed = run("evidence", "paper", str(BUNDLE), "--out", "paper.pdf", "--language", "en", *TRUST, "--json")
    verified = run("verify", "paper.pdf", *TRUST, "--authority", "root.pem", "--json")

    assert json.loads(printed.out)["signed"] is True
    told = json.loads(verified.out)["paper"]
    assert (told["signedBy"], told["signerVouchedFor"]) == ("Common Name: Hospital B", True)
    signed = check_signature((desk / "paper.pdf").read_bytes())
    assert signed is not None
    assert signed.at is not None
    assert told["signedAt"] == int(signed.at.timestamp())


@pytest.mark.usefixtures("desk")
def test_verify_changed_paper_is_refused(desk: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    _configure(desk, monkeypatch)
    run("evidence", "paper", str(BUNDLE), "--out", "paper.pdf", "--language", "en", *TRUST)
    paper = desk / "paper.pdf"
    paper.write_bytes(paper.read_bytes() + b"% more\n")

    ended = run("verify", "paper.pdf", *TRUST)

    assert ended.status == 5
    assert "signature of the paper does not match" in ended.err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (
            ("evidence", "paper", str(BUNDLE), "--out", "p.pdf", "--language", "fr", *TRUST),
            2,
            "expected zh, en or both",
        ),
        (("evidence", "paper", str(BUNDLE), "--out", "none/p.pdf", *TRUST), 2, "its folder is missing"),
        (("evidence", "paper", "none.json", "--out", "p.pdf", *TRUST), 3, "file none.json cannot be read"),
        (("evidence", "paper", str(TRUST_ROOT), "--out", "p.pdf", *TRUST), 5, "step 1"),
        (("evidence", "extract", str(BUNDLE), "--out", "b.json"), 2, "paper does not match (expected a PDF file"),
        (("verify", str(BUNDLE), *TRUST, "--authority", str(TRUST_ROOT)), 2, "got a bundle, expected a PDF"),
    ],
)
def test_bad_input_is_refused_and_nothing_written(
    desk: Path, run: Run, arguments: tuple[str, ...], status: int, said: str
) -> None:
    ended = run(*arguments)

    assert (ended.status, said in ended.err) == (status, True), ended.err
    assert list(desk.iterdir()) == []


def test_paper_without_fonts_is_refused_before_anything(desk: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setenv("CONSENTRY_FONT_FOLDER", str(desk))

    ended = run("evidence", "paper", str(BUNDLE), "--out", "p.pdf", *TRUST)

    assert ended.status == 3
    assert "fonts do not match" in ended.err
    assert list(desk.iterdir()) == []


@pytest.mark.parametrize("name", ["papers.p12", "papers.passphrase"])
def test_certificate_others_may_read_is_refused(
    desk: Path, monkeypatch: pytest.MonkeyPatch, run: Run, name: str
) -> None:
    _configure(desk, monkeypatch)
    (desk / name).chmod(0o640)

    ended = run("evidence", "paper", str(BUNDLE), "--out", "p.pdf", *TRUST)

    assert ended.status == 3
    assert f"file {name} does not match (others may read it, expected 0600)" in ended.err
    assert not (desk / "p.pdf").exists()


def test_certificate_without_a_passphrase_is_refused(desk: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    _configure(desk, monkeypatch)
    monkeypatch.delenv("CONSENTRY_PAPER_PASSPHRASE_FILE")

    ended = run("evidence", "paper", str(BUNDLE), "--out", "p.pdf", *TRUST)

    assert (ended.status, "paper_passphrase_file is not set" in ended.err) == (3, True)
