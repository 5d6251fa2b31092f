"""The numbers of the steps in which a bundle is verified, and refusals that bear them.

``docs/formats/bundle.md`` says what each step is; `consentry.evidence.verify` takes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Final, TypeVar

from consentry.errors import ConsentryError, VerificationError

FORM: Final = 1
CHAIN: Final = 2
HEADERS: Final = 3
INSTITUTION: Final = 4
REQUEST: Final = 5
RECORD: Final = 6
SUBJECT: Final = 7
CONSENT: Final = 8
SIGNATURE: Final = 9
DECISION: Final = 10
ORDER: Final = 11
RULES: Final = 12
CLAIM: Final = 13
SEALS: Final = 14
WITNESSES: Final = 15
LAST: Final = WITNESSES

Member = TypeVar("Member")
_SHOWN_BEFORE: Final = 40
"""Characters shown of what two differing texts have in common."""


@contextmanager
def step(number: int) -> Iterator[None]:
    """Gives every refusal inside the number of the step."""
    try:
        yield
    except VerificationError as error:
        if error.step is not None:
            raise
        raise VerificationError(error.message, step=number, expected=error.expected, got=error.got) from error
    except ConsentryError as error:
        raise VerificationError(error.message, step=number) from error


def _from_difference(got: str, expected: str) -> tuple[str, str]:
    """Cuts off what two texts have in common at their start, but for some characters; short ones stay whole."""
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(got, expected, strict=False)))
    start = common - _SHOWN_BEFORE
    return (f"…{got[start:]}", f"…{expected[start:]}") if start > _SHOWN_BEFORE else (got, expected)


def same(number: int, what: str, got: object, expected: object) -> None:
    """Refuses two values that differ.

    Raises:
        VerificationError: they do, with the number of the step.
    """
    if got != expected:
        shown = _from_difference(*(f"0x{v.hex()}" if isinstance(v, bytes) else str(v) for v in (got, expected)))
        raise VerificationError(
            f"{what} does not match (got {shown[0]:.200}, expected {shown[1]:.200})",
            step=number,
            expected=expected,
            got=got,
        )


def present(number: int, what: str, value: Member | None) -> Member:
    """Gives a value that must be there.

    Raises:
        VerificationError: it is not, with the number of the step.
    """
    if value is None:
        raise VerificationError(f"{what} does not match (got none, expected one)", step=number)
    return value
