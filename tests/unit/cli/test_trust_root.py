"""Trust roots and log roots at the command line: from keys to a file that verifies, and on by versions."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from consentry.cli.trust_root import app
from consentry.core.chain import ChainIdentity
from consentry.core.terms import Address
from consentry.errors import ConsentryError, InvalidInputError, VerificationError
from consentry.evidence.log_root import LogRoot, follow, verify_next, verify_root
from consentry.evidence.trust import CONTRACTS, LogRootPin, TrustRoot
from consentry.ledger.manifest import Manifest
from tests.support.log_people import LOG, WITNESSES

KEYS = [str(witness.verifier_key) for witness in WITNESSES]
HASH = "0x" + "ab" * 32


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a manifest."""
    monkeypatch.chdir(tmp_path)
    contracts = tuple((name, Address(bytes([number]) * 20)) for number, name in enumerate(CONTRACTS, start=1))
    Manifest(ChainIdentity(2026, bytes([7]) * 32, contracts, 0), ()).write(tmp_path / "deployment.json")
    return tmp_path


def run(*arguments: str) -> Any:  # noqa: ANN401 - JSON
    done = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refused(kind: type[ConsentryError], says: str, *arguments: str) -> None:
    with pytest.raises(kind, match=says):
        CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)


def first(out: str = "root-1.json", *more: str) -> Any:  # noqa: ANN401 - JSON
    witnesses = [option for key in KEYS[:3] for option in ("--witness", key)]
    where = ("--manifest", "deployment.json", "--out", out, "--log", str(LOG.verifier_key))
    return run("log-root", *where, *witnesses, "--threshold", "2", "--root-key", "root-a", *more)


def read(name: str) -> LogRoot:
    return LogRoot.from_json(Path(name).read_bytes())


def test_log_root_of_one_holder_is_complete_at_once(here: Path) -> None:
    told = first()
    root = read("root-1.json")
    verify_root(root)
    assert told == {
        "file": "root-1.json",
        "version": 1,
        "origin": LOG.name,
        "threshold": 2,
        "witnesses": [witness.name for witness in WITNESSES[:3]],
        "lacking": 0,
    }
    assert root.genesis_hash == bytes([7]) * 32
    assert len(root.contracts) == len(CONTRACTS)
    assert (here / "root-a").stat().st_mode & 0o777 == 0o600


def test_log_root_of_several_holders_is_signed_by_one_after_another(here: Path) -> None:
    other = run("key", "--key", str(here / "root-b"))["public"]
    assert first("root-1.json", "--root-public", other, "--root-threshold", "2")["lacking"] == 1
    with pytest.raises(VerificationError, match="number of signatures"):
        verify_root(read("root-1.json"))
    assert run("sign", "root-1.json", "--root-key", "root-b")["lacking"] == 0
    verify_root(read("root-1.json"))


def test_more_than_half_of_the_root_keys_must_sign_where_nothing_else_is_said(here: Path) -> None:
    others = [run("key", "--key", str(here / name))["public"] for name in ("root-b", "root-c", "root-d")]
    given = [option for key in others[:2] for option in ("--root-public", key)]
    assert first("root-1.json", *given)["lacking"] == 1
    assert read("root-1.json").root_threshold == 2
    assert run("sign", "root-1.json", "--root-key", "root-b")["lacking"] == 0
    # Who comes in must not make that half of them or less.
    step = ("next", "root-1.json", "--out", "root-2.json", "--root-key", "root-a", "--root-key", "root-b")
    assert run(*step)["lacking"] == 0
    assert read("root-2.json").root_threshold == 2
    assert run(*step, "--root-public", others[2])["lacking"] == 1
    assert read("root-2.json").root_threshold == 3
    assert run(*step, "--root-public", others[2], "--root-threshold", "2")["lacking"] == 0
    assert read("root-2.json").root_threshold == 2


def test_next_version_exchanges_witnesses_and_root_keys_and_follows(here: Path) -> None:
    first()
    changes = ("--add-witness", KEYS[3], "--remove-witness", WITNESSES[0].name, "--threshold", "3")
    told = run("next", "root-1.json", "--out", "root-2.json", *changes, "--root-key", "root-a")
    assert (told["version"], told["lacking"]) == (2, 0)
    assert told["witnesses"] == [witness.name for witness in WITNESSES[1:4]]
    verify_next(read("root-1.json"), read("root-2.json"))
    old, new = (run("key", "--key", name)["public"] for name in ("root-a", "root-b"))
    handed = ("--remove-root", old, "--root-public", new)
    # Who leaves signs, and who comes: neither alone is enough.
    assert run("next", "root-2.json", "--out", "root-3.json", *handed, "--root-key", "root-a")["lacking"] == 1
    assert run("sign", "root-3.json", "--before", "root-2.json", "--root-key", "root-b")["lacking"] == 0
    last = follow(read("root-1.json"), [Path(f"root-{number}.json").read_bytes() for number in (2, 3)])
    assert last.root_keys == (bytes.fromhex(new[2:]),)
    assert (here / "root-3.json").exists()


def test_version_that_nobody_could_follow_is_not_written(here: Path) -> None:
    first()
    base = ("next", "root-1.json", "--out", "root-2.json", "--root-key", "root-a")
    refused(InvalidInputError, "threshold does not match", *base, "--threshold", "4")
    refused(InvalidInputError, "threshold does not match", *base, "--threshold", "1")
    refused(InvalidInputError, "threshold does not match", *base, "--add-witness", KEYS[3])
    refused(InvalidInputError, "key does not match", *base, "--remove-witness", "nobody")
    refused(InvalidInputError, "root key does not match", *base, "--remove-root", HASH)
    refused(InvalidInputError, "one name twice|one twice", *base, "--add-witness", KEYS[0], "--threshold", "3")
    refused(VerificationError, "key of a signature", *base, "--root-key", "stranger")
    assert not (here / "root-2.json").exists()


def test_trust_root_holds_or_pins_the_log_root_and_names_blocks_and_validators(here: Path) -> None:
    first()
    where = ("new", "--manifest", "deployment.json", "--log-root", "root-1.json")
    told = run(*where, "--out", "held.json", "--block", f"12:{HASH}")
    held = TrustRoot.from_json((here / "held.json").read_bytes())
    assert held.log_root == read("root-1.json")
    assert (held.checkpoints[0].number, held.header_form) == (12, "ethereum")
    assert told["believes"] == ["block 12", f"2 of 3 witnesses of {LOG.name}"]
    sealed = ("--engine", "besu", "--validators-from", f"0:{HASH}", "--epoch-length", "100")
    run(*where, "--out", "pinned.json", "--pin", *sealed)
    pinned = TrustRoot.from_json((here / "pinned.json").read_bytes())
    content = (here / "root-1.json").read_bytes()
    assert pinned.log_root == LogRootPin(1, hashlib.sha256(content).digest())
    assert pinned.qbft_anchor is not None
    assert (pinned.qbft_anchor.hash.hex(), pinned.qbft_anchor.epoch_length) == ("ab" * 32, 100)


def test_trust_root_that_believes_nobody_or_what_is_not_signed_is_not_written(here: Path) -> None:
    base = ("new", "--manifest", "deployment.json", "--out", "t")
    refused(InvalidInputError, "no checkpoint, anchor or log root", *base)
    first("root-1.json", "--root-public", HASH, "--root-threshold", "2")
    refused(VerificationError, "number of signatures", *base, "--log-root", "root-1.json")
    refused(InvalidInputError, "NUMBER:HASH", *base, "--block", HASH)
    assert not (here / "t").exists()
