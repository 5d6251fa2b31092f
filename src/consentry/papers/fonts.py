"""The fonts of papers, and the check that they are there: typst prints an empty box for what it has no glyph for.

Noto Sans SC (SIL Open Font License 1.1) comes from npm by ``fonts/package-lock.json``, which names the hash of the
package; ``scripts/setup`` installs it. Fonts of the machine take no part, so a paper looks the same everywhere.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

import typst

from consentry.errors import ConfigurationError

FAMILY: Final = "Noto Sans SC"
_WEIGHTS: Final = (400, 700)
_INSTALLED: Final = ("fonts", "node_modules", "@expo-google-fonts", "noto-sans-sc")
_CUTS: Final = ("400Regular", "700Bold")
"""Folders of the package that hold the two weights papers are printed in; the other seven are not looked at."""


def load_fonts(folder: Path | None = None) -> typst.Fonts:
    """Finds the fonts, and checks that they are those papers need.

    Args:
        folder: where the font files lie; where setup installed them if it is not given.

    Returns:
        Them, and the Latin fonts that typst brings with it.

    Raises:
        ConfigurationError: Noto Sans SC is missing there in one of the two weights.
    """
    installed = Path(str(files("consentry.papers"))).joinpath(*_INSTALLED)
    places = [folder] if folder is not None else [installed / cut for cut in _CUTS]
    there = [str(place) for place in places if place.is_dir()]
    found = typst.Fonts(include_system_fonts=False, font_paths=there)
    weights = {font.weight for font in found.fonts() if font.family == FAMILY}
    missing = [str(weight) for weight in _WEIGHTS if weight not in weights]
    if missing:
        raise ConfigurationError(
            f"fonts do not match (got no {FAMILY} of weight {' and '.join(missing)} in {folder or installed}, "
            "expected both weights: run scripts/setup, or name a folder that has them with the setting font_folder)"
        )
    return found
