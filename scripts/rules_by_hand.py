"""Plays every rule at the command line on the embedded chain, and writes what was typed and answered.

The page is written once every command ended as the play expects: a command that answers otherwise ends it with 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import pydicom
import pydicom.data
from pydicom.uid import UID

from by_hand import consents, grounds, institutions, patients, people, records
from by_hand.desk import PlayError, open_desk

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "rules-by-hand.md"
SCENES = (
    *(patients.begin, people.guardians, people.keys, consents.exclusions, consents.asks, consents.assisted),
    *(grounds.emergencies, grounds.authorisations, consents.limits, records.recognition, records.ends),
    *(consents.revocations, people.persons, institutions.governance, institutions.bulk),
)
HEAD = """\
# The rules by hand

Every rule of [rules.md](rules.md), typed at the command line before an embedded chain and the gateway of hospital A,
all in one run; `./scripts/rules` plays it again and writes this page anew. At the desk lie the key files of both
hospitals and of officers of three authorities, and `reason.txt`, a private file with the reason of an emergency in
words; `consentry` finds gateway and node by its settings. Every patient but the first is enrolled, and has an image, as
the first one.

Hashes, addresses and numbers of requests are cut after six digits. Of receipts only the place in the two logs is shown,
of a notice mostly its first line. An answer that ended with another code than 0 is followed by that code: what it means
stands in [commands.md](commands.md).
"""


def _put_files(place: Path) -> None:
    """Puts files at the desk.

    They are an image, its correction, a study of two that were relabelled and touched elsewhere, and why an emergency
    is one.
    """
    (place / "reason.txt").touch(0o600)
    (place / "reason.txt").write_text("found unconscious, medication unknown\n")
    image = Path(str(pydicom.data.get_testdata_file("CT_small.dcm", download=False)))
    (place / "ct.dcm").write_bytes(image.read_bytes())
    (place / "better.dcm").write_bytes(image.read_bytes() + bytes(2))
    for number in (1, 2):
        dataset = pydicom.dcmread(image)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(f"1.2.826.0.1.{number}")
        dataset.save_as(place / f"slice{number}.dcm")
    elsewhere = pydicom.dcmread(place / "slice1.dcm")
    elsewhere.InstitutionName = "Elsewhere"
    elsewhere.save_as(place / "relabelled.dcm")
    elsewhere.PixelData = bytes(len(elsewhere.PixelData))
    elsewhere.save_as(place / "touched.dcm")


def main() -> int:
    """Plays the scenes; gives the exit code."""
    names = [scene.__name__ for scene in SCENES]
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", choices=names, action="append", help="a scene to play, without writing; repeatable")
    chosen = options.parse_args().only
    with tempfile.TemporaryDirectory() as folder, open_desk(Path(folder)) as desk:
        _put_files(Path(folder) / "desk")
        try:
            for scene in SCENES:
                if not chosen or scene.__name__ in chosen:
                    scene(desk)
        except PlayError as error:
            sys.stderr.write(f"rules: {error}\n")
            return 1
        if not chosen:
            PAGE.write_text(HEAD + desk.text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
