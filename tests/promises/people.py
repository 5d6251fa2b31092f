"""The people of the synthetic clinic: names, birth dates and every identifier that must never reach a chain.

Identity is drawn by Synthea, deterministic by seed. To each person come the identifiers of a Chinese hospital: a name
in characters, an identity card number with a valid checksum and an area code that no place has, a mobile number and a
record number at each hospital.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

from synthea.engine.generator import Generator, GeneratorOptions
from synthea.helpers.config import Config
from synthea.world.identity import assign_identity

NOBODYS_AREA: Final = "990000"
REFERENCE: Final = datetime(2027, 1, 1)  # noqa: DTZ001 - Synthea takes times without a zone
ADULT: Final = 18
_SURNAMES: Final = "王李张刘陈杨黄赵吴周欧阳"
_GIVEN: Final = "伟芳娜敏静丽强磊军洋勇艳杰涛明超秀英霞平"
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"
ICD_10: Final = ("B20", "C50.9", "E11.9", "F20.0", "F32.1", "I10", "J45.9", "K29.7", "N18.3", "O80", "S72.0", "Z21")


@dataclass(frozen=True, slots=True)
class Person:
    """One person, with what identifies it.

    Attributes:
        number: place in the population.
        name: in Latin letters, as Synthea gives it.
        chinese_name: in characters.
        born: birth date.
        sex: "M" or "F".
        card: identity card number, 18 characters.
        identifiers: further ones by their kind: telephone, passport, address and so on.
        diagnosis: an ICD-10 code.
    """

    number: int
    name: str
    chinese_name: str
    born: date
    sex: str
    card: str
    identifiers: dict[str, str]
    diagnosis: str

    def is_minor(self, day: date) -> bool:
        """Tells whether the person is under age on a day."""
        return (day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))) < ADULT


class _Registry(Generator):  # type: ignore[misc]  # Synthea has no types
    """Draws who a person is and leaves out the life."""

    def _simulate_life(self, person: Any) -> None:  # noqa: ANN401 - Synthea has no types
        assign_identity(person)


def population(size: int, seed: int, scratch: Path) -> list[Person]:
    """Draws so many people; ``scratch`` is a folder that Synthea may make things in."""
    options = GeneratorOptions()
    options.population_size, options.seed, options.reference_date = size, seed, REFERENCE
    config = Config()
    config.load()
    config.set("exporter.baseDirectory", str(scratch))
    registry = _Registry(options, config=config)
    return [_person(number, registry.generate_person(number).attributes, seed) for number in range(size)]


def _person(number: int, drawn: dict[str, Any], seed: int) -> Person:
    random = Random(f"{seed} {number}")
    born = drawn["birth_date"].date()
    kinds = ("telephone", "email", "address", "identifier_ssn", "identifier_drivers", "identifier_passport")
    identifiers = {kind: str(drawn[kind]) for kind in kinds if drawn.get(kind)}
    identifiers["mobile"] = "199" + "".join(random.choices("0123456789", k=8))
    identifiers["record at A"] = f"A{random.randrange(10**8):08d}"
    identifiers["record at B"] = f"{random.randrange(10**9, 10**10)}"
    return Person(
        number=number,
        name=f"{drawn['first_name']} {drawn['last_name']}",
        chinese_name=random.choice(_SURNAMES) + "".join(random.choices(_GIVEN, k=2)),
        born=born,
        sex=str(drawn["gender"]),
        card=_card(born, str(drawn["gender"]), random),
        identifiers=identifiers,
        diagnosis=random.choice(ICD_10),
    )


def _card(born: date, sex: str, random: Random) -> str:
    """Gives a card number after GB 11643: area, birth date, order (odd for men), check character."""
    order = random.randrange(0, 500) * 2 + (sex == "M")
    first = f"{NOBODYS_AREA}{born:%Y%m%d}{order:03d}"
    return first + _CHECKS[sum(int(digit) * weight for digit, weight in zip(first, _WEIGHTS, strict=True)) % 11]


def midnight(day: date) -> int:
    """Gives the start of a day in Coordinated Universal Time, in seconds since the epoch."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
