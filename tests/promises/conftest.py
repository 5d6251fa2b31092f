"""One year for all: playing it takes most of the time."""

from __future__ import annotations

import pytest

from tests.promises.episodes import Episodes
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
def lived(people: list[Person], year: Year) -> Episodes:
    """Plays the year on the real contracts, with all that comes up beside it."""
    episodes = Episodes(Clinic(people, SEED), year)
    episodes.play()
    return episodes


@pytest.fixture(scope="session")
def played(lived: Episodes) -> Clinic:
    """Gives the clinic whose year is over."""
    return lived.clinic
