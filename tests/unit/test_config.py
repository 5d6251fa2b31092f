"""Settings: where they come from, which source wins, what is shown of them, and what the manual says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from consentry.config import Settings, load_settings
from consentry.errors import ConfigurationError

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "operating.md"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A settings file with a port; no variable of the machine counts."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CONSENTRY_{name.upper()}", raising=False)
    path = tmp_path / "gateway.toml"
    path.write_text("port = 1001\nsession_seconds = 60\n")
    return path


def test_argument_wins_over_variable_and_variable_over_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().port == 18080
    assert load_settings(file).port == 1001
    monkeypatch.setenv("CONSENTRY_PORT", "1002")
    assert load_settings(file).port == 1002
    assert load_settings(file, port=1003).port == 1003
    assert load_settings(file, port=1003).session_seconds == 60


@pytest.mark.parametrize("line", ["prot = 1", 'port = "secret-value"', "port = "])
def test_setting_that_cannot_be_used_is_named_without_its_value(file: Path, line: str) -> None:
    file.write_text(line)

    with pytest.raises(ConfigurationError) as caught:
        load_settings(file)

    assert "secret-value" not in caught.value.message


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('custodian = "0xAB"', "custodian (expected 0x and 40 lower-case hexadecimal digits)"),
        ("port = 65536", "port (expected a number from 0 to 65535)"),
        ('log_store = "bucket/tiles"', "log_store (expected s3://BUCKET/PREFIX)"),
        ("prot = 1", "prot (there is no such setting)"),
        ('max_body_bytes = 0\nengine = "geth"', "engine (expected embedded or besu), max_body_bytes (expected a whole"),
    ],
)
def test_setting_that_cannot_be_used_is_told_with_the_form_expected(file: Path, line: str, said: str) -> None:
    file.write_text(line)

    with pytest.raises(ConfigurationError, match=re.escape(f"settings cannot be used: {said}")):
        load_settings(file)


def test_description_hides_the_password_of_a_database_url(file: Path, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql+psycopg://gateway:hidden-in-file@db/consentry\n")
    url = "postgresql+psycopg://gateway:p@ss:word@db.test:5432/consentry"

    assert load_settings(file, database_url=url).describe()["database_url"] == (
        "postgresql+psycopg://***@db.test:5432/consentry"
    )
    assert "hidden-in-file" not in str(load_settings(file, database_url_file=secret).describe())


def shown_default(setting: FieldInfo) -> str:
    """Gives a default as the manual writes it: empty for one that is made from other settings."""
    if setting.default in (None, ""):
        return ""
    return f"`{str(setting.default).lower() if isinstance(setting.default, bool) else setting.default}`"


def test_manual_lists_every_setting_with_its_default_and_meaning() -> None:
    section = MANUAL.read_text().partition("## Settings")[2]
    listed = re.findall(r"^\| `(\w+)` \| ?(.*?) \| (.+) \|$", section, re.MULTILINE)

    assert listed == [
        (name, shown_default(setting), setting.description) for name, setting in Settings.model_fields.items()
    ]
