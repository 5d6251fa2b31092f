"""Bad input: one line, the right exit code, and nothing has happened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from consentry import errors
from consentry.cli.app import exit_code
from consentry.crypto.signing import AccountKey
from consentry.evidence.steps import CLAIM
from tests.unit.cli.conftest import Run
from tests.vectors.bundles.build_bundles import TRUE, TRUST_ROOT

ID = "0x" + "11" * 32
ADDRESS = "0x" + "22" * 20
PREPARE = (
    *("consent", "prepare", "--key", "account", "--subject", ID, "--max-sensitivity", "3"),
    *("--data-from", "2020-01", "--data-until", "2021-01"),
)
ADD = ("record", "add", "account", "--key", "account", "--subject", ID, "--sensitivity", "3")
ASK = ("access", "request", ID, "--consent", ID, "--key", "account", "--release-key", "account")
MANY = (
    *("access", "request-many", "--release-key", "account", "--practitioner"),
    *(ID, "--key", "account"),
)
MALFORMED: dict[str, tuple[str, ...]] = {
    "no-such-command": ("grant",),
    "no-such-option": ("history", ID, "--key", "account", "--loud"),
    "missing-option": ("history", ID),
    "subject-not-hexadecimal": ("history", "patient", "--key", "account"),
    "subject-too-short": ("history", "0x11", "--key", "account"),
    "gateway-no-address": ("history", ID, "--key", "account", "--gateway", "localhost:18080"),
    "gateway-port": ("history", ID, "--key", "account", "--gateway", "http://localhost:99999"),
    "chain-port": ("chain", "up", "--port", "99999"),
    "witness-port": (
        *("witness", "run", "--state", "tree", "--node", "http://localhost:1", "--manifest", "empty.json"),
        *("--key", "account", "--name", "witness.example.org/one", "--log", "log", "--port", "65536"),
    ),
    "manifest-without-node": ("history", ID, "--key", "account", "--manifest", "account"),
    "kind-of-key": ("key", "new", "fresh", "--kind", "rsa"),
    "key-exists": ("key", "new", "account"),
    "key-in-no-folder": ("key", "new", "nowhere/fresh"),
    "category": (*PREPARE, "--to", ADDRESS, "--category", "XRAY"),
    "purpose": (*PREPARE, "--to", ADDRESS, "--category", "IMAGING", "--purpose", "CURIOSITY"),
    "action": (*PREPARE, "--to", ADDRESS, "--category", "IMAGING", "--action", "DELETE"),
    "no-grantee": (*PREPARE, "--category", "IMAGING"),
    "two-grantees": (*PREPARE, "--category", "IMAGING", "--to", ADDRESS, "--group", ID),
    "grantee-of-another-size": (*PREPARE, "--category", "IMAGING", "--to", ID),
    "no-scope": (*PREPARE, "--to", ADDRESS),
    "two-scopes": (*PREPARE, "--to", ADDRESS, "--category", "IMAGING", "--record", ID),
    "uses": (*PREPARE, "--to", ADDRESS, "--category", "IMAGING", "--uses", "0"),
    "days": (*PREPARE, "--to", ADDRESS, "--category", "IMAGING", "--days", "0"),
    "store-without-erase-by": (*PREPARE, "--to", ADDRESS, "--category", "IMAGING", "--action", "STORE"),
    "erase-by-no-day": (*PREPARE, "--to", ADDRESS, "--category", "IMAGING", "--erase-by", "soon"),
    "language": (*PREPARE, "--to", ADDRESS, "--category", "IMAGING", "--language", "la"),
    "level-5-by-category": (*PREPARE, "--to", ADDRESS, "--category", "IMAGING", "--max-sensitivity", "5"),
    "period-backwards": (*PREPARE, "--to", ADDRESS, "--category", "IMAGING", "--data-from", "2022-01"),
    "month": (*ADD, "--category", "IMAGING", "--month", "2004-13"),
    "month-before-1970": (*ADD, "--category", "IMAGING", "--month", "1969-12"),
    "sensitivity": (*ADD, "--category", "IMAGING", "--month", "2004-01", "--sensitivity", "6"),
    "terms-no-json": ("consent", "grant", "account", "--key", "account"),
    "terms-not-terms": ("consent", "grant", "empty.json", "--key", "account"),
    "terms-of-another-consent": ("consent", "revoke", ID, "--key", "account", "--terms", "empty.json"),
    "council-without-terms": ("consent", "revoke", ID, "--key", "account", "--as-council", "empty.json"),
    "enrolment-of-nobody": ("subject", "enrol", "--key", "account"),
    "enrolment-no-enrolment": ("subject", "enrol", "--key", "account", "--signed", "empty.json"),
    "practitioner": (*ASK, "--practitioner", "Dr. Who"),
    "out-exists": (*ASK, "--practitioner", ID, "--out", "account"),
    "record-not-in-scope": (*ASK, "--practitioner", ID, "--scope", "0x" + "33" * 32),
    "many-none": MANY,
    "many-no-consent": (*MANY, ID),
    "many-record": (*MANY, "patient", "--consent", ID),
    "many-consent": (*MANY, f"{ID}:7"),
    "many-record-twice": (*MANY, ID, f"{ID}:{ID}", "--consent", ID),
    "many-not-in-scope": (*MANY, ID, "--consent", ID, "--scope", "0x" + "33" * 32),
    "many-folder-is-a-file": (*MANY, ID, "--consent", ID, "--out", "account"),
    "many-folder-in-no-folder": (*MANY, ID, "--consent", ID, "--out", "nowhere/opened"),
    "many-practitioner": (*MANY[:5], "Dr. Who", *MANY[6:], ID, "--consent", ID),
    "request-id": ("access", "prove", "0x12", "--institution", ADDRESS),
    "request-id-too-large": ("access", "prove", str(2**256), "--institution", ADDRESS),
    "no-institution": ("access", "prove", "12"),
}
UNUSABLE: dict[str, tuple[str, ...]] = {
    "no-key-file": ("history", ID, "--key", "missing"),
    "key-others-may-read": ("history", ID, "--key", "open"),
    "key-of-no-kind": ("history", ID, "--key", "strange"),
    "key-of-zero": ("history", ID, "--key", "zero"),
    "no-settings-file": ("history", ID, "--key", "account", "--settings", "missing"),
    "no-manifest": ("key", "new", "fresh", "--kind", "p256", "--manifest", "missing"),
    "no-record": ("record", "add", "missing", *ADD[3:], "--category", "IMAGING", "--month", "2004-01"),
    "no-list": (*MANY, "--from", "missing"),
    "no-terms": ("consent", "grant", "missing", "--key", "account"),
}


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a key, some files that are none, and no gateway."""
    monkeypatch.chdir(tmp_path)
    contents = {
        "account": AccountKey.generate().secret.hex(),
        "open": AccountKey.generate().secret.hex(),
        "strange": f"ed25519 {'11' * 32} {ADDRESS}",
        "zero": "00" * 32,
        "empty.json": "{}",
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o644 if name == "open" else 0o600)
    return tmp_path


@pytest.mark.parametrize("arguments", MALFORMED.values(), ids=list(MALFORMED))
def test_malformed_option_is_a_usage_error_and_changes_nothing(
    run: Run, desk: Path, arguments: tuple[str, ...]
) -> None:
    before = {path: path.read_bytes() for path in desk.iterdir()}

    ended = run(*arguments)

    assert ended.status == 2, ended
    assert len(ended.err.splitlines()) == 1
    assert ended.err.startswith("consentry: ")
    assert ended.out == ""
    assert {path: path.read_bytes() for path in desk.iterdir()} == before


@pytest.mark.parametrize("arguments", UNUSABLE.values(), ids=list(UNUSABLE))
def test_unusable_file_is_an_error_of_configuration(run: Run, arguments: tuple[str, ...]) -> None:
    ended = run(*arguments)

    assert ended.status == 3, ended
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("history", "12", "--key", "account"), ("history",)])
def test_error_is_one_document_for_programs(run: Run, arguments: tuple[str, ...]) -> None:
    ended = run(*arguments, "--json")

    assert ended.status == 2
    assert json.loads(ended.out)["error"] == "input.invalid"


def test_manifest_that_is_not_there_is_named_in_full_and_said_where_to_have_it(run: Run) -> None:
    ended = run("key", "new", "fresh", "--kind", "p256", "--manifest", "folder/missing.json")

    assert "no deployment manifest folder/missing.json: " in ended.err
    assert "everybody else is given that file" in ended.err


def test_group_without_a_command_shows_its_help(run: Run) -> None:
    ended = run("consent")

    assert ended.status == 2
    assert "prepare" in ended.out + ended.err


def test_output_that_cannot_be_written_is_one_line(run: Run, desk: Path) -> None:
    ended = run("key", "new", str(desk / ("x" * 300)))

    assert ended.status == 3
    assert len(ended.err.splitlines()) == 1


def test_bundle_that_does_not_hold_is_refused_at_its_step(run: Run, desk: Path) -> None:
    content = (TRUE / "denied-action.json").read_text()
    (desk / "bundle.json").write_text(content.replace("the ledger denied (ACTION_NOT_GRANTED)", "the ledger permitted"))

    ended = run("verify", str(desk / "bundle.json"), "--trust-root", str(TRUST_ROOT))

    assert ended.status == 5, ended
    assert ended.err.startswith(f"consentry: step {CLAIM}: ")


def test_what_is_no_bundle_is_refused_without_a_step(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise errors.VerificationError("answer of the gateway cannot be read")

    monkeypatch.setattr("consentry.cli.verify.verify_bundle", refuse)
    ended = run("verify", str(TRUST_ROOT), "--trust-root", str(TRUST_ROOT))

    assert (ended.status, ended.err) == (5, "consentry: answer of the gateway cannot be read\n")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidInputError("x"), 2),
        (errors.TooLargeError("x"), 2),
        (errors.ConfigurationError("x"), 3),
        (errors.LedgerUnavailableError("x"), 4),
        (errors.ForeignChainError("x"), 4),
        (errors.VaultUnavailableError("x"), 4),
        (errors.GatewayUnavailableError("x"), 4),
        (errors.VerificationError("x"), 5),
        (errors.LedgerRejectedError("x"), 1),
        (errors.AccessDeniedError("x"), 1),
        (errors.NotFoundError("x"), 1),
        (errors.ObjectCorruptError("x"), 1),
    ],
)
def test_each_error_has_its_exit_code(error: errors.ConsentryError, status: int) -> None:
    assert exit_code(error) == status
