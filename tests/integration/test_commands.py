"""A patient and two hospitals at their command lines: from keys to a proof, each command a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom.data
import pytest

from consentry.demo.network import HOSPITALS, QUICK, Network
from tests.vectors.bundles.build_bundles import TRUST_ROOT as OTHER_CHAIN

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
A, B = (party.name for party in HOSPITALS)
SOMEBODY = "0x" + "5c" * 32
MONTHS = ("--data-from", "2003-01", "--data-until", "2005-12")


@dataclass(frozen=True)
class Desk:
    """Command lines in a folder that holds keys and files; all talk to the gateway of hospital A."""

    folder: Path
    network: Network
    environment: dict[str, str]

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs one command."""
        return subprocess.run(
            [sys.executable, "-m", "consentry", *arguments],
            env=self.environment | more,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def must(self, *arguments: str, **more: str) -> Any:  # noqa: ANN401 - JSON
        """Runs a command that has to succeed; gives its answer."""
        done = self.run(*arguments, "--json", **more)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def refused(self, status: int, *arguments: str) -> str:
        """Runs a command that has to fail with a status and one line; gives the line."""
        done = self.run(*arguments)
        assert done.returncode == status, (arguments, done.stdout, done.stderr)
        assert len(done.stderr.splitlines()) == 1, done.stderr
        return done.stderr

    def key(self, name: str) -> str:
        """Gives the key file of a party of the network."""
        return str(self.network.state / "keys" / name)

    @property
    def node(self) -> tuple[str, ...]:
        """Gives the options that name a node of one's own."""
        return ("--node", self.environment["CONSENTRY_NODE_URL"], "--manifest", str(self.network.manifest_path))


@contextmanager
def desk_in(tmp_path_factory: pytest.TempPathFactory, **settings: int) -> Iterator[Desk]:
    """Starts a chain and the gateway of hospital A, and gives a desk before it; ``settings`` are of the deployment."""
    network = Network(tmp_path_factory.mktemp("commands"))
    try:
        url = network.start_chain().url or ""
        asyncio.run(network.deploy({**QUICK, **settings}))
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


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk_in(tmp_path_factory) as made:
        yield made


@dataclass(frozen=True)
class Image:
    """An anchored image of an enrolled patient."""

    content: Path
    subject: str
    record: str


def enrolled(desk: Desk, name: str, kind: str = "account") -> str:
    """Draws a patient's key, and enrols the patient where both stand at one desk; gives the subject id."""
    desk.must("key", "new", f"{name}.key", "--kind", kind)
    done = desk.must("subject", "enrol", "--patient-key", f"{name}.key", "--key", desk.key(A), *desk.node)
    assert desk.must("subject", "list", "--key", f"{name}.key")["items"][0]["subjectId"] == done["subjectId"]
    return str(done["subjectId"])


def anchored(desk: Desk, subject: str) -> Image:
    """Has hospital A take the small image in."""
    content = Path(str(pydicom.data.get_testdata_file("CT_small.dcm", download=False)))
    described = ("--subject", subject, "--category", "imaging", "--sensitivity", "3", "--month", "2004-01")
    done = desk.must("record", "add", str(content), *described, "--key", desk.key(A))
    return Image(content, subject, str(done["recordId"]))


def granted(desk: Desk, image: Image, key: str, terms: str, *scope: str) -> str:
    """Prepares and grants treatment access for hospital B; gives the consent id."""
    to = "0x" + desk.network.key(B).address.hex()
    wanted = ("--subject", image.subject, "--to", to, "--max-sensitivity", "3", "--uses", "5", *MONTHS, *scope)
    prepared = desk.must("consent", "prepare", *wanted, "--out", terms, "--key", key)
    done = desk.must("consent", "grant", terms, "--yes", "--key", key, *desk.node)
    assert done["consentId"] == prepared["consentId"]
    return str(done["consentId"])


def asking(desk: Desk, image: Image, consent: str, *more: str) -> tuple[str, ...]:
    """Gives the command with which hospital B asks for the image."""
    secrets = ("--key", desk.key(B), "--release-key", desk.key(f"{B}-release"))
    return ("access", "request", image.record, "--consent", consent, "--practitioner", SOMEBODY, *secrets, *more)


def denied(desk: Desk, *arguments: str) -> Any:  # noqa: ANN401 - JSON
    """Asks for what has to be denied; gives the answer."""
    done = desk.run(*arguments, "--json")
    assert done.returncode == 1, done
    return json.loads(done.stdout)


def test_whole_life_of_a_consent(desk: Desk) -> None:
    image = anchored(desk, enrolled(desk, "patient"))
    consent = granted(desk, image, "patient.key", "consent.json", "--category", "IMAGING")
    opened = desk.folder / "opened.dcm"

    read = desk.must(*asking(desk, image, consent, "--out", str(opened), "--opening", "opening.json", *desk.node))
    assert stat.S_IMODE((desk.folder / "opening.json").stat().st_mode) == 0o600
    assert opened.read_bytes() == image.content.read_bytes()
    assert stat.S_IMODE(opened.stat().st_mode) == 0o600
    refusal = denied(desk, *asking(desk, image, consent, "--purpose", "HRESCH"))
    assert (refusal["permitted"], refusal["reason"]) == (False, "PURPOSE_NOT_GRANTED")
    assert refusal["receipt"]["subjectSequence"] == 2
    desk.must("consent", "revoke", consent, "--key", "patient.key", *desk.node)
    late = desk.run(*asking(desk, image, consent))
    assert late.returncode == 1
    assert "reason: CONSENT_REVOKED" in late.stdout
    assert "receipt:\n  " in late.stdout
    assert "{" not in late.stdout

    _check_lists(desk, image, consent, read["requestId"])
    _prove(desk, read["requestId"])
    shown = desk.must("verify", "evidence.json", "--record", str(opened), "--opening", "opening.json")
    assert shown["record"] == f"{opened} is the record"
    (desk.folder / "other.dcm").write_bytes(opened.read_bytes() + b"\0")
    other = desk.refused(5, "verify", "evidence.json", "--record", "other.dcm", "--opening", "opening.json")
    assert other.startswith("consentry: step 6: plaintext commitment does not match")


def _check_lists(desk: Desk, image: Image, consent: str, request: str) -> None:
    outcomes = [
        (line["subjectSequence"], line["permitted"], line["reason"])
        for line in desk.must("history", image.subject, "--key", "patient.key", *desk.node)["items"]
    ]
    assert outcomes == [(1, True, "NONE"), (2, False, "PURPOSE_NOT_GRANTED"), (3, False, "CONSENT_REVOKED")]
    shown = desk.run("history", image.subject, "--key", "patient.key").stdout
    assert "PERMITTED" in shown
    assert image.record in shown
    consents = desk.must("consent", "list", "--subject", image.subject, "--key", "patient.key")["items"]
    assert [(item["consentId"], item["status"], item["uses"]) for item in consents] == [(consent, "REVOKED", 1)]
    own = ("record", "list", "--subject", image.subject, "--key")
    assert desk.must(*own, "patient.key")["items"] == desk.must(*own, desk.key(A), "--hospital")["items"]
    assert desk.refused(1, *own, desk.key(B), "--hospital") == "consentry: subject is not known\n"
    accesses = desk.must("access", "list", "--key", desk.key(B), *desk.node)["items"]
    assert accesses[0]["request"]["requestId"] == request
    assert len(accesses) == 3


def _prove(desk: Desk, request: str) -> None:
    custodian = "0x" + desk.network.key(B).address.hex()
    node = {"CONSENTRY_MANIFEST": str(desk.network.manifest_path), "CONSENTRY_CUSTODIAN": custodian}
    (desk.folder / "trust-root.json").unlink(missing_ok=True)
    assert desk.must("access", "prove", request, **node)["trustRoot"] == "trust-root.json"
    verified = desk.must("verify", "evidence.json")
    assert verified["permitted"] is True
    desk.must("evidence", "paper", "evidence.json", "--out", "evidence.pdf")
    on_paper = desk.must("verify", "evidence.pdf")
    assert on_paper["paper"].pop("pages").startswith("not checked")
    assert on_paper == {**verified, "paper": {"signedBy": None}}


def test_trust_root_that_is_there_is_never_changed(desk: Desk) -> None:
    image = anchored(desk, enrolled(desk, "believing"))
    consent = granted(desk, image, "believing.key", "believing.json", "--category", "IMAGING")
    request = desk.must(*asking(desk, image, consent, *desk.node))["requestId"]
    custodian = "0x" + desk.network.key(B).address.hex()
    node = {"CONSENTRY_MANIFEST": str(desk.network.manifest_path), "CONSENTRY_CUSTODIAN": custodian}
    proving, kept = ("access", "prove", request, "--out", "again.json"), desk.folder / "trust-root.json"
    kept.write_bytes(OTHER_CHAIN.read_bytes())

    beside = desk.must(*proving, "--trust-root-out", "chosen.json", **node)
    refused = desk.run(*proving, "--trust-root-out", "chosen.json", **node)
    against_other = desk.must(*proving, **node)

    assert beside["trustRoot"] == "chosen.json"
    assert desk.must("verify", "again.json", "--trust-root", "chosen.json")["permitted"] is True
    assert (refused.returncode, "file chosen.json exists already" in refused.stderr) == (2, True)
    assert kept.read_bytes() == OTHER_CHAIN.read_bytes()
    assert (against_other["keptTrustRoot"], against_other["holdsAgainstIt"]) == ("trust-root.json", False)
    kept.write_bytes((desk.folder / "chosen.json").read_bytes())
    assert desk.must(*proving, **node)["holdsAgainstIt"] is True
    assert kept.read_bytes() == (desk.folder / "chosen.json").read_bytes()


def test_correction_is_the_next_version_and_stays_covered_by_the_consent(desk: Desk) -> None:
    image = anchored(desk, enrolled(desk, "corrected"))
    consent = granted(desk, image, "corrected.key", "corrected.json", "--category", "IMAGING")
    staff = desk.must("key", "practitioner", "dr-li", "--secret", "staff.secret")["practitioner"]
    assert staff == desk.must("key", "practitioner", "dr-li", "--secret", "staff.secret")["practitioner"]
    better = desk.folder / "better.dcm"
    better.write_bytes(image.content.read_bytes() + bytes(2))
    described = ("--subject", image.subject, "--category", "imaging", "--sensitivity", "3", "--month", "2004-01")

    done = desk.must("record", "add", str(better), *described, "--previous", image.record, "--key", desk.key(A))
    again = ("record", "add", str(better), *described, "--previous", image.record, "--key", desk.key(A))

    assert "RecordsPreviousNotCurrent" in desk.refused(1, *again)
    listed = desk.must("record", "list", "--subject", image.subject, "--key", "corrected.key")["items"]
    assert {item["recordId"]: item["status"] for item in listed} == {
        image.record: "SUPERSEDED",
        done["recordId"]: "CURRENT",
    }
    secrets = ("--key", desk.key(B), "--release-key", desk.key(f"{B}-release"), "--practitioner", staff)
    assert denied(desk, *asking(desk, image, consent))["reason"] == "RECORD_SUPERSEDED"
    new = ("access", "request", done["recordId"], "--consent", consent, *secrets)
    desk.must(*new, "--out", "corrected.dcm", *desk.node)
    assert (desk.folder / "corrected.dcm").read_bytes() == better.read_bytes()


def test_passkey_far_from_the_hospital_grants_named_records(desk: Desk) -> None:
    desk.must("key", "new", "passkey", "--kind", "passkey", "--manifest", str(desk.network.manifest_path))
    signed = desk.must("subject", "sign", "--key", "passkey", "--out", "half.json")
    desk.must("subject", "enrol", "--signed", "half.json", "--key", desk.key(A))
    image = anchored(desk, signed["subjectId"])
    other = anchored(desk, signed["subjectId"])
    scope = ("--record", image.record, "--record", other.record)
    consent = granted(desk, image, "passkey", "named.json", *scope)

    command = asking(desk, image, consent, "--scope", image.record, "--scope", other.record, "--keep", "kept.json")
    first, second = desk.must(*command), desk.must(*command)

    assert first["permitted"]
    assert second == first


@dataclass(frozen=True)
class Ward:
    """Images of two patients, and the command with which hospital B asks for all of them, one file lists the last."""

    images: tuple[Image, ...]
    command: tuple[str, ...]


@pytest.fixture(scope="module")
def ward(desk: Desk) -> Ward:
    first, second = enrolled(desk, "bed-1"), enrolled(desk, "bed-2")
    images = (anchored(desk, first), anchored(desk, first), anchored(desk, second))
    consents = [
        granted(desk, image, f"{name}.key", f"{name}.json", "--category", "IMAGING", "--uses", "50")
        for image, name in ((images[0], "bed-1"), (images[2], "bed-2"))
    ]
    (desk.folder / "ward.txt").write_text(f"# the ward on Monday\n\n{images[2].record}:{consents[1]}  # bed 2\n")
    named = (images[0].record, images[1].record, "--from", "ward.txt", "--consent", consents[0])
    secrets = ("--key", desk.key(B), "--release-key", desk.key(f"{B}-release"), "--practitioner", SOMEBODY)
    return Ward(images, ("access", "request-many", *named, *secrets))


def test_many_records_under_one_signature_are_opened_and_each_is_proved(desk: Desk, ward: Ward) -> None:
    items = desk.must(*ward.command, "--out", "opened", *desk.node)["items"]

    assert [(item["recordId"], item["permitted"]) for item in items] == [(i.record, True) for i in ward.images]
    assert len({item["receipt"]["transactionHash"] for item in items}) == 1
    for item, image in zip(items, ward.images, strict=True):
        opened = desk.folder / item["file"]
        assert opened.read_bytes() == image.content.read_bytes()
        assert stat.S_IMODE(opened.stat().st_mode) == 0o600
    assert stat.S_IMODE((desk.folder / "opened").stat().st_mode) == 0o700
    for place, item in enumerate(items):
        _prove(desk, item["requestId"])
        batch = json.loads((desk.folder / "evidence.json").read_text())["batch"]
        assert (batch["place"], batch["size"], len(batch["path"])) == (place, 3, 1 if place == 2 else 2)
    node = {"CONSENTRY_MANIFEST": str(desk.network.manifest_path)}
    short = desk.must("audit", "--chain-only", **node)
    assert short["findings"] == []
    audited = desk.must("audit", "run", "--chain-only", "--out", "audited", **node)
    assert audited == short
    again = desk.must("audit", "run", "--chain-only", "--out", "audited", **node)
    taken_up = f"blocks up to {short['head']} were taken from a checkpoint of this auditor"
    assert again["limits"] == [*short["limits"][:3], taken_up, *short["limits"][3:]]
    assert again | {"limits": short["limits"]} == short
    told = desk.must("audit", "sql", "audited", "SELECT count(*) AS decisions FROM decisions")
    assert told == {"items": [{"decisions": short["decisions"]}]}
    assert "wrong_decisions" in desk.run("audit", "sql", "audited").stdout
    assert "one SELECT" in desk.refused(2, "audit", "sql", "audited", "DROP VIEW decisions")


def test_many_records_of_which_one_is_denied_tell_so_each(desk: Desk, ward: Ward) -> None:
    wrong = ("--purpose", "HRESCH")
    consent = ward.command[ward.command.index("--consent") + 1]
    listed = desk.run(*ward.command, "--each-signed", *wrong, *desk.node)
    assert listed.returncode == 1
    assert listed.stdout.count("PURPOSE_NOT_GRANTED") == 3
    assert "Traceback" not in listed.stderr

    unknown = "0x" + "44" * 32
    refused = desk.refused(1, *ward.command, f"{unknown}:{consent}")
    assert refused == "consentry: record is not known to this custodian (requests 2 of the batch)\n"
    mixed = desk.run(*ward.command, f"{unknown}:{consent}", "--each-signed", "--json")
    items = json.loads(mixed.stdout)["items"]
    assert mixed.returncode == 1
    assert [item["permitted"] for item in items] == [True, True, False, True]
    assert items[2]["problem"]["code"] == "not-found"


def test_many_kept_requests_are_decided_once_however_they_are_signed(desk: Desk, ward: Ward) -> None:
    command = (*ward.command, "--keep", "kept-ward.json")
    first, second = desk.must(*command)["items"], desk.must(*command, "--each-signed")["items"]

    assert second == first
    assert "do not match" in desk.refused(2, *command, "--purpose", "HRESCH")
    assert stat.S_IMODE((desk.folder / "kept-ward.json").stat().st_mode) == 0o600


def test_p256_key_says_who_signs(desk: Desk) -> None:
    subject = enrolled(desk, "p256", "p256")

    assert desk.must("history", subject, "--key", "p256.key")["items"] == []
    shown = desk.must("key", "show", "p256.key")
    assert (shown["kind"], len(shown["signer"])) == ("p256", 2 + 2 * 84)


def test_changed_terms_are_not_signed(desk: Desk) -> None:
    image = anchored(desk, enrolled(desk, "careful"))
    to = "0x" + desk.network.key(B).address.hex()
    wanted = ("--subject", image.subject, "--to", to, "--max-sensitivity", "3", *MONTHS, "--category", "IMAGING")
    desk.must("consent", "prepare", *wanted, "--out", "careful.json", "--key", "careful.key")
    grant = ("consent", "grant", "careful.json", "--key", "careful.key")
    unanswered = desk.run(*grant)
    path = desk.folder / "careful.json"
    path.write_text(path.read_text().replace('"maxUses": 1', '"maxUses": 1000'))

    assert unanswered.returncode == 1
    assert "how often: once\n" in unanswered.stdout
    assert "Traceback" not in unanswered.stderr
    assert "the file was changed" in desk.refused(5, *grant, "--yes")
    assert desk.must("consent", "list", "--subject", image.subject, "--key", "careful.key")["items"] == []


def test_node_of_another_deployment_is_noticed(desk: Desk, tmp_path: Path) -> None:
    content = json.loads(desk.network.manifest_path.read_text())
    foreign = tmp_path / "foreign.json"
    foreign.write_text(json.dumps(content | {"chainId": content["chainId"] + 1}))
    node = ("--node", desk.environment["CONSENTRY_NODE_URL"], "--manifest", str(foreign))

    assert "chain id" in desk.refused(4, "access", "list", "--key", desk.key(B), *node)
