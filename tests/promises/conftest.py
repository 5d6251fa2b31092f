"""One year for all: playing it takes most of the time."""

from __future__ import annotations

import pytest

from tests.promises.people import Person, population
from tests.promises.recorded import Clinic
from tests.promises.schedule import Year

PEOPLE = 30
SEED = 7


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> list[Person]:
    """Draws the people."""
    return population(PEOPLE, SEED, tmp_path_factory.mktemp("synthea"))


@pytest.fixture(scope="session")
def year() -> Year:
    """Draws what they do."""
    return Year(PEOPLE, SEED)


@pytest.fixture(scope="session")
def played(people: list[Person], year: Year) -> Clinic:
    """Plays the year on the real contracts."""
    clinic = Clinic(people, SEED)
    clinic.play(year)
    return clinic
