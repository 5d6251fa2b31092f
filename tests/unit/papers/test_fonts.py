"""The fonts of papers, and what happens without them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from consentry.errors import ConfigurationError
from consentry.papers import fonts
from consentry.papers.fonts import FAMILY, load_fonts


def test_installed_fonts_are_found_in_both_weights_and_none_of_the_machine() -> None:
    found = load_fonts().fonts()

    assert {font.weight for font in found if font.family == FAMILY} == {400, 700}
    assert [font.path for font in found if font.path and "node_modules" not in font.path] == []


def test_fonts_of_another_folder_are_taken_instead(tmp_path: Path) -> None:
    _link(tmp_path, "400Regular", "700Bold")

    assert {Path(font.path).parent for font in load_fonts(tmp_path).fonts() if font.path} == {tmp_path}


def test_missing_fonts_are_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"got no Noto Sans SC of weight 400 and 700 in .*run scripts/setup"):
        load_fonts(tmp_path / "none")


def test_one_missing_weight_is_named(tmp_path: Path) -> None:
    _link(tmp_path, "400Regular")

    with pytest.raises(ConfigurationError, match="got no Noto Sans SC of weight 700 in"):
        load_fonts(tmp_path)


def _link(folder: Path, *cuts: str) -> None:
    installed = Path(fonts.__file__).parent / "fonts" / "node_modules" / "@expo-google-fonts" / "noto-sans-sc"
    for cut in cuts:
        [file] = (installed / cut).glob("*.ttf")
        shutil.copy(file, folder)
