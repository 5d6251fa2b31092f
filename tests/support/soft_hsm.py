"""A token of SoftHSM in a temporary folder: PKCS#11 as a hardware module speaks it, in software."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pkcs11
import pytest

from consentry.vault.pkcs11_kms import Token

FOLDERS = ("usr/lib/softhsm", "usr/lib/*/softhsm", "usr/local/lib/softhsm")
TOOL = "softhsm2-util"
LABEL, PIN, OFFICER_PIN = "consentry-test", "2468", "13579"


def find_module() -> Path | None:
    """Finds the library of SoftHSM; nothing if it or the program that makes tokens is missing."""
    if shutil.which(TOOL) is None:
        return None
    return next((path for folder in FOLDERS for path in Path("/").glob(f"{folder}/libsofthsm2.so")), None)


@dataclass(frozen=True, slots=True)
class SoftHsm:
    """A token that is there for the tests of one process."""

    token: Token
    folder: Path
    """Where it keeps what is in it."""

    def empty_token(self) -> Token:
        """Gives the token after everything in it was destroyed."""
        session = pkcs11.lib(str(self.token.module)).get_token(token_label=LABEL).open(rw=True, user_pin=PIN)
        try:
            for each in list(session.get_objects()):
                each.destroy()
        finally:
            session.close()
        return self.token

    def put_in_blank(self) -> None:
        """Puts in a token of the same name that holds nothing; the other one was taken out."""
        self.folder.mkdir()
        pins = ["--so-pin", OFFICER_PIN, "--pin", PIN]
        subprocess.run([TOOL, "--init-token", "--free", "--label", LABEL, *pins], check=True, capture_output=True)


@contextmanager
def make_token(module: Path, folder: Path) -> Iterator[SoftHsm]:
    """Makes a token; the library finds it as long as the block lasts."""
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
        made = SoftHsm(Token(module, LABEL, lambda: PIN), folder / "tokens")
        made.put_in_blank()
        yield made
