"""``verify`` knows a completeness statement by its format, and ``statement`` refuses what it cannot state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from consentry.evidence.verify_completeness import ORDER
from tests.unit.cli.conftest import Run
from tests.vectors.completeness.build_completeness import FOLDER
from tests.vectors.completeness.world import PROVED

TRUE = FOLDER / "true"
TRUST_ROOT = str(FOLDER / "trust-root.json")


@pytest.fixture(autouse=True)
def _at_that_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consentry.evidence.verify_completeness.time.time", lambda: 1_800_000_200.0)


@pytest.mark.parametrize(
    ("name", "count"), [("subject", 3), ("institution-withheld", 3), ("subject-without-accesses", 0)]
)
def test_statement_is_verified(run: Run, name: str, count: int) -> None:
    ended = run("verify", str(TRUE / f"{name}.json"), "--trust-root", TRUST_ROOT, "--json")

    assert ended.status == 0, ended
    told = json.loads(ended.out)
    assert (told["verified"], told["accesses"], told["block"]) == (True, count, PROVED)
    assert told["claim"].startswith(f"Up to block {PROVED} of 2027-01-15T08:00:10Z, ")
    assert told["vouched"].startswith("5 validators sealed its block")
    assert told["blockTime"] == 1_800_000_010
    assert told["statedUpTo"] == f"block {PROVED} of 2027-01-15T08:00:10Z; nothing after it is stated"


def test_statement_that_hides_an_access_is_refused_at_its_step(run: Run, tmp_path: Path) -> None:
    found = json.loads((TRUE / "subject.json").read_text(encoding="utf-8"))
    del found["entries"][1]
    written = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    (tmp_path / "short.json").write_text(written, encoding="utf-8")

    ended = run("verify", str(tmp_path / "short.json"), "--trust-root", TRUST_ROOT)

    assert ended.status == 5, ended
    assert ended.err.startswith(f"consentry: step {ORDER}: number of entries does not match (got 2, expected 3)")


@pytest.mark.parametrize(
    "words",
    [
        ("subject", "patient"),
        ("subject", "0x11"),
        ("institution", "0x11"),
        ("subject", "0x" + "11" * 32, "--out", "no/x"),
        ("subject", "0x" + "11" * 32, "--trust-root-out", TRUST_ROOT),
    ],
)
def test_malformed_option_is_one_line(run: Run, words: tuple[str, ...]) -> None:
    ended = run("statement", *words)

    assert ended.status == 2, ended
    assert len(ended.err.splitlines()) == 1
