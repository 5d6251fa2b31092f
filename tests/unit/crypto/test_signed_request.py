"""The example in ``docs/formats/http-request.md`` is what the code signs."""

from __future__ import annotations

import re
from pathlib import Path

from consentry.crypto.sign_in import (
    BOUND_HEADERS,
    SignedRequest,
    body_sha256,
    bound_headers,
    parse_content_digest,
    parse_signature_header,
)
from consentry.evidence.notation import hex_of

DOCUMENT = (Path(__file__).parents[3] / "docs/formats/http-request.md").read_text(encoding="utf-8")


def test_example_has_the_digest_it_names() -> None:
    found = re.search(r"```\n(.*?)\n\n(.*?)\n```", DOCUMENT, re.DOTALL)
    assert found
    first, *lines = found[1].splitlines()
    method, target, _ = first.split(" ")
    sent = dict(line.split(": ", 1) for line in lines)
    institution, created, nonce, _ = parse_signature_header(sent["Consentry-Signature"].replace("…", "00"))
    body = body_sha256(found[2].encode())
    assert parse_content_digest(sent["Content-Digest"]) == body
    made = SignedRequest(institution, method, sent["Host"], target, body, created, nonce, bound_headers(sent))
    assert f"What is signed: `{hex_of(made.digest())}`" in DOCUMENT


def test_document_names_the_headers_that_are_signed_in_order() -> None:
    assert tuple(re.findall(r"^\| `([\w-]+)` \|", DOCUMENT, re.MULTILINE)) == BOUND_HEADERS
