"""The table of planted wrongs in the documents; ``python -m tests.unit.reports.planted_table`` writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.unit.reports.planted_patterns import PATTERNS
from tests.unit.reports.planted_wrongs import WRONGS

TABLE: Final = Path(__file__).parents[3] / "docs" / "planted-wrongs.md"
_COLUMNS: Final = "\n| planted | what is done | found as |\n|---|---|---|\n"
_HEAD: Final = """# Planted wrongs

What is planted, each alone, in a synthetic province of four hospitals, sixteen patients and a month of work, and what
the audit and its report find it as. The province without any of them has no finding and no pattern. This page is made
by `tests/unit/reports/planted_table.py` from `tests/unit/reports/planted_wrongs.py` and
`tests/unit/reports/planted_patterns.py`; a test compares it with them.

{wrongs} wrongs break a rule; every kind of finding there is occurs. One wrong often shows in more than one way: a
hidden access leaves a gap in the patient's numbers, one in the hospital's, and a head that differs. The test asks for
the kind in the table.
"""
_PATTERNS: Final = """
{patterns} more break no rule, and are found by a pattern of what people do
([why and how](adr/0048-reports-have-a-room.md)). The audit itself finds nothing here, and no other pattern than those
named answers.
"""


def table_of() -> str:
    """Gives the page as it has to be."""
    wrongs = "".join(f"| {each.name} | {each.does} | `{each.kind}` |\n" for each in WRONGS)
    patterns = "".join(
        f"| {each.name} | {each.does} | {', '.join(f'`{kind}`' for kind in each.kinds)} |\n" for each in PATTERNS
    )
    head, between = _HEAD.format(wrongs=len(WRONGS)), _PATTERNS.format(patterns=len(PATTERNS))
    return head + _COLUMNS + wrongs + between + _COLUMNS + patterns


if __name__ == "__main__":
    TABLE.write_text(table_of(), encoding="utf-8")
