"""The table of patterns in the documents; ``python -m tests.unit.reports.pattern_table`` writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from consentry.reports.overview import ALL_PATTERNS
from consentry.reports.patterns import number_text
from consentry.reports.words import words_of

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "formats" / "audit-report.md"
_BEGIN, _END = "<!-- patterns -->\n", "<!-- end of patterns -->\n"


def table_of() -> str:
    """Gives the table: each pattern, what it says with its defaults, and its thresholds by name."""
    head = "\n| kind | what it looks for, with the defaults | thresholds | evidence |\n|---|---|---|---|\n"
    words = words_of("en")
    lines = [
        f"| `{each.kind}` | {each.sentence(words)} | "
        f"{', '.join(f'`{name}` = {number_text(at)}' for name, at in each.thresholds.items())} | {each.source} |\n"
        for each in ALL_PATTERNS
    ]
    return head + "".join(lines) + "\n"


def inside(text: str) -> str:
    """Gives what stands between the marks of a document."""
    return text.partition(_BEGIN)[2].partition(_END)[0]


if __name__ == "__main__":
    known = DOCUMENT.read_text(encoding="utf-8")
    before, after = known.partition(_BEGIN)[0], known.partition(_END)[2]
    DOCUMENT.write_text(before + _BEGIN + table_of() + _END + after, encoding="utf-8")
