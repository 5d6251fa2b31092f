"""The end of a record, and results and studies that travel, at the command lines of two hospitals and a patient."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pydicom.data
import pytest
from pydicom.uid import UID

from consentry.demo.network import HOSPITALS, Network
from tests.integration.test_commands import SOMEBODY, Desk, asking, enrolled, granted

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
A, B = (party.name for party in HOSPITALS)
CT = Path(str(pydicom.data.get_testdata_file("CT_small.dcm", download=False)))
STUDY = ("--sensitivity", "3", "--month", "2004-01")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    network = Network(tmp_path_factory.mktemp("custody"))
    try:
        url = network.start_chain().url or ""
        asyncio.run(network.deploy())
        gateway = network.start_gateway(A).url
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CONSENTRY_")},
            "CONSENTRY_STATE_DIR": str(network.folder(B)),
            "CONSENTRY_GATEWAY_URL": gateway,
            "CONSENTRY_NODE_URL": url,
            "NO_COLOR": "1",
        }
        yield Desk(tmp_path_factory.mktemp("desk"), network, environment)
    finally:
        network.stop()


def _of_a(desk: Desk) -> tuple[str, ...]:
    return ("--key", desk.key(A), "--institution", "0x" + desk.network.key(A).address.hex())


def _of_b(desk: Desk) -> tuple[str, ...]:
    return ("--key", desk.key(B))


def _old_record(desk: Desk, subject: str) -> str:
    described = ("--subject", subject, "--category", "laboratory", "--sensitivity", "3", "--month", "1996-05")
    return str(desk.must("record", "add", str(CT), *described, *_of_a(desk))["recordId"])


def _officer(desk: Desk, name: str) -> str:
    desk.must("key", "new", f"{name}.key")
    signer = desk.must("key", "show", f"{name}.key")["signer"]
    own = "0x" + desk.network.key(A).address.hex()
    admitting = ("act", "erasure-officer-admission", "--institution", own, "--officer", signer)
    desk.must(*admitting, "--key", desk.key(A), "--key", f"{name}.key")
    return str(signer)


def test_record_is_restricted_erased_by_two_people_and_attested(desk: Desk) -> None:
    subject = enrolled(desk, "ending")
    record, other = _old_record(desk, subject), _old_record(desk, subject)
    code = desk.folder / "card.code"
    code.write_text("440106000012345")
    code.chmod(0o600)
    known = ("--kind", "insurance", "--code-file", str(code), *_of_a(desk))
    desk.must("person", "identify", "--subject", subject, *known)
    _officer(desk, "first")
    second = _officer(desk, "second")
    own = "0x" + desk.network.key(A).address.hex()
    asked = ("--record-id", record, "--institution", own, "--subject-id", subject, "--key", "ending.key")
    desk.must("act", "erasure-request", *asked)

    desk.must("record", "restrict", record, "--reason", "subject_request", *_of_a(desk))
    listed = desk.must("record", "list", "--key", "ending.key", "--subject", subject)["items"]
    assert {item["recordId"]: item["status"] for item in listed} == {record: "RESTRICTED", other: "CURRENT"}
    alone = ("--officer", "first.key", "--officer", "first.key")
    erasing = ("record", "erase", record, "--reason", "retention_over", *_of_a(desk))
    assert "ErasuresOfficersAlike" in desk.refused(1, *erasing, *alone)
    officers = ("--officer", "first.key", "--officer", "second.key")
    done = desk.must("record", "erase", record, "--reason", "subject_request", *_of_a(desk), *officers)
    assert (done["keysDestroyed"], json.loads(done["report"])["recordId"]) == (True, record)
    assert desk.must("record", "attest", record, *_of_a(desk))["status"] == "ERASED"

    # The other record: passed round in a file, and carried out by the gateway unasked.
    passing = ("--officer", "first.key", "--second", second, "--out", "erasure.json")
    desk.must("record", "erase", other, "--reason", "wrong_patient", *_of_a(desk), *passing)
    desk.must("act", "sign", "erasure.json", "--key", "second.key", "--out", "signed.json")
    desk.must("act", "send", "signed.json", "--key", "second.key")
    for _ in range(60):
        attested = desk.run("record", "attest", other, *_of_a(desk))
        if attested.returncode == 0:
            break
        time.sleep(1)
    assert attested.returncode == 0, attested.stdout + attested.stderr
    statuses = {
        item["status"] for item in desk.must("record", "list", "--key", "ending.key", "--subject", subject)["items"]
    }
    assert statuses == {"ERASED"}
    assert "person is not known" in desk.refused(1, "person", "resolve", *known)
    objects = [path for path in (desk.network.folder(A) / "objects").rglob("*") if path.is_file()]
    assert all(record[2:10] not in path.name for path in objects)


def test_result_is_marked_and_another_hospital_says_what_it_made_of_it(desk: Desk) -> None:
    subject = enrolled(desk, "tested")
    record = _old_record(desk, subject)
    desk.must("record", "mark", record, "--item", "250101", "--scope", "national", *_of_a(desk))
    said = ("record", "recognise", record, "--practitioner", SOMEBODY, *_of_b(desk))

    assert desk.must(*said)["accepted"] is True
    assert "RecognitionsAnswerInvalid" in desk.refused(1, *said, "--reason", "quality_doubted")
    assert desk.must(*said, "--reason", "quality_doubted", "--explained")["accepted"] is False


def test_study_received_on_another_way_is_compared(desk: Desk) -> None:
    subject = enrolled(desk, "imaged")
    files = []
    for number in (1, 2):
        dataset = pydicom.dcmread(CT)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(f"1.2.826.0.1.{number}")
        dataset.save_as(desk.folder / f"slice{number}.dcm")
        files.append(f"slice{number}.dcm")
    study = desk.must("study", "register", *files, "--subject", subject, *STUDY, *_of_a(desk))["recordId"]
    image = type("Image", (), {"subject": subject, "record": study})()
    consent = granted(desk, image, "imaged.key", "study-terms.json", "--category", "imaging")
    assert desk.must(*asking(desk, image, consent, "--out", "study.json"))["permitted"] is True
    comparing = ("--study", study, "--study-file", "study.json", *_of_b(desk), *desk.node)

    relabelled = pydicom.dcmread(desk.folder / "slice1.dcm")
    relabelled.InstitutionName = "Elsewhere"
    relabelled.save_as(desk.folder / "relabelled.dcm")
    found = desk.must("study", "compare", "slice2.dcm", "relabelled.dcm", *comparing)["items"]
    assert [item["verdict"] for item in found] == ["same file", "same pixels"]
    relabelled.PixelData = b"\x00" * len(relabelled.PixelData)
    relabelled.save_as(desk.folder / "touched.dcm")
    touched = desk.run("study", "compare", "slice1.dcm", "touched.dcm", *comparing)
    assert (touched.returncode, "differs" in touched.stdout) == (1, True)
    sys.stdout.write(touched.stdout)
