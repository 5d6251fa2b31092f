"""Studies made of real DICOM files, and images compared with them, whatever was done to these."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pydicom
import pydicom.data
import pytest
from pydicom.uid import UID

from consentry.client.studies import Study, Verdict, compare, make_study, path_in, read_image, read_study
from consentry.core import batch_tree
from consentry.core.recognitions import StudyRegistration
from consentry.core.terms import RecordId, SubjectId
from consentry.crypto.study import NO_PIXELS, instance_digest, study_hash
from consentry.errors import ConfigurationError, InvalidInputError, VerificationError
from tests.support import samples

CT = Path(str(pydicom.data.get_testdata_file("CT_small.dcm", download=False)))
MR = Path(str(pydicom.data.get_testdata_file("MR_small.dcm", download=False)))


def written(source: Path, target: Path, **changes: Any) -> Path:  # noqa: ANN401 - members
    """Writes a file anew with other members, as an archive does that hands an image out."""
    dataset = pydicom.dcmread(source)
    for name, value in changes.items():
        setattr(dataset, name, value)
    if "SOPInstanceUID" in changes:
        dataset.file_meta.MediaStorageSOPInstanceUID = UID(str(changes["SOPInstanceUID"]))
    dataset.save_as(target)
    return target


@pytest.fixture
def series(tmp_path: Path) -> list[Path]:
    """Three slices of one study."""
    uids = [f"1.2.826.0.1.{number}" for number in (3, 1, 2)]
    return [
        written(CT, tmp_path / f"{uid}.dcm", SOPInstanceUID=uid, PixelData=bytes([number]) * 32_768)
        for number, uid in enumerate(uids)
    ]


def registered(study: Study) -> StudyRegistration:
    about = (RecordId(samples.word(1)), samples.CUSTODIAN, SubjectId(samples.word(2)))
    return StudyRegistration(*about, study.hash, study.root, len(study.images), 1, 2)


def test_image_is_told_by_the_bytes_of_its_file_and_of_its_picture() -> None:
    image = read_image(CT)

    dataset = pydicom.dcmread(CT)
    assert (image.study_uid, image.sop_uid) == (dataset.StudyInstanceUID, dataset.SOPInstanceUID)
    assert image.file_sha256 == hashlib.sha256(CT.read_bytes()).digest()
    assert image.pixels_sha256 == hashlib.sha256(dataset.PixelData).digest()


def test_study_names_its_images_in_the_order_of_their_uids_under_a_key_of_its_own(series: list[Path]) -> None:
    study, again = make_study(series), make_study(series)

    assert [image.sop_uid for image in study.images] == ["1.2.826.0.1.1", "1.2.826.0.1.2", "1.2.826.0.1.3"]
    assert study.images == again.images
    assert {study.hash, study.root} & {again.hash, again.root} == set()
    assert study.hash == study_hash(study.key, study.uid)
    assert study.digests[0] == instance_digest(study.key, study.images[0].file_sha256, study.images[0].pixels_sha256)


def test_manifest_travels_and_tells_the_same(series: list[Path]) -> None:
    study = make_study(series)

    read = read_study(study.to_bytes())

    assert read == study
    read.check_registered(registered(study))
    with pytest.raises(VerificationError):
        read.check_registered(registered(make_study(series)))
    with pytest.raises(VerificationError):
        read_study(make_study(series[:2]).to_bytes()).check_registered(registered(study))


def test_images_received_elsewhere_are_told_apart(series: list[Path], tmp_path: Path) -> None:
    study = make_study(series)
    same = tmp_path / "renamed.dcm"
    same.write_bytes(series[0].read_bytes())
    relabelled = written(series[1], tmp_path / "relabelled.dcm", InstitutionName="Elsewhere")
    touched = written(series[2], tmp_path / "touched.dcm", PixelData=b"\x07" * 32_768)

    found = compare(study, [same, relabelled, touched, MR])

    assert [(each.verdict, each.place) for each in found] == [
        (Verdict.SAME_FILE, 2),
        (Verdict.SAME_PIXELS, 0),
        (Verdict.DIFFERS, 1),
        (Verdict.UNKNOWN, None),
    ]


def test_image_with_a_place_can_be_shown_on_chain(series: list[Path]) -> None:
    study = make_study(series)

    for place in range(3):
        digest, path = path_in(study, place)
        assert batch_tree.root_along(digest, place, 3, path) == study.root


def test_document_without_a_picture_is_told_by_its_file_alone(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(CT)
    del dataset.PixelData
    dataset.save_as(tmp_path / "report.dcm")
    study = make_study([tmp_path / "report.dcm"])
    changed = written(tmp_path / "report.dcm", tmp_path / "changed.dcm", InstitutionName="Elsewhere")

    assert study.images[0].pixels_sha256 == NO_PIXELS
    assert [each.verdict for each in compare(study, [changed])] == [Verdict.DIFFERS]


def test_files_of_several_studies_or_twice_the_same_are_refused(series: list[Path]) -> None:
    for files in ([], [CT, MR], [series[0], series[0]]):
        with pytest.raises(InvalidInputError):
            make_study(files)


def test_what_is_no_image_or_no_manifest_is_refused(tmp_path: Path, series: list[Path]) -> None:
    text = tmp_path / "text.dcm"
    text.write_bytes(b"no image")
    with pytest.raises(InvalidInputError):
        read_image(text)
    with pytest.raises(ConfigurationError):
        read_image(tmp_path / "missing.dcm")
    good = json.loads(make_study(series).to_bytes())
    for spoiled in (
        {**good, "format": "consentry.study/v2"},
        {**good, "instances": []},
        {**good, "key": "0x01"},
        {**good, "studyUid": "1.2 3"},
        {name: value for name, value in good.items() if name != "key"},
        {**good, "instances": [{"sopUid": "1.2"}]},
    ):
        with pytest.raises(InvalidInputError):
            read_study(json.dumps(spoiled).encode())
    with pytest.raises(InvalidInputError):
        read_study(b"[" * 100)
