"""``consentry verify``: several files at a time, and bytes beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run
from tests.vectors.bundles.build_bundles import TRUE, TRUST_ROOT

TRUST = ("--trust-root", str(TRUST_ROOT))
FILES = tuple(str(TRUE / f"{name}.json") for name in ("permitted-passkey", "denied-no-consent"))


def test_each_of_several_files_is_told_and_one_refused_ends_with_5(run: Run, tmp_path: Path) -> None:
    forged = tmp_path / "forged.json"
    forged.write_bytes(Path(FILES[0]).read_bytes().replace(b'"reason":0', b'"reason":1', 1))
    (tmp_path / "torn.json").write_bytes(b"{")

    fine = run("verify", *FILES, *TRUST, "--json")
    ended = run("verify", str(forged), FILES[1], str(tmp_path / "torn.json"), *TRUST, "--json")

    assert fine.status == 0
    assert [one["permitted"] for one in json.loads(fine.out)["items"]] == [True, False]
    assert ended.status == 5
    told = json.loads(ended.out)["items"]
    assert [one["verified"] for one in told] == [False, True, False]
    assert [one.get("step") for one in told] == [10, None, 1]
    assert told[1]["file"] == FILES[1]


def test_several_files_are_listed_for_people(run: Run) -> None:
    ended = run("verify", *FILES, *TRUST)

    assert ended.status == 0
    assert [line.split()[:2] for line in ended.out.splitlines()[1:]] == [[file, "yes"] for file in FILES]


def test_other_bytes_than_those_of_the_record_are_refused_at_its_step(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other.dcm").write_bytes(b"other")

    ended = run("verify", FILES[0], *TRUST, "--record", str(tmp_path / "other.dcm"))

    assert ended.status == 5
    assert ended.err.startswith("consentry: step 6: size of the record's ciphertext does not match (got 5, expected ")


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("--opening", "opening.json"), 2),
        ((FILES[1], "--record", "record.dcm"), 2),
        (("--record", "missing.dcm"), 3),
    ],
)
def test_what_does_not_fit_together_is_one_line(run: Run, words: tuple[str, ...], status: int) -> None:
    ended = run("verify", FILES[0], *TRUST, *words)

    assert (ended.status, len(ended.err.splitlines())) == (status, 1)


def test_file_larger_than_any_evidence_is_refused_unread(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("evidence", "trust-root", "log-root", "authority", "national", "opening"):
        with (tmp_path / kind).open("wb") as file:
            file.truncate(1 << 33)
    monkeypatch.chdir(tmp_path)
    others = [
        ("log-root", "--log-root", "log-root"),
        ("authority", "--authority", "authority"),
        ("national", "--national", "national"),
        ("opening", "--opening", "opening", "--record", "evidence"),
    ]

    for kind, *words in [("evidence", "evidence", *TRUST), ("trust-root", FILES[0], "--trust-root", "trust-root")]:
        ended = run("verify", *words)
        assert (ended.status, f"size of {kind} does not match (got 8589934592," in ended.err) == (2, True), ended.err
    for kind, *words in others:
        ended = run("verify", FILES[0], *TRUST, *words)
        assert (ended.status, f"size of {kind} does not match (got 8589934592," in ended.err) == (2, True), ended.err
    ended = run("verify", FILES[0], "evidence", *TRUST, "--json")
    assert ended.status == 5
    assert [one["verified"] for one in json.loads(ended.out)["items"]] == [True, False]


def test_large_paper_and_bundle_are_refused_unread(run: Run, tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 33)

    for words in (("extract", "large"), ("paper", "large", *TRUST)):
        ended = run("evidence", words[0], str(tmp_path / words[1]), "--out", str(tmp_path / "out"), *words[2:])
        assert (ended.status, "does not match (got 8589934592," in ended.err) == (2, True), ended.err


def test_what_does_not_end_is_read_up_to_the_limit(run: Run) -> None:
    ended = run("verify", "/dev/zero", *TRUST)

    assert (ended.status, "size of zero does not match (got more" in ended.err) == (2, True), ended.err
