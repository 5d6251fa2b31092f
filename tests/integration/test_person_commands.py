"""One person under several codes and as two subjects at the command line; then every file is searched for the codes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.test_commands import A, B, Desk, anchored, asking, desk_in, enrolled, granted

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ID_NUMBER, INSURANCE = "11010519491231002X", "440106000012345"
REASON = "two patients of one name"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk_in(tmp_path_factory) as made:
        yield made


def coded(desk: Desk, code: str) -> tuple[str, ...]:
    """Gives the options that name a file with a code."""
    file = desk.folder / f"{hashlib.sha256(code.encode()).hexdigest()[:8]}.code"
    file.write_text(code)
    file.chmod(0o600)
    return ("--code-file", str(file))


def resolved(desk: Desk, party: str, kind: str, code: str) -> list[tuple[str, bool]]:
    own = ("--key", desk.key(party), "--institution", "0x" + desk.network.key(party).address.hex())
    found = desk.must("person", "resolve", "--kind", kind, *coded(desk, code), *own)["items"]
    return [(one["subjectId"], one["linked"]) for one in found]


def identified(desk: Desk, subject: str, kind: str, code: str) -> None:
    own = ("--key", desk.key(A), "--institution", "0x" + desk.network.key(A).address.hex())
    desk.must("person", "identify", "--kind", kind, "--subject", subject, *coded(desk, code), *own)


def test_one_person_from_two_codes_to_an_undone_link(desk: Desk) -> None:
    first, second = enrolled(desk, "first"), enrolled(desk, "second")
    image = anchored(desk, first)
    identified(desk, first, "id_number", ID_NUMBER)
    consent = granted(desk, image, "first.key", "first.json", "--category", "IMAGING")
    identified(desk, first, "insurance", INSURANCE)

    # Granted under the ID number, honoured under the insurance code.
    assert resolved(desk, B, "insurance", INSURANCE) == [(first, False)]
    assert desk.must(*asking(desk, image, consent))["permitted"]
    _link_and_undo(desk, first, second)
    ended = ("person", "end", "--kind", "insurance", "--subject", first, *coded(desk, INSURANCE))
    own = ("--key", desk.key(A), "--institution", "0x" + desk.network.key(A).address.hex())
    assert desk.must(*ended, *own)["until"] is not None
    unknown = desk.refused(1, "person", "resolve", "--kind", "insurance", *coded(desk, INSURANCE), *own)
    assert "person is not known" in unknown
    _check_arguments(desk, first, own)
    assert desk.must("audit", "--chain-only", CONSENTRY_MANIFEST=str(desk.network.manifest_path))["findings"] == []


def _link_and_undo(desk: Desk, first: str, second: str) -> None:
    own = ("--key", desk.key(A), "--institution", "0x" + desk.network.key(A).address.hex())
    province = "0x" + desk.network.key("province-44").address.hex()
    named = ("--subject", first, "--subject", second, "--authority", province)
    link = desk.must("person", "link", *named, "--out", "link.json", *own)["actHash"]
    signing = ("--key", desk.key("province-44"), *desk.node)
    desk.must("person", "link", "--prepared", "link.json", *signing)
    assert resolved(desk, A, "id_number", ID_NUMBER) == [(first, False), (second, True)]
    assert resolved(desk, B, "id_number", ID_NUMBER) == [(first, False)]

    why = ("--link", link, "--reason", REASON, "--authority", province)
    desk.must("person", "unlink", *why, "--out", "unlink.json", *own)
    desk.must("person", "unlink", "--prepared", "unlink.json", *signing)
    assert resolved(desk, A, "id_number", ID_NUMBER) == [(first, False)]
    seen = desk.must("person", "links", "--subject", first, "--key", "first.key", *desk.node)["items"]
    assert [(one["status"], one["undone"]["reason"]) for one in seen] == [("UNDONE", REASON)]
    hospital = desk.must("person", "links", "--subject", second, "--as-hospital", *own)["items"]
    assert hospital == seen


def _check_arguments(desk: Desk, subject: str, own: tuple[str, ...]) -> None:
    """A code given as an argument is taken with a warning; one that others can read in a file is not."""
    named = ("--kind", "insurance", "--subject", subject, *own)
    done = desk.run("person", "identify", *named, "--code", INSURANCE)
    assert done.returncode == 0, done.stderr
    assert "can be seen" in done.stderr
    assert INSURANCE not in done.stdout + done.stderr
    file = Path(coded(desk, INSURANCE)[1])
    file.chmod(0o644)
    assert "others may read it" in desk.refused(3, "person", "end", *named, "--code-file", str(file))


def traces(code: str) -> dict[str, bytes]:
    """Gives every form in which a code could lie about."""
    plain, hashed = code.encode(), hashlib.sha256(code.encode())
    return {
        "plain": plain,
        "hexadecimal": plain.hex().encode(),
        "base64": base64.b64encode(plain).rstrip(b"=")[:-1],
        "utf-16": code.encode("utf-16-le"),
        "hash": hashed.digest(),
        "hash in hexadecimal": hashed.hexdigest().encode(),
    }


def test_no_file_of_chain_gateway_or_log_holds_a_code(desk: Desk) -> None:
    files = [path for path in desk.network.state.rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {"gateway.db", "blocks.log"} <= names
    assert any(name.endswith(".log") and name != "blocks.log" for name in names)

    found = [
        (path.name, form)
        for path in files
        for code in (ID_NUMBER, INSURANCE)
        for form, trace in traces(code).items()
        if trace in path.read_bytes()
    ]

    assert found == []
    database = desk.network.folder(A) / "gateway.db"
    assert b"person_identifiers" in database.read_bytes()
