"""Looks for anything personal in what stands on a chain (promise P6).

Independent of the product: it knows people and bytes, no contract and no format of ours. Four looks are taken:

* *identifier*: a name, number, address, reason or staff id, in any of the encodings tried;
* *hash*: an unkeyed hash of one, or of a combination that is easily guessed, such as birth date, sex and diagnosis;
* *text*: anything that reads like free text, whoever wrote it;
* *date*: a birthday, or the day on which a minor comes of age, as a time.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import product
from typing import Final, NamedTuple

from eth_hash.auto import keccak

from tests.promises.people import ADULT, Person, midnight
from tests.promises.recorded import Visible
from tests.support.evm import Log
from tests.support.samples import DAY

WORD: Final = 32
SHORTEST: Final = 5
"""Fewer bytes come up by chance somewhere in a year; they are looked for as whole words alone."""
_INDEXED: Final = 4
_KEPT: Final = 16
_CHINA: Final = 8 * 3600
_MONTH: Final = 7  # place of the month of the content in a leaf
HASHES: Final[dict[str, Callable[[bytes], bytes]]] = {
    "SHA-256": lambda data: hashlib.sha256(data).digest(),
    "Keccak-256": keccak,
    "SHA-1": lambda data: hashlib.sha1(data).digest(),  # noqa: S324 - an attacker tries every hash there is
    "MD5": lambda data: hashlib.md5(data).digest(),  # noqa: S324 - what a careless custodian might hash with
    "SHA3-256": lambda data: hashlib.sha3_256(data).digest(),
    "SHA-512": lambda data: hashlib.sha512(data).digest(),
    "SHA-256 twice": lambda data: hashlib.sha256(hashlib.sha256(data).digest()).digest(),
    "Keccak-256 of SHA-256": lambda data: keccak(hashlib.sha256(data).digest()),
}
# What a browser makes an authenticator sign stands in the clear: who signs by passkey shows at which gateway.
ALLOWED: Final = (
    re.compile(
        rb'\{"type":"webauthn\.get","challenge":"[\w-]{43}","origin":"https://gateway-[ab]\.example","crossOrigin":false\}'
    ),
)
TEXTS: Final = (
    re.compile(rb"(?:^|(?<=\x00))[\x20-\x7e]{8,}(?=\x00|$)"),  # set off by zeros, as in a word or at the end of bytes
    re.compile(rb"[A-Za-z .,]{14,}"),
    re.compile(rb"[\x20-\x7e]{22,}"),
    re.compile(rb"(?:[\x20-\x7e]\x00){8,}|(?:\x00[\x20-\x7e]){8,}"),  # UTF-16
    re.compile(rb"(?:[\xe4-\xe9][\x80-\xbf]{2}){4,}"),  # characters in UTF-8
)


class Finding(NamedTuple):
    """Something personal: which look found it, where, and what it is."""

    look: str
    place: str
    what: str


def encodings(text: str) -> dict[str, bytes]:
    """Gives a text in every encoding that is tried."""
    found: dict[str, bytes] = {}
    for form in forms(text):
        plain = form.encode()
        found |= {
            f"UTF-8 {form}": plain,
            f"reversed {form}": plain[::-1],
            f"UTF-16 LE {form}": form.encode("utf-16-le"),
            f"UTF-16 BE {form}": form.encode("utf-16-be"),
            f"GB 18030 {form}": form.encode("gb18030"),
            f"hex {form}": plain.hex().encode(),
            f"HEX {form}": plain.hex().upper().encode(),
            f"base64 {form}": base64.b64encode(plain).rstrip(b"="),
        }
        digits = form[:-1] if form[:-1].isdigit() and form[-1:] in "Xx" else form
        if digits.isdecimal() and digits.isascii():
            found |= _numbers(digits)
    return found


def _numbers(digits: str) -> dict[str, bytes]:
    number = int(digits)
    size = max(1, (number.bit_length() + 7) // 8)
    return {
        f"integer {digits}": number.to_bytes(size, "big"),
        f"little-endian integer {digits}": number.to_bytes(size, "little"),
        f"BCD {digits}": bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2)),
        f"BCD filled {digits}": bytes.fromhex(digits + "f" * (len(digits) % 2)),
    }


def forms(text: str) -> set[str]:
    """Gives the ways in which people write one thing."""
    bare = re.sub(r"[\s\-./@()]", "", text)
    return {form for each in (text, bare) for form in (each, each.upper(), each.lower()) if form}


def birth_dates(born: date) -> tuple[str, ...]:
    """Gives a birth date as people write it."""
    return f"{born:%Y-%m-%d}", f"{born:%Y%m%d}", f"{born:%d/%m/%Y}", f"{born.year}年{born.month}月{born.day}日"


def combinations(person: Person) -> Iterator[str]:
    """Gives what is easily guessed of a person: few enough values to try them all."""
    births, names = birth_dates(person.born), (person.name, person.chinese_name)
    sexes = {"M": ("M", "male", "男", "1"), "F": ("F", "female", "女", "2")}[person.sex]
    pairs = [*product(names, births), *product(names, (person.card, person.diagnosis)), *product(births, sexes)]
    for parts in (*pairs, *product(births, sexes, (person.diagnosis,)), (person.card, person.diagnosis)):
        for order in (parts, parts[::-1]):
            yield from (separator.join(order) for separator in ("", "|", " ", ","))


@dataclass
class Scanner:
    """Knows the people and what identifies them.

    Attributes:
        people: who must not be found.
        secrets: further texts that must not be found: reasons, staff ids.
    """

    people: Iterable[Person]
    secrets: Iterable[str] = ()
    _needles: dict[bytes, dict[bytes, tuple[str, str]]] = field(default_factory=dict)
    _words: dict[bytes, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for text in self.secrets:
            self._know(text)
        for person in self.people:
            for text in (person.name, person.chinese_name, person.card, *person.identifiers.values()):
                self._know(text)
            for text in birth_dates(person.born):
                self._know(text)
            for text in combinations(person):
                self._know_hashes(text, {text.encode(), text.encode("gb18030")})
            for what, time in _telling(person):
                # Six bytes: a time in a field of 48 bits or more, or in a word.
                self._put("date", what, time.to_bytes(8, "big", signed=True)[2:] if time >= 0 else _negative(time))

    def look(self, pieces: Iterable[Visible]) -> list[Finding]:
        """Looks through what stands on a chain."""
        return [finding for piece in pieces for finding in (*self._known(piece), *texts(piece))]

    def _know(self, text: str) -> None:
        for what, encoded in encodings(text).items():
            self._put("identifier", what, encoded)
        charsets = ("utf-8", "utf-16-le", "gb18030")
        variants = {form.encode(charset) for form in forms(text) for charset in charsets}
        variants |= {variant.rjust(WORD, b"\0") for variant in variants} | {v.ljust(WORD, b"\0") for v in variants}
        if text.isdecimal() and text.isascii():
            variants.add(int(text).to_bytes(WORD, "big"))
        self._know_hashes(text, variants)

    def _know_hashes(self, text: str, variants: set[bytes]) -> None:
        for name, function in HASHES.items():
            for digest in map(function, variants):
                # Cut ones too: an account or a mark keeps a part of a hash.
                self._put("hash", f"{name} of {text}", digest[:_KEPT])
                self._put("hash", f"{name} of {text}", digest[-_KEPT:])

    def _put(self, look: str, what: str, needle: bytes) -> None:
        if len(needle) >= SHORTEST:
            self._needles.setdefault(needle[:_INDEXED], {})[needle] = (look, what)
        elif len(needle) > 2:
            self._words[needle.rjust(WORD, b"\0")] = self._words[needle.ljust(WORD, b"\0")] = (look, what)

    def _known(self, piece: Visible) -> Iterator[Finding]:
        data, needles = piece.data, self._needles
        for start in range(len(data) - _INDEXED + 1):
            for needle, (look, what) in needles.get(data[start : start + _INDEXED], {}).items():
                if data.startswith(needle, start):
                    yield Finding(look, piece.place, what)
        for start in range(len(data) % WORD, len(data), WORD):  # a selector stands before the words of calldata
            if known := self._words.get(data[start : start + WORD]):
                yield Finding(known[0], piece.place, known[1])


def texts(piece: Visible) -> Iterator[Finding]:
    """Finds what reads like text and is not allowed."""
    data = piece.data
    for allowed in ALLOWED:
        data = allowed.sub(b"\x80", data)
    for pattern in TEXTS:
        for match in pattern.finditer(data):
            yield Finding("text", piece.place, repr(match.group()))


def months_of_minors(logs: Iterable[tuple[int, Log]], born: Mapping[bytes, date]) -> list[Finding]:
    """Finds records of minors whose month of content is the month of birth.

    Args:
        logs: events with their times.
        born: birth dates by pseudonym, which nobody but the test knows.
    """
    return [
        Finding("date", f"{log.name} at {time}", f"month {leaf[_MONTH]} of birth of a minor")
        for time, log in logs
        if log.name == "RecordAnchored"
        for leaf in [log.members[3]]
        for day in [born.get(log.members[1])]
        if day and leaf[_MONTH] == (day.year - 1970) * 12 + day.month - 1 and time < _of_age(day)
    ]


def _of_age(born: date) -> int:
    return midnight(born) + (ADULT * 36525 // 100) * DAY


def _telling(person: Person) -> Iterator[tuple[str, int]]:
    """Gives the times that tell who a person is: the birthday, and that of coming of age."""
    born = person.born
    for years in (0, 14, ADULT):
        day = born.replace(year=born.year + years, day=min(born.day, 28) if born.month == 2 else born.day)
        for zone, shift in (("UTC", 0), ("UTC+8", _CHINA)):
            yield f"day {years} years after birth of person {person.number}, {zone}", midnight(day) - shift


def _negative(time: int) -> bytes:
    """Gives a time before 1970 as it fills a signed field."""
    return time.to_bytes(8, "big", signed=True)
