"""What the format document lists is what the reports have."""

from __future__ import annotations

import re

from consentry.reports.disclosures import Period, disclosures_of, recipients_of
from consentry.reports.incident import Concerned, incident_of
from consentry.reports.names import Names
from consentry.reports.opened import OpenedTables
from consentry.reports.overview import overview_of
from consentry.reports.words import words_of
from tests.support.province import HOSPITALS, patient
from tests.unit.reports.pattern_table import DOCUMENT, inside, table_of


def test_table_of_patterns_is_the_one_in_the_documents() -> None:
    assert inside(DOCUMENT.read_text(encoding="utf-8")) == table_of()


def test_lists_of_every_kind_are_those_in_the_documents(tables: OpenedTables) -> None:
    documents = (
        overview_of(tables, Names(), words_of("en")).document,
        disclosures_of(tables, [patient(4).subject], Period(), Names()),
        recipients_of(tables, HOSPITALS[1].address, Period(), Names()),
        incident_of(tables, Concerned(), Period(), Names()),
    )
    lines = re.findall(r"^\| `(\w+)` \| (`\w+`(?:, `\w+`)*) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    listed = {kind: re.findall(r"\w+", names) for kind, names in lines}

    assert listed == {document.kind: [sheet.name for sheet in document.sheets] for document in documents}
