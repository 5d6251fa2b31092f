"""Imaging studies: a manifest that names every image by its digests, and images compared with it.

The manifest is what is anchored as the record of the study, and what a grantee is given. With it anybody who has
images, from wherever, can tell whether they are those of the study, and show it on chain.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Final

from pydantic_core import from_json

from consentry.core import batch_tree
from consentry.core.recognitions import StudyRegistration
from consentry.crypto.study import NO_PIXELS, instance_digest, new_study_key, study_hash
from consentry.errors import ConfigurationError, InvalidInputError, VerificationError
from consentry.evidence.notation import bytes_of, hex_of

FORMAT: Final = "consentry.study/v1"
MEDIA_TYPE: Final = "application/vnd.consentry.study+json"
_UID_LENGTH: Final = 64


@dataclass(frozen=True, slots=True)
class Image:
    """One DICOM instance, by its UIDs and digests."""

    study_uid: str
    sop_uid: str
    file_sha256: bytes
    pixels_sha256: bytes


@dataclass(frozen=True, slots=True)
class Study:
    """A manifest: the key of the hashes, the study's UID, and its images in the order of their UIDs."""

    key: bytes
    uid: str
    images: tuple[Image, ...]

    @property
    def hash(self) -> bytes:
        """The keyed hash of the UID, as it is registered."""
        return study_hash(self.key, self.uid)

    @property
    def digests(self) -> list[bytes]:
        """The keyed digest of each image, in order."""
        return [instance_digest(self.key, image.file_sha256, image.pixels_sha256) for image in self.images]

    @property
    def root(self) -> bytes:
        """The root over the digests, as it is registered."""
        return batch_tree.root_of(self.digests)

    def to_bytes(self) -> bytes:
        """Encodes the manifest, as it is anchored."""
        content = {
            "format": FORMAT,
            "key": hex_of(self.key),
            "studyUid": self.uid,
            "instances": [
                {"sopUid": i.sop_uid, "file": hex_of(i.file_sha256), "pixels": hex_of(i.pixels_sha256)}
                for i in self.images
            ],
        }
        return json.dumps(content, indent=1).encode() + b"\n"

    def check_registered(self, act: StudyRegistration) -> None:
        """Checks that a registration is that of this manifest.

        Raises:
            VerificationError: it is of another study, or of other images.
        """
        registered = act.study_hash, act.instances_root, act.instances
        if registered != (self.hash, self.root, len(self.images)):
            raise VerificationError("manifest does not match the study that was registered")


class Verdict(StrEnum):
    """What can be told of an image."""

    SAME_FILE = "same file"
    SAME_PIXELS = "same pixels"
    """The picture is the registered one, what is written around it is not."""
    DIFFERS = "differs"
    """The image claims to be one of the study, and is not."""
    UNKNOWN = "not in the study"


@dataclass(frozen=True, slots=True)
class Compared:
    """An image compared; ``place`` is the one in the study it matches or claims, none if there is none."""

    path: Path
    verdict: Verdict
    place: int | None


def read_image(path: Path) -> Image:
    """Reads one DICOM file.

    Raises:
        ConfigurationError: the file cannot be read.
        InvalidInputError: it is no DICOM instance of a study.
    """
    try:
        content = path.read_bytes()
    except OSError:
        raise ConfigurationError(f"file {path} cannot be read") from None
    return image_in(content, f"file {path}")


def image_in(content: bytes, what: str) -> Image:
    """Reads the bytes of a DICOM file.

    Args:
        content: of the file.
        what: says in a message which file it is.

    Raises:
        InvalidInputError: it is no DICOM instance of a study.
    """
    import pydicom  # noqa: PLC0415 - loads for longer than most commands take

    try:
        found = pydicom.dcmread(BytesIO(content))
        study_uid, sop_uid = str(found.StudyInstanceUID), str(found.SOPInstanceUID)
        pixels = bytes(found.PixelData) if "PixelData" in found else None
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - pydicom tells a broken file by whatever its parts happen to raise
        raise InvalidInputError(f"{what} is no DICOM instance of a study") from None
    hashed = NO_PIXELS if pixels is None else hashlib.sha256(pixels).digest()
    return Image(_uid(study_uid), _uid(sop_uid), hashlib.sha256(content).digest(), hashed)


def make_study(paths: Sequence[Path]) -> Study:
    """Makes the manifest of some DICOM files of one study, under a fresh key.

    Raises:
        InvalidInputError: there are none, they are of several studies, or an image comes twice.
    """
    images = sorted((read_image(path) for path in paths), key=lambda image: image.sop_uid)
    studies = {image.study_uid for image in images}
    if len(studies) != 1:
        raise InvalidInputError(f"number of studies does not match (got {len(studies)}, expected 1)")
    if len({image.sop_uid for image in images}) != len(images):
        raise InvalidInputError("an image comes twice")
    return Study(new_study_key(), studies.pop(), tuple(images))


def read_study(content: bytes) -> Study:
    """Reads a manifest.

    Raises:
        InvalidInputError: it is none.
    """
    try:
        found = from_json(content)
        if found["format"] != FORMAT or not found["instances"]:
            raise InvalidInputError("format of the manifest does not match")
        uid = _uid(found["studyUid"])
        images = tuple(
            Image(uid, _uid(i["sopUid"]), bytes_of(i["file"], 32), bytes_of(i["pixels"], 32))
            for i in found["instances"]
        )
        return Study(bytes_of(found["key"], 32), uid, images)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InvalidInputError("file is no manifest of a study") from None


def compare(study: Study, paths: Sequence[Path]) -> list[Compared]:
    """Compares DICOM files with a manifest, whatever way they came."""
    return [_compared(study, path, read_image(path)) for path in paths]


def _compared(study: Study, path: Path, image: Image) -> Compared:
    by_file = {known.file_sha256: place for place, known in enumerate(study.images)}
    if image.file_sha256 in by_file:
        return Compared(path, Verdict.SAME_FILE, by_file[image.file_sha256])
    claimed = next((place for place, known in enumerate(study.images) if known.sop_uid == image.sop_uid), None)
    if claimed is None:
        return Compared(path, Verdict.UNKNOWN, None)
    same = image.pixels_sha256 != NO_PIXELS and image.pixels_sha256 == study.images[claimed].pixels_sha256
    return Compared(path, Verdict.SAME_PIXELS if same else Verdict.DIFFERS, claimed)


def path_in(study: Study, place: int) -> tuple[bytes, tuple[bytes, ...]]:
    """Gives the digest and the path that show an image on chain."""
    digests = study.digests
    return digests[place], batch_tree.path_of(digests, place)


def _uid(text: object) -> str:
    if not isinstance(text, str) or not 0 < len(text) <= _UID_LENGTH or not set(text) <= set("0123456789."):
        raise InvalidInputError("UID does not match (expected up to 64 digits and dots)")
    return text
