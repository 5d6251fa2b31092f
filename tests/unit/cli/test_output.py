"""How commands answer people: every value on a line of its own, those inside another indented below its name."""

from __future__ import annotations

import pytest

from consentry.cli.output import answer

VALUES = {"permitted": False, "receipt": {"blockNumber": 7, "proof": {"root": "0x1", "path": ["0x2"]}}, "file": "a b"}


def test_answer_shows_nested_values_indented(capsys: pytest.CaptureFixture[str]) -> None:
    answer(VALUES, as_json=False)

    assert capsys.readouterr().out.splitlines() == [
        "permitted: no",
        "receipt:",
        "  blockNumber: 7",
        "  proof:",
        "    root: 0x1",
        '    path: ["0x2"]',
        "file: a b",
    ]
