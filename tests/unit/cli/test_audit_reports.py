"""The reports from the command line, from the tables of an audit to files: nothing but a folder is needed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consentry.cli import app
from consentry.errors import ConfigurationError, InvalidInputError
from consentry.reports.words import words_of
from tests.support.audit_folder import audited
from tests.support.pdf_text import text_of
from tests.support.province import HOSPITALS, patient, staff
from tests.support.province_life import eventful_month

SUBJECT = "0x" + patient(4).subject.hex()
HOSPITAL = "0x" + HOSPITALS[2].address.hex()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("audit")
    asyncio.run(audited(eventful_month().reader(), made))
    return made


def _run(folder: Path, command: str, *options: str) -> str:
    result = CliRunner().invoke(app, ["audit", command, str(folder), *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


DOCUMENTS = {
    "report": ((), "institutions"),
    "disclosures": (("--subject", SUBJECT), "accesses"),
    "institution": (("--institution", HOSPITAL), "recipients"),
    "incident": (
        ("--from", "2027-02-01", "--to", "2027-02-20", "--practitioner", "0x" + staff(2, 2).hex()),
        "subjects_to_tell",
    ),
}


@pytest.mark.parametrize("command", DOCUMENTS)
def test_document_is_written_as_page_and_csv_and_answered_as_json(folder: Path, tmp_path: Path, command: str) -> None:
    options, sheet = DOCUMENTS[command]
    page, tables = tmp_path / "page.html", tmp_path / "csv"

    told = json.loads(_run(folder, command, *options, "--out", str(page), "--csv", str(tables), "--json"))

    assert told["kind"] == command
    assert page.read_text("utf-8").startswith("<!doctype html>")
    lines = (tables / f"{command}-{sheet.replace('_', '-')}.csv").read_text("utf-8").splitlines()
    assert len(lines) == len(told[sheet]) + 1


@pytest.mark.parametrize("command", DOCUMENTS)
def test_document_is_printed_the_same_each_time(folder: Path, tmp_path: Path, command: str) -> None:
    options, sheet = DOCUMENTS[command]
    first, second = tmp_path / "first.pdf", tmp_path / "second.pdf"

    assert _run(folder, command, *options, "--language", "en", "--pdf", str(first)) == ""
    _run(folder, command, *options, "--language", "en", "--pdf", str(second))

    words = words_of("en")
    said = (words.document(command), words.sheet(sheet), words.said("ids_cut"), words.said("notes"))
    text = text_of(first.read_bytes())
    assert [each for each in said if each.replace(" ", "") not in text] == []
    assert first.read_bytes() == second.read_bytes()


def test_paper_that_cannot_be_printed_is_refused(folder: Path, tmp_path: Path) -> None:
    settings = tmp_path / "s.toml"
    settings.write_text(f'font_folder = "{tmp_path}"\n')

    for options, error, said in (
        (["--pdf", str(tmp_path)], InvalidInputError, "is a folder"),
        (["--pdf", str(tmp_path / "r.pdf"), "--settings", str(settings)], ConfigurationError, "no Noto Sans SC"),
    ):
        with pytest.raises(error, match=said):
            _run(folder, "report", *options)


@pytest.mark.parametrize("command", DOCUMENTS)
def test_document_is_answered_in_lines_of_the_language(folder: Path, command: str) -> None:
    options, _ = DOCUMENTS[command]

    chinese, english = (_run(folder, command, *options, "--language", each) for each in ("zh", "en"))

    assert chinese.splitlines()[0] != english.splitlines()[0]
    assert _run(folder, command, *options) == english
    assert len(chinese.splitlines()) == len(english.splitlines()) > 10


def test_report_uses_other_thresholds_and_names(folder: Path, tmp_path: Path) -> None:
    thresholds, names = tmp_path / "t.toml", tmp_path / "n.csv"
    thresholds.write_text('["access.mass-export"]\nsubjects = 1\n')
    names.write_text(f"id,name,contact\n{HOSPITAL},Third Hospital,x\n")

    told = json.loads(_run(folder, "report", "--thresholds", str(thresholds), "--names", str(names), "--json"))

    assert {row["kind"] for row in told["patterns"]} == {"access.mass-export"}
    assert [row["institution"] for row in told["institutions"] if row["institution_name"]] == [HOSPITAL]


def test_audit_events_are_written_one_a_line(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "events.ndjson"

    told = json.loads(_run(folder, "fhir", "--out", str(out), "--subject", SUBJECT, "--json"))

    lines = out.read_text().splitlines()
    assert told == {"events": len(lines)}
    assert {json.loads(line)["resourceType"] for line in lines} == {"AuditEvent"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("disclosures", "--subject", "0x12"), "subject does not match"),
        (("disclosures", "--subject", "0x" + "11" * 32), "no such subject in the tables"),
        (("disclosures", "--subject", SUBJECT, "--from", "2027-03-01", "--to", "2027-03-01"), "period does not match"),
        (("institution", "--institution", "0x" + "11" * 20), "no such institution in the tables"),
        (("report", "--language", "fr"), "language does not match"),
        (("report", "--utc-offset", "25"), "utc-offset does not match"),
    ],
)
def test_what_makes_no_sense_is_refused(folder: Path, options: tuple[str, ...], said: str) -> None:
    command, *rest = options
    with pytest.raises(InvalidInputError, match=said):
        _run(folder, command, *rest)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "thresholds of x do not match"),
        ('["access.mass-export"]\nsubjects = "many"\n', "thresholds of access.mass-export do not match"),
        ("[", "thresholds cannot be read"),
        ('["a.b"]\nc = -1\n', "thresholds of a.b do not match"),
    ],
)
def test_thresholds_that_are_none_are_refused(folder: Path, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "t.toml"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=said):
        _run(folder, "report", "--thresholds", str(path))
