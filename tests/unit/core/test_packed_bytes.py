"""The bytes of packed words, as they are told to whoever reads many words at once, against packing one by one."""

from __future__ import annotations

from dataclasses import replace

from consentry.core.packing import IN_CODES, IN_OUTCOME, pack_codes, pack_outcome, unpack_codes, unpack_outcome
from tests.support import samples

WORD = 32


def test_codes_stand_in_the_bytes_that_are_told() -> None:
    word = samples.word(1)
    request = replace(
        samples.request(word, word, word),
        purpose=1,
        action=2,
        legal_basis=3,
        actor_kind=4,
        reason_code=5,
        issued_at=6 << 32,
        expires_at=7 << 40,
    )
    packed = pack_codes(request)
    encoded = packed.to_bytes(WORD, "big")
    *told, unused = (int.from_bytes(encoded[where], "big") for where in IN_CODES)
    assert tuple(told) == unpack_codes(packed) == (1, 2, 3, 4, 5, 6 << 32, 7 << 40)
    assert unused == 0
    assert sum(where.stop - where.start for where in IN_CODES) == WORD


def test_outcomes_stand_in_the_bytes_that_are_told() -> None:
    packed = pack_outcome(9, 10 << 32, 11 << 24, 12 << 32)
    encoded = packed.to_bytes(WORD, "big")
    *told, unused = (int.from_bytes(encoded[where], "big") for where in IN_OUTCOME)
    assert tuple(told) == unpack_outcome(packed) == (9, 10 << 32, 11 << 24, 12 << 32)
    assert unused == 0
    assert sum(where.stop - where.start for where in IN_OUTCOME) == WORD
