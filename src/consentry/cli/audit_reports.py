"""``consentry audit report|disclosures|institution|incident|fhir``: what people read, from the tables of an audit."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from consentry.cli import values
from consentry.cli.evidence import paper_signer
from consentry.cli.options import SettingsFile
from consentry.cli.output import AsJson
from consentry.config import load_settings
from consentry.errors import InvalidInputError
from consentry.ledger.embedded.durable import explained, write_synced
from consentry.papers.fonts import load_fonts
from consentry.papers.report import report_pdf
from consentry.reports.audit_events import write_events
from consentry.reports.disclosures import END_OF_TIME, Period, disclosures_of, recipients_of
from consentry.reports.document import Document
from consentry.reports.exports import as_json as document_json
from consentry.reports.exports import as_text, write_csv
from consentry.reports.incident import Concerned, incident_of
from consentry.reports.names import Names, read_names
from consentry.reports.opened import OpenedTables
from consentry.reports.overview import overview_of
from consentry.reports.page import Formatter, Section, plain_sections, write_page
from consentry.reports.printed import printed
from consentry.reports.report_page import report_sections
from consentry.reports.words import Words, words_of

_HOUR: Final = 3600
_EARLIEST, _LATEST = -12, 14
"""Hours by which any clock in the world differs from UTC."""
Folder = Annotated[Path, typer.Argument(help="folder of an audit that is over")]
Language = Annotated[str, typer.Option("--language", help="zh or en")]
NamesFile = Annotated[Path | None, typer.Option("--names", help="CSV with id, name, contact of who is meant")]
Page = Annotated[Path | None, typer.Option("--out", help="page of HTML to write")]
Pdf = Annotated[Path | None, typer.Option("--pdf", help="PDF/A-3a to print, signed if a certificate is configured")]
CsvFolder = Annotated[Path | None, typer.Option("--csv", help="folder for CSV files, one a list")]
UtcOffset = Annotated[float, typer.Option("--utc-offset", help="hours by which local time is ahead of UTC")]
Since = Annotated[str, typer.Option("--from", help="from this moment, as YYYY-MM-DD or with a time, UTC")]
Until = Annotated[str, typer.Option("--to", help="until this moment, which is no longer within")]
Institution = Annotated[str, typer.Option("--institution", help="address of an institution")]


@dataclass(frozen=True, slots=True)
class _Form:
    """In which forms a document is wanted."""

    language: str
    page: Path | None
    pdf: Path | None
    csv: Path | None
    as_json: bool
    utc_offset: float
    settings: Path | None

    @property
    def words(self) -> Words:
        return words_of(self.language)

    @property
    def seconds(self) -> int:
        if not _EARLIEST <= self.utc_offset <= _LATEST:
            raise InvalidInputError(
                f"utc-offset does not match (got {self.utc_offset:g}, expected hours from -12 to 14)"
            )
        return round(self.utc_offset * _HOUR)

    def give(self, document: Document, sections: Callable[[Formatter], Sequence[Section]]) -> None:
        """Writes what is wanted; without any file, answers in text."""
        formatter = Formatter(self.words, self.seconds)
        if self.page:
            _write(self.page, write_page(document, sections(formatter), formatter))
        if self.pdf:
            self._print(self.pdf, printed(document, sections(formatter), formatter))
        if self.csv:
            write_csv(document, self.csv)
        if self.as_json:
            typer.echo(json.dumps(document_json(document)))
        elif not self.page and not self.pdf and not self.csv:
            for line in as_text(document, self.words):
                typer.echo(line)

    def give_plain(self, document: Document) -> None:
        """As `give`, for a document whose page has its lists in their order."""
        self.give(document, lambda formatter: plain_sections(document, formatter))

    def _print(self, path: Path, report: Mapping[str, Any]) -> None:
        values.check_target(path)
        known = load_settings(self.settings)
        signer = paper_signer(known)
        made = report_pdf(report, load_fonts(known.font_folder))
        with explained("writing a file"):
            write_synced(path, made if signer is None else signer.sign(made))


def report(
    folder: Folder,
    *,
    out: Page = None,
    pdf: Pdf = None,
    csv: CsvFolder = None,
    language: Language = "en",
    names: NamesFile = None,
    thresholds: Annotated[
        Path | None, typer.Option("--thresholds", help="TOML with other thresholds of patterns: a table a pattern")
    ] = None,
    utc_offset: UtcOffset = 8,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Reports what an audit found, hints of patterns, and how much was asked, refused, owed and recognised, where."""
    form = _Form(language, out, pdf, csv, as_json, utc_offset, settings)
    with OpenedTables(folder) as tables:
        other = _thresholds(thresholds) if thresholds else {}
        overview = overview_of(tables, _names(names), form.words, thresholds=other, utc_offset=form.seconds)
    form.give(overview.document, lambda formatter: report_sections(overview, formatter))


def disclosures(
    folder: Folder,
    *,
    subject: Annotated[list[str], typer.Option("--subject", help="subject of the patient; again for each")],
    since: Since = "",
    until: Until = "",
    out: Page = None,
    pdf: Pdf = None,
    csv: CsvFolder = None,
    language: Language = "en",
    names: NamesFile = None,
    utc_offset: UtcOffset = 8,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Lists who saw a patient's records (45 CFR 164.528, PIPL 45): people one by one, machines counted."""
    wanted = [values.hexadecimal("subject", each, values.ID_SIZE) for each in subject]
    form = _Form(language, out, pdf, csv, as_json, utc_offset, settings)
    with OpenedTables(folder) as tables:
        document = disclosures_of(tables, wanted, _period(since, until), _names(names))
    form.give_plain(document)


def institution_list(
    folder: Folder,
    *,
    institution: Institution,
    since: Since = "",
    until: Until = "",
    out: Page = None,
    pdf: Pdf = None,
    csv: CsvFolder = None,
    language: Language = "en",
    names: NamesFile = None,
    utc_offset: UtcOffset = 8,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Lists to whom an institution's records went, and what it saw of others itself (PIPL 23)."""
    wanted = values.address("institution", institution)
    form = _Form(language, out, pdf, csv, as_json, utc_offset, settings)
    with OpenedTables(folder) as tables:
        document = recipients_of(tables, wanted, _period(since, until), _names(names))
    form.give_plain(document)


def incident(
    folder: Folder,
    *,
    since: Since,
    until: Until,
    institution: Institution = "",
    practitioner: Annotated[str, typer.Option("--practitioner", help="id of who asked")] = "",
    record: Annotated[str, typer.Option("--record", help="id of a record version")] = "",
    custodian: Annotated[str, typer.Option("--custodian", help="address of who keeps the records")] = "",
    out: Page = None,
    pdf: Pdf = None,
    csv: CsvFolder = None,
    language: Language = "en",
    names: NamesFile = None,
    utc_offset: UtcOffset = 8,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Tells what was touched in an incident, whose it is, and whom to tell (PIPL 57)."""
    concerned = Concerned(
        institution=values.address("institution", institution) if institution else None,
        practitioner=values.hexadecimal("practitioner", practitioner, values.ID_SIZE) if practitioner else None,
        record=values.hexadecimal("record", record, values.ID_SIZE) if record else None,
        custodian=values.address("custodian", custodian) if custodian else None,
    )
    form = _Form(language, out, pdf, csv, as_json, utc_offset, settings)
    with OpenedTables(folder) as tables:
        document = incident_of(tables, concerned, _period(since, until), _names(names))
    form.give_plain(document)


def fhir(
    folder: Folder,
    *,
    out: Annotated[Path, typer.Option("--out", help="NDJSON file to write")],
    subject: Annotated[list[str] | None, typer.Option("--subject", help="only of this subject; again for each")] = None,
    since: Since = "",
    until: Until = "",
    as_json: AsJson = False,
) -> None:
    """Writes FHIR R4 AuditEvents (IHE BALP): one for each decision, and one more for each read that was permitted."""
    subjects = [values.hexadecimal("subject", each, values.ID_SIZE) for each in subject or ()]
    with OpenedTables(folder) as tables, out.open("w", encoding="utf-8") as file:
        count = write_events(tables, file, _period(since, until), subjects)
    typer.echo(json.dumps({"events": count}) if as_json else f"{count} AuditEvents written to {out}")


def _period(since: str, until: str) -> Period:
    first = values.moment("from", since) if since else 0
    last = values.moment("to", until) if until else END_OF_TIME
    if first >= last:
        raise InvalidInputError(f"period does not match (got from {first} to {last}, expected an end after its begin)")
    return Period(first, last)


def _names(path: Path | None) -> Names:
    return read_names(path) if path else Names()


def _thresholds(path: Path) -> Mapping[str, Mapping[str, float]]:
    """Reads other thresholds; names are quoted: ``["access.mass-export"]``, then ``subjects = 50``."""
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"thresholds cannot be read ({error})") from error
    for kind, changed in read.items():
        numbers = changed.values() if isinstance(changed, dict) else [None]
        if not all(isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 for value in numbers):
            raise InvalidInputError(f"thresholds of {kind} do not match (expected a table of numbers)")
    return read


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


COMMANDS: Final[Sequence[tuple[str, Callable[..., None]]]] = (
    ("report", report),
    ("disclosures", disclosures),
    ("institution", institution_list),
    ("incident", incident),
    ("fhir", fhir),
)
"""The commands of this module by their names inside ``consentry audit``."""
