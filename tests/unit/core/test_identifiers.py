"""Codes of persons: one form each, and the check character of an ID number."""

from __future__ import annotations

import pytest

from consentry.core.identifiers import IdentifierKind, normalised
from consentry.errors import InvalidInputError

# The example of GB 11643-1999, section 3; and one with check character X.
PUBLISHED = "11010519491231002X"
K = IdentifierKind


@pytest.mark.parametrize(
    ("kind", "code", "form"),
    [
        (K.ID_NUMBER, PUBLISHED, PUBLISHED),
        (K.ID_NUMBER, "440524188001010014", "440524188001010014"),
        (K.ID_NUMBER, " 110105 19491231 002x\n", PUBLISHED),
        (K.ID_NUMBER, "\uff11\uff11\uff10\uff11\uff10\uff1519491231002\uff38", PUBLISHED),
        (K.HEALTH_CARD, "44-0106 ab12", "440106AB12"),
        (K.INSURANCE, "4401 0600 0001", "440106000001"),
        (K.PASSPORT, "chn e1234\u20105678", "CHNE12345678"),
        (K.PASSPORT, "D<<C01X00T47", "D<<C01X00T47"),
        (K.HOSPITAL_NUMBER, " mrn-0042 ", "mrn-0042"),
        (K.NETWORK_NUMBER, "aB3dE", "aB3dE"),
    ],
)
def test_code_has_one_form_however_it_is_typed(kind: K, code: str, form: str) -> None:
    assert normalised(kind, code) == form
    assert normalised(kind, form) == form


def test_case_of_a_hospital_number_tells_two_apart() -> None:
    assert normalised(K.HOSPITAL_NUMBER, "a1") != normalised(K.HOSPITAL_NUMBER, "A1")


@pytest.mark.parametrize("place", range(18))
def test_id_number_with_one_wrong_character_is_refused(place: int) -> None:
    for other in "0123456789X":
        if other != PUBLISHED[place]:
            with pytest.raises(InvalidInputError):
                normalised(K.ID_NUMBER, PUBLISHED[:place] + other + PUBLISHED[place + 1 :])


@pytest.mark.parametrize("place", range(16))
def test_id_number_with_two_neighbours_exchanged_is_refused(place: int) -> None:
    first, second = PUBLISHED[place], PUBLISHED[place + 1]
    if first != second:
        with pytest.raises(InvalidInputError):
            normalised(K.ID_NUMBER, PUBLISHED[:place] + second + first + PUBLISHED[place + 2 :])


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (K.ID_NUMBER, ""),
        (K.ID_NUMBER, "110105491231002"),  # fifteen digits, out of use
        (K.ID_NUMBER, "110105194913310021"),  # check character holds, the thirteenth month does not
        (K.ID_NUMBER, PUBLISHED + "0"),
        (K.HEALTH_CARD, "12345"),
        (K.HEALTH_CARD, "1" * 65),
        (K.INSURANCE, "4401/0600"),
        (K.PASSPORT, "E12345678"),  # no issuing state
        (K.PASSPORT, "CHNE1234567890"),
        (K.HOSPITAL_NUMBER, "   "),
        (K.HOSPITAL_NUMBER, "a\x00b"),
        (K.NETWORK_NUMBER, "n" * 65),
    ],
)
def test_code_of_another_form_is_refused_and_not_repeated(kind: K, code: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        normalised(kind, code)
    assert not code.strip() or code not in refused.value.message


def test_id_number_is_refused_for_its_date_alone() -> None:
    weighted = sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate("11010519491331002"))
    check = "10X98765432"[weighted % 11]

    assert "11010519491331002" + check == "110105194913310021"
