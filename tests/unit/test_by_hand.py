"""The transcript of rules: commands that ran, ids cut the same way everywhere, tables that stay tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from by_hand.desk import Desk, PlayError, shortened, value

ID, OTHER = "0x" + "ab12cd" + "34" * 29, "0x" + "99" * 20


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    (tmp_path / "table").write_text(f"record{' ' * 62}who\n{ID}  -\n{ID}  {OTHER}\n")
    return Desk(tmp_path, {"PATH": "/usr/bin:/bin"}, {})


def test_ids_are_cut_and_words_are_not() -> None:
    request = "4512345678901234567890123456789012345678901234567890"

    assert shortened(f"{ID} {OTHER} {request}") == "0xab12cd… 0x999999… 451234…"
    assert shortened("0xab12cd 1795654923 2026-11-26 01:02:03") == "0xab12cd 1795654923 2026-11-26 01:02:03"


def test_transcript_holds_what_was_typed_and_answered(desk: Desk) -> None:
    desk.rule(3, "Exclusions", "A deny.")
    desk.type("echo recordId: " + ID)
    desk.do("echo unseen")
    desk.type("echo refused >&2; exit 1", status=1)

    assert desk.text() == (
        "\n## 3. Exclusions\n\nA deny.\n\n```console\n$ echo recordId: 0xab12cd…\nrecordId: 0xab12cd…\n"
        "$ echo refused >&2; exit 1\nrefused\n[exit code 1]\n```\n"
    )


def test_table_is_set_anew_with_empty_cells_in_their_place(desk: Desk) -> None:
    desk.type("cat table")

    assert desk.text().splitlines()[3:6] == ["record     who", "0xab12cd…  -", "0xab12cd…  0x999999…"]


@pytest.mark.parametrize("line", ["exit 2", "echo one >&2; echo two >&2; exit 1"])
def test_command_that_ends_otherwise_or_says_more_than_a_line_ends_the_play(desk: Desk, line: str) -> None:
    with pytest.raises(PlayError):
        desk.type(line, status=1)


def test_long_command_is_broken_before_options(desk: Desk) -> None:
    desk.type("true " + " ".join(f"--option-{n} {'v' * 20}" for n in range(8)))

    lines = desk.text().splitlines()[2:-1]
    assert len(lines) > 1
    assert all(len(line) <= 120 for line in lines)
    assert all(line.startswith("    --option-") for line in lines[1:])


def test_value_is_taken_from_an_answer_by_its_name() -> None:
    assert value("actHash", f"act: x\nactHash: {ID}\n") == ID
    with pytest.raises(PlayError):
        value("actHash", "act: x\n")
