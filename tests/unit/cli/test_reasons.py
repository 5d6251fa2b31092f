"""The reason of an access in words: from a private file or standard input, never from the command line."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from consentry.cli.debts import hashed_reason
from consentry.crypto.pseudonyms import reason_of
from consentry.errors import ConfigurationError, InvalidInputError
from tests.unit.cli.conftest import Run

SECRET, WORDS = b"\x07" * 32, "found unconscious, medication unknown"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return private(tmp_path / "reason.key", SECRET.hex())


def private(path: Path, content: str, mode: int = 0o600) -> Path:
    path.write_text(content)
    path.chmod(mode)
    return path


def type_in(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_reason_in_a_file_or_on_standard_input_is_hashed_the_same(
    key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = reason_of(SECRET, WORDS)
    assert hashed_reason(private(tmp_path / "reason.txt", WORDS + "\n"), key) == due
    type_in(monkeypatch, WORDS.encode() + b"\n")
    assert hashed_reason(Path("-"), key) == due
    assert hashed_reason(None, None) == bytes(32)


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
def test_no_words_on_standard_input_are_refused(key: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    type_in(monkeypatch, content)
    with pytest.raises(InvalidInputError):
        hashed_reason(Path("-"), key)


def test_reason_that_others_may_read_or_without_a_key_is_refused(key: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="others may read it"):
        hashed_reason(private(tmp_path / "reason.txt", WORDS, 0o644), key)
    with pytest.raises(InvalidInputError, match="--reason-key is missing"):
        hashed_reason(tmp_path / "reason.txt", None)


@pytest.mark.parametrize("command", [("access", "request", "0x11"), ("access", "review", "0x11")])
def test_no_option_takes_the_words_themselves(run: Run, command: tuple[str, ...]) -> None:
    ended = run(*command, "--reason-text", WORDS)
    assert ended.status == 2
    assert "--reason-text" in ended.err
