"""``consentry audit``: what is refused before a node is asked."""

from __future__ import annotations

import pytest

from tests.unit.cli.conftest import Run


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--chain-only", "run"), "got them before run, expected behind"),
        (("--json", "sql", "audited"), "got them before sql, expected behind"),
        (("--settings", "own.toml", "report", "audited"), "got them before report, expected behind"),
        (("run", "--node", "somewhere"), "somewhere"),
        (("run", "--from", "-1"), "greater than or equal to 0"),
    ],
)
def test_options_that_would_be_lost_or_cannot_be_are_one_line(run: Run, words: tuple[str, ...], said: str) -> None:
    ended = run("audit", *words)

    assert (ended.status, said in ended.err, len(ended.err.splitlines())) == (2, True, 1), ended
