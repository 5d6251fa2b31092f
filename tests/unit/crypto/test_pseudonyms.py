"""Pseudonyms of practitioners: the same for the same secret, and told by nobody without it."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from consentry.crypto.pseudonyms import identifier_of, practitioner_of
from consentry.errors import InvalidInputError

SECRET = bytes(range(32))


def test_pseudonym_is_the_keyed_hash_that_is_documented() -> None:
    label, staff = b"consentry/practitioner/v1", "dr-李".encode()
    fields = b"".join(len(field).to_bytes(4, "big") + field for field in (label, staff))

    assert practitioner_of(SECRET, "dr-李") == hmac.new(SECRET, fields, hashlib.sha256).digest()


def test_pseudonyms_of_two_institutions_or_people_differ() -> None:
    made = {practitioner_of(secret, staff) for secret in (SECRET, bytes(32)) for staff in ("dr-li", "dr-li ")}

    assert len(made) == 4


@pytest.mark.parametrize(("secret", "staff"), [(SECRET[:31], "dr-li"), (b"", "dr-li"), (SECRET, "")])
def test_secret_or_staff_id_that_protects_nothing_is_refused(secret: bytes, staff: str) -> None:
    with pytest.raises(InvalidInputError):
        practitioner_of(secret, staff)


def test_code_of_a_person_is_a_keyed_hash_of_kind_and_code() -> None:
    secret, framed = bytes(range(32)), b"\x00\x00\x00\x17consentry/identifier/v1\x00\x00\x00\x01\x02\x00\x00\x00\x02A1"

    assert identifier_of(secret, 2, "A1") == hmac.digest(secret, framed, "sha256")
    assert len({identifier_of(secret, kind, code) for kind in (1, 2) for code in ("A1", "A2")}) == 4
    assert identifier_of(secret[::-1], 2, "A1") != identifier_of(secret, 2, "A1")


@pytest.mark.parametrize(("secret", "code"), [(b"", "A1"), (bytes(31), "A1"), (bytes(32), "")])
def test_code_without_a_secret_or_without_content_is_refused(secret: bytes, code: str) -> None:
    with pytest.raises(InvalidInputError):
        identifier_of(secret, 1, code)
