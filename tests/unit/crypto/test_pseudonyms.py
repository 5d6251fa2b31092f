"""Pseudonyms of practitioners: the same for the same secret, and told by nobody without it."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from consentry.crypto.pseudonyms import practitioner_of
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
