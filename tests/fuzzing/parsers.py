"""Every parser of foreign bytes, in one table."""

from __future__ import annotations

from typing import Final

from tests.fuzzing.of_evidence import EVIDENCE
from tests.fuzzing.of_people import PEOPLE
from tests.fuzzing.parser import Parser

PARSERS: Final[dict[str, Parser]] = {parser.name: parser for parser in (*EVIDENCE, *PEOPLE)}
